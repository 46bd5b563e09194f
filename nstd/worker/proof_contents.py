"""What a proof's sheet shows, from its order and its pictures: pixels in eight bits, and words."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nstd.engine.pixels import resize
from nstd.orders import Order, ProofRow, WorkOrder
from nstd.pictures.images import Photograph, load_photograph
from nstd.worker.proof_checkpoint import ProofPicture
from nstd.worker.proof_sheet import Pixels, SheetContents, SheetPicture, SheetRow

PAINTING_PX = 512  # the long side of a painting before the sheet makes it as small as it needs


def contents_of(
    work: WorkOrder, photograph: Photograph, pictures: Sequence[ProofPicture]
) -> SheetContents:
    """Return what the sheet shows; `pictures` are all there are, row by row."""
    order = work.order
    width, height = order.result_size(width=photograph.width, height=photograph.height)
    small = on_white(resize(photograph.pixels, width=width, height=height), photograph)
    data = {style.sha256: style.data for style in work.styles}
    left = iter(pictures)
    rows = tuple(
        SheetRow(
            _painting(data[row.style.pictures[0]]),
            row.style.name,
            _details(row, order),
            tuple(_sheet_picture(next(left)) for _ in row.strengths),
        )
        for row in order.proof
    )
    words = f"{photograph.width} × {photograph.height} px"
    return SheetContents(
        work.title or "Proof",
        _subtitle(order, size_px=max(width, height)),
        SheetPicture(small.numpy(), "the photograph", words),
        rows,
    )


def on_white(pixels: Tensor, photograph: Photograph) -> Tensor:
    """Return a picture (1, 3, h, w) in [0, 1] in eight bits, (h, w, 3) on the host.

    Where the photograph is transparent, the white of the sheet shows.
    """
    if photograph.alpha is not None:
        alpha = photograph.alpha.to(pixels.device)  # (1, 1, H, W)
        if alpha.shape[-2:] != pixels.shape[-2:]:
            alpha = torch.nn.functional.interpolate(alpha, pixels.shape[-2:], mode="area")
        pixels = pixels * alpha + (1 - alpha)
    # In fp64, as files are rounded: in fp32 a level may fall to the other side of a half.
    levels = pixels.squeeze(0).double().clamp(0, 1).mul(255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).cpu().contiguous()


def _painting(data: bytes) -> Pixels:
    painting = load_photograph(data)
    scale = min(1.0, PAINTING_PX / max(painting.width, painting.height))
    size = (max(1, round(painting.width * scale)), max(1, round(painting.height * scale)))
    small = resize(painting.pixels, width=size[0], height=size[1])
    pixels: Pixels = on_white(small, painting).numpy()
    return pixels


def _sheet_picture(picture: ProofPicture) -> SheetPicture:
    facts = picture.facts
    return SheetPicture(picture.pixels.numpy(), facts.style, f"strength {facts.strength:g}")


def _details(row: ProofRow, order: Order) -> tuple[str, ...]:
    """Say what else is special to a row, in the words of a manifest."""
    words = []
    if (count := len(row.style.pictures)) > 1:
        words.append(f"{count} paintings")
    if len({other.recipe_name for other in order.proof}) > 1:
        words.append(f"recipe: {row.recipe_name}")
    if row.style_scale != 1:
        words.append(f"style_scale: {row.style_scale:g}")
    if row.color == "keep":
        words.append("color: keep")
    return tuple(words)


def _subtitle(order: Order, *, size_px: int) -> str:
    styles = f"{len(order.proof)} styles" if len(order.proof) > 1 else "one style"
    columns = {row.strengths for row in order.proof}
    words = [f"Proof: {styles}"]
    if len(columns) == 1 and len(strengths := next(iter(columns))) > 1:
        words[0] += f" × {len(strengths)} strengths"
    recipes = {row.recipe_name for row in order.proof}
    if len(recipes) == 1:
        words.append(f"recipe {recipes.pop()}")
    words.append(f"each picture {size_px} px")
    return " · ".join(words)
