"""Which pictures a proof has, and how much each takes: for the work and for the clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nstd.engine.pyramid import plan_levels
from nstd.engine.tiling import Tiling
from nstd.orders import Order
from nstd.pictures.images import Photograph
from nstd.worker.effort import Effort
from nstd.worker.framing import painted_size


def picture_orders(proof: Order, photograph: Photograph) -> tuple[Order, ...]:
    """Return the pictures of a proof, row by row, each as the order of a job of its own.

    Raises:
        JobError: they would be too small.
    """
    long_px = max(proof.result_size(width=photograph.width, height=photograph.height))
    return tuple(
        proof.model_copy(
            update={
                "proof": (),
                "size_px": long_px,
                "strength": strength,
                "styles": (row.style,),
                "recipe_name": row.recipe_name,
                "recipe": row.recipe,
                "seed": row.seed,
                "style_scale": row.style_scale,
                "color": row.color,
            }
        )
        for row in proof.proof
        for strength in row.strengths
    )


@dataclass(frozen=True)
class ProofPlan:
    """What every picture takes; one of strength zero takes nothing."""

    efforts: tuple[Effort, ...]

    @classmethod
    def of(
        cls,
        orders: Sequence[Order],
        photograph: Photograph,
        tiling_at: Callable[[int, int], Tiling],
    ) -> "ProofPlan":
        return cls(tuple(_effort(order, photograph, tiling_at) for order in orders))

    @property
    def steps(self) -> int:
        """How many steps there are in all; fewer are made where a level ends early."""
        return self.steps_before(len(self.efforts))

    @property
    def total_px(self) -> float:
        """How many pixels are looked at in all."""
        return self.made_px(len(self.efforts))

    def steps_before(self, pictures: int) -> int:
        """How many steps the first so many pictures have."""
        return sum(sum(effort.steps) for effort in self.efforts[:pictures])

    def made_px(self, pictures: int, share: float = 0.0) -> float:
        """How many pixels the first so many pictures look at, and a share of the next one."""
        made = sum(effort.total_px for effort in self.efforts[:pictures])
        return made + share * self.efforts[pictures].total_px if share else made

    def eta_s(self, first_px: float, made_px: float, *, spent_s: float) -> float:
        """Return the seconds that are left; 0 while nothing is known.

        Args:
            first_px: what was looked at when the work went on here.
            made_px: what is looked at by now.
            spent_s: on what is between.
        """
        looked = made_px - first_px
        return spent_s * (self.total_px - made_px) / looked if looked else 0.0


def _effort(
    order: Order, photograph: Photograph, tiling_at: Callable[[int, int], Tiling]
) -> Effort:
    if order.strength == 0:
        return Effort((), ())
    width, height = painted_size(order, photograph)
    levels = plan_levels(order.recipe, width=width, height=height)
    return Effort.of(order.recipe, levels, tiling_at)
