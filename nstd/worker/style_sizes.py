"""At which size a style's picture is looked at for a level."""

from nstd.engine.pyramid import canvas_size
from nstd.layers import smallest_side_px
from nstd.recipe import Canvas

# Of a picture that is so much larger than its style, the power by which the style is enlarged.
ENLARGED_BY = 0.25


def style_size(
    canvas: Canvas, *, width: int, height: int, layers: tuple[str, ...]
) -> tuple[int, int]:
    """Return the width and height at which a style's picture is looked at, in pixels.

    Enlarged to a much larger canvas a style would teach the picture blur; at its own size,
    miniatures of its strokes. Measured on four paintings at a quarter of their size, against what
    they teach at their full one: enlarged by the fourth root two of them are more than twice as
    near as not enlarged, one as near, and one a quarter farther; by the square root, two are
    farther, and leave ripples.

    Args:
        width, height: of the style's picture.
        layers: the recipe's style layers.
    """
    if canvas.fit != "long_side":
        return canvas_size(canvas, width=width, height=height)
    scale = canvas.px / max(width, height)
    if scale > 1:
        scale **= ENLARGED_BY
    # The short side must leave the deepest layer something to look at.
    scale = max(scale, smallest_side_px(layers) / 4 / min(width, height))
    return round(width * scale), round(height * scale)
