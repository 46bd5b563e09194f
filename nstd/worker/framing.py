"""The photograph on its way to the canvas, and the painted picture on its way into a file."""

import torch
from torch import Tensor

from nstd.engine.color import with_colors_of
from nstd.engine.pixels import resize
from nstd.engine.pyramid import canvas_size
from nstd.engine.visibility import hidden_filled, opacity
from nstd.orders import Order
from nstd.pictures.images import Photograph, encode


def on_canvas(order: Order, photograph: Photograph, device: torch.device) -> Tensor:
    """Bring the photograph to the size at which it is painted, (1, 3, H, W), on the device.

    Raises:
        JobError: the result would be too small.
    """
    width, height = painted_size(order, photograph)
    pixels = photograph.pixels.to(device)
    if order.strength or (height, width) != pixels.shape[-2:]:
        pixels = _visible(photograph, device)
    return resize(pixels, width=width, height=height)


def _visible(photograph: Photograph, device: torch.device) -> Tensor:
    """Return its pixels, with the visible colours continued where nothing can be seen."""
    return hidden_filled(photograph.pixels.to(device), opacity(photograph.alpha, device))


def painted_size(order: Order, photograph: Photograph) -> tuple[int, int]:
    """Return the width and height at which the photograph is painted.

    Raises:
        JobError: the result would be too small.
    """
    size = result_size(order, photograph)
    if order.recipe.canvas and order.strength:
        return canvas_size(order.recipe.canvas, width=photograph.width, height=photograph.height)
    return size


def result_size(order: Order, photograph: Photograph) -> tuple[int, int]:
    """Return the width and height of the result: the photograph's, or as ordered.

    Raises:
        JobError: it would be too small.
    """
    return order.result_size(width=photograph.width, height=photograph.height)


def encoded(order: Order, picture: Tensor, photograph: Photograph) -> bytes:
    """Encode a picture of the run as ordered, with the photograph's colours and luggage."""
    pixels = delivered(order, picture, photograph)
    return encode(
        pixels,
        format=order.output_format,
        quality=order.quality,
        subsampling=order.subsampling,
        luggage=photograph,
        metadata=order.metadata,
    )


def delivered(order: Order, picture: Tensor, photograph: Photograph) -> Tensor:
    """Return a picture of the run as it is delivered: its size, and whose colours, as ordered."""
    if order.recipe.canvas:
        width, height = result_size(order, photograph)
        picture = resize(picture, width=width, height=height)
    if order.color == "keep" and order.strength:
        height, width = picture.shape[-2:]
        colors = resize(_visible(photograph, picture.device), width=width, height=height)
        picture = with_colors_of(picture, colors)
    return picture
