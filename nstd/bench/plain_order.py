"""What a benchmark orders where a customer would have chosen nothing. No torch."""

from nstd.orders import Order, StyleShare
from nstd.recipe import Recipe, load_recipe
from nstd.recipe_files import HOUSE_RECIPE


def plain_order(
    recipe: Recipe | None = None,
    *,
    styles: tuple[StyleShare, ...] = (),
    size_px: int | None = None,
) -> Order:
    """Return an order by the house's recipe, or one made of it, from JPEG to JPEG.

    Args:
        size_px: of the long side; None: of the photograph's size.
    """
    return Order(
        styles=styles,
        recipe_name=HOUSE_RECIPE,
        recipe=recipe or load_recipe(HOUSE_RECIPE),
        size_px=size_px,
        strength=1.0,
        seed=0,
        style_scale=1.0,
        priority=0,
        output_format="jpeg",
        quality=95,
    )
