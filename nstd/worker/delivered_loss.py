"""The loss of a result as the customer will decode it: eight bits, and all of the objective."""

from nstd.engine.backbone import Backbone
from nstd.engine.color import grey
from nstd.engine.objective import make_objective
from nstd.engine.pixels import resize
from nstd.engine.stylize import Run
from nstd.engine.synchronization import read
from nstd.engine.targets import StyleStats
from nstd.engine.tiling import Tiling
from nstd.engine.visibility import pixel_weights
from nstd.pictures.images import load_photograph
from nstd.worker.accelerator import exact_fp32
from nstd.worker.artifacts import group_sums


@exact_fp32()
def delivered_loss(
    data: bytes,
    run: Run,
    *,
    backbone: Backbone,
    style: StyleStats,
    keeps_colors: bool,
    tiling: Tiling,
) -> dict[str, float]:
    """Evaluate the objective of a run's last level in fp32 on a file's pixels.

    Args:
        backbone: in fp32.
        style: measured in fp32, for the last level.
        keeps_colors: the run painted in grey.

    Returns:
        the sums of the terms by group, as the record has them.
    """
    problem, level = run.problem, run.levels[-1]
    decoded = load_photograph(data).pixels.to(problem.content.device)
    delivered = resize(decoded, width=level.width, height=level.height)
    if keeps_colors:
        delivered = grey(delivered)
    objective = make_objective(
        problem.recipe,
        backbone=backbone,
        content=problem.content,
        style=style,
        strength=problem.strength,
        weights=pixel_weights(problem.alpha, width=level.width, height=level.height),
        tiling=tiling,
    )
    return group_sums(objective.names, read(objective.terms(delivered)))
