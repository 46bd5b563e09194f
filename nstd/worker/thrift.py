"""With how little memory a job is tried: what is looked at at once, and what is remembered."""

from dataclasses import dataclass, replace

from nstd.engine.tiling import Tiling
from nstd.orders import WorkOrder
from nstd.recipe import AdamChoice, LbfgsChoice, Recipe

SHORT_HISTORY = 3  # pairs of L-BFGS, each of which is two pictures in fp32
# Of pixels: the first maps have 64 channels, and kernels count a map's values in 32 bits.
MOST_AT_ONCE_PX = 2**31 // 64
LARGEST_TILE_PX, LEAST_TILE_PX = 2048, 128
LOOK_PX = 1024


@dataclass(frozen=True)
class Thrift:
    """How a job is tried: with all there is, or with what a forecast or a shortage leaves.

    `tile_px`: larger levels are looked at in tiles of that side; None: whole, where that is
    possible at all. What is freed then also goes back to the system. `keeps_targets`: what the
    network sees in the photograph is kept, and not looked at again with each tile; `keeps_history`:
    L-BFGS remembers as much as its recipe says, although there are tiles. `kept`: so many tiles
    keep their maps from the sums to the gradient, from the entry of the block `kept_from` on; what
    lies below they look at again. `helpers`: so many other devices may look at tiles as well.
    """

    tile_px: int | None = None
    keeps_targets: bool = True
    keeps_history: bool = False
    kept: int = 0
    kept_from: int = 1
    helpers: int = 0

    @property
    def is_reduced(self) -> bool:
        return self.tile_px is not None

    @property
    def look_px(self) -> int:
        """The side of the tiles of what is looked at without a gradient, and once."""
        return min(self.tile_px or LOOK_PX, LOOK_PX)

    def tiling_at(self, width: int, height: int) -> Tiling:
        """Say how a level of that size is looked at."""
        if self.tile_px is None and width * height < MOST_AT_ONCE_PX:
            return Tiling()
        side = self.tile_px or LARGEST_TILE_PX
        return Tiling(
            side, kept=self.kept, kept_from=self.kept_from, keeps_targets=self.keeps_targets
        )

    def less(self, long_px: int) -> "Thrift | None":
        """Return the next try for a picture of that long side; None when there is no smaller one.

        The first smaller one is half of the picture at most: with one tile nothing is won.
        """
        if self.tile_px is not None:
            smaller = self.tile_px // 2
        else:
            smaller = LARGEST_TILE_PX
            while smaller > LEAST_TILE_PX and smaller > long_px / 2 > 0:
                smaller //= 2
        if smaller < LEAST_TILE_PX:
            return None
        return Thrift(smaller, keeps_targets=self.keeps_targets)

    def applied(self, order: WorkOrder) -> WorkOrder:
        """Return the same job with less to remember between the steps, if memory is short."""
        if self.keeps_history or not self.is_reduced:
            return order
        rows = tuple(
            row.model_copy(update={"recipe": forgetful(row.recipe)}) for row in order.order.proof
        )
        changes = {"recipe": forgetful(order.order.recipe), "proof": rows}
        return replace(order, order=order.order.model_copy(update=changes))


def forgetful(recipe: Recipe) -> Recipe:
    """Return a recipe whose optimisers remember little: the spare ones, or a short history."""

    def short(optimizer: LbfgsChoice | AdamChoice) -> LbfgsChoice | AdamChoice:
        if isinstance(optimizer, AdamChoice):
            return optimizer
        return optimizer.model_copy(update={"history": min(optimizer.history, SHORT_HISTORY)})

    refine = recipe.refine
    if refine:
        less = refine.spare or short(refine.optimizer)
        refine = refine.model_copy(update={"optimizer": less})
    return recipe.model_copy(update={"optimizer": short(recipe.optimizer), "refine": refine})
