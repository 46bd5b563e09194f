"""Which pictures a proof has, and how many steps each takes: for the work and for the clock."""

from collections.abc import Sequence
from dataclasses import dataclass

from nstd.engine.pyramid import plan_levels
from nstd.orders import Order
from nstd.pictures.images import Photograph
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
    """The pixels of every step of every picture: what a step costs follows them."""

    costs: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, orders: Sequence[Order], photograph: Photograph) -> "ProofPlan":
        return cls(tuple(_costs(order, photograph) for order in orders))

    @property
    def steps(self) -> int:
        """How many steps there are in all; fewer are made where a level ends early."""
        return self.steps_before(len(self.costs))

    def steps_before(self, pictures: int) -> int:
        """How many steps the first so many pictures have."""
        return sum(len(costs) for costs in self.costs[:pictures])

    def eta_s(self, first: int, step: int, *, spent_s: float) -> float:
        """Return the seconds that are left.

        Args:
            first: the step from which the work went on here.
            step: the step that was made last.
            spent_s: on the steps between.
        """
        costs = [cost for picture in self.costs for cost in picture]
        made = sum(costs[first:step])
        return spent_s * sum(costs[step:]) / made if made else 0.0


def _costs(order: Order, photograph: Photograph) -> tuple[int, ...]:
    if order.strength == 0:
        return ()
    width, height = painted_size(order, photograph)
    levels = plan_levels(order.recipe, width=width, height=height)
    return tuple(level.width * level.height for level in levels for _ in range(level.steps))
