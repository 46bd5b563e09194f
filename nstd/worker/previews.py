"""Small pictures for people to look at: a job as it is now, and a result beside its photograph."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from nstd.engine.color import with_colors_of
from nstd.engine.pixels import resize
from nstd.orders import THUMB_SUFFIXES, Order, ProducedFile
from nstd.pictures.images import Photograph, to_pillow
from nstd.worker.framing import result_size
from nstd.worker.shortage import is_shortage

LIVE_PX, LIVE_QUALITY = 512, 80
THUMB_PX, THUMB_QUALITY = 800, 82

Made = TypeVar("Made")


@dataclass(frozen=True)
class Miniatures:
    """Makes the small pictures of one job, on its device; made by `of`.

    `before` is the photograph, (1, 3, h, w) in [0, 1], as large as a thumb; `alpha`, (1, 1, h, w),
    is its own, if it has any.
    """

    before: Tensor
    alpha: Tensor | None
    keeps_colors: bool

    @classmethod
    def of(cls, order: Order, photograph: Photograph, content: Tensor) -> "Miniatures":
        """Make the photograph small once.

        Args:
            content: it at the size at which it is painted, on the device.
        """
        width, height = fitted(*result_size(order, photograph), longest_px=THUMB_PX)
        # A canvas has a shape of its own, and may be smaller than a thumb.
        source = photograph.pixels if order.recipe.canvas else content
        before = resize(source, width=width, height=height).to(content.device)
        alpha = photograph.alpha
        if alpha is not None:
            alpha = F.interpolate(alpha, (height, width), mode="area").to(content.device)
        return cls(before, alpha, order.color == "keep")

    def live(self, picture: Tensor) -> bytes | None:
        """Return a picture of the run as a JPEG of at most 512 px, not enlarged.

        The device is read once, for no more than these pixels.

        Returns:
            None where there is too little memory: the job needs it more.
        """
        longest_px = min(LIVE_PX, max(picture.shape[-2:]))
        return _if_it_fits(lambda: _jpeg(self._seen(picture, longest_px), LIVE_QUALITY))

    def thumbs(self, picture: Tensor) -> tuple[ProducedFile, ...]:
        """Return the photograph and the result as JPEGs of one size, at most 800 px long.

        Returns:
            none where there is too little memory: the result is worth more.
        """

        def both() -> tuple[ProducedFile, ...]:
            pictures = over_white(self.before, self.alpha), self._seen(picture, THUMB_PX)
            return tuple(
                ProducedFile(suffix, _jpeg(pixels, THUMB_QUALITY))
                for suffix, pixels in zip(THUMB_SUFFIXES, pictures, strict=True)
            )

        return _if_it_fits(both) or ()

    def _seen(self, picture: Tensor, longest_px: int) -> Tensor:
        """Return a picture of the run small, in the colours it is delivered in, over white."""
        height, width = self.before.shape[-2:]
        width, height = fitted(width, height, longest_px=longest_px)
        small = resize(picture, width=width, height=height)
        if self.keeps_colors:
            small = with_colors_of(small, resize(self.before, width=width, height=height))
        alpha = self.alpha
        if alpha is not None:
            alpha = F.interpolate(alpha, (height, width), mode="area")
        return over_white(small, alpha)


def sheet_thumb(sheet: Image.Image) -> ProducedFile:
    """Return a proof's sheet as a JPEG of at most 800 px: there is no photograph to lie below."""
    size = fitted(sheet.width, sheet.height, longest_px=THUMB_PX)
    out = io.BytesIO()
    sheet.resize(size, Image.Resampling.LANCZOS).save(out, format="JPEG", quality=THUMB_QUALITY)
    return ProducedFile(THUMB_SUFFIXES[1], out.getvalue())


def fitted(width: int, height: int, *, longest_px: int) -> tuple[int, int]:
    """Return a size of the same shape whose long side is at most so many pixels."""
    scale = min(1.0, longest_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def over_white(pixels: Tensor, alpha: Tensor | None) -> Tensor:
    """Lay a picture (1, 3, H, W) with its alpha (1, 1, H, W) onto white paper."""
    return pixels if alpha is None else torch.lerp(torch.ones_like(pixels), pixels, alpha)


def _jpeg(pixels: Tensor, quality: int) -> bytes:
    """Encode a picture (1, 3, H, W) in sRGB; this is where the host waits for the device."""
    out = io.BytesIO()
    to_pillow(pixels).save(out, format="JPEG", quality=quality)
    return out.getvalue()


def _if_it_fits(make: Callable[[], Made]) -> Made | None:
    try:
        return make()
    except Exception as error:
        if is_shortage(error):
            return None
        raise
