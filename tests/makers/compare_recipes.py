"""Paint photographs × paintings with several recipes in equal time; a sheet and held-out figures.

    python tests/makers/compare_recipes.py OUT.png --content A.jpg B.jpg --style X.jpg --size 512 \
        --recipes studio gatys-2015 tv-adam wasserstein-adam [--times 1]

The first recipe runs as it is; each other one is given `times` its seconds, by cutting its steps.
Held out are layers that none of them optimises: the style distance is a sliced Wasserstein distance
at relu1_2, relu2_2, relu3_3 and relu4_3, the content distance one less the cosine of the features
at relu3_3 and relu4_3. Lower is better; the photograph itself is measured too.
"""

import argparse
import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import torch
from matplotlib.figure import Figure
from torch import Tensor

from nstd.engine.backbone import Backbone
from nstd.engine.pixels import resize
from nstd.engine.stylize import Problem, Run
from nstd.engine.targets import StyleStats, ladder_size_px, style_statistics
from nstd.pictures.images import load_photograph
from nstd.recipe import Recipe, load_recipe
from nstd.weights.load import load_backbone, load_weights
from nstd.worker.accelerator import has_bf16

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT_LAYERS = ("relu3_3", "relu4_3")
PROJECTIONS = 256
CPU = torch.device("cpu")
# As published, but for the network, which is the one at hand, and for the start and the size:
# the photograph's own, so that all begin and end at the same place.
OVERRIDES: dict[str, dict[str, object]] = {
    "gatys-2015": {"start": "content", "canvas": None},
    "tv-adam": {"canvas": None},
}


@dataclass(frozen=True)
class Row:
    """One picture and its figures."""

    content: str
    style: str
    recipe: str
    seconds: float
    evaluations: int
    style_distance: float
    content_distance: float


class HeldOut:
    """Measures a picture against photograph and painting at layers that nobody optimises."""

    def __init__(self) -> None:
        self.backbone = backbone_for(load_recipe("studio"), torch.float32, deepest="relu4_3")

    def style(self, picture: Tensor, painting: Tensor) -> float:
        """Return the mean over the layers of the sliced Wasserstein distance, without units."""
        own = self._features(picture, STYLE_LAYERS)
        other = self._features(painting, STYLE_LAYERS)
        return sum(sliced(own[name], other[name]) for name in STYLE_LAYERS) / len(STYLE_LAYERS)

    def content(self, picture: Tensor, photograph: Tensor) -> float:
        """Return the mean over the layers of one less the cosine of the features."""
        own = self._features(picture, CONTENT_LAYERS)
        other = self._features(photograph, CONTENT_LAYERS)
        cosines = [
            torch.cosine_similarity(own[name].flatten(), other[name].flatten(), dim=0)
            for name in CONTENT_LAYERS
        ]
        return 1 - float(sum(cosines)) / len(CONTENT_LAYERS)

    @torch.no_grad()
    def _features(self, picture: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        return self.backbone.features(picture, layers)


def sliced(own: Tensor, other: Tensor) -> float:
    """Compare two clouds of features along random lines, as a share of the painting's spread."""
    channels = own.shape[1]
    lines = torch.randn(channels, PROJECTIONS, generator=torch.Generator().manual_seed(0))
    lines = lines / lines.norm(dim=0)
    levels = torch.linspace(0.5 / 512, 1 - 0.5 / 512, 512)
    a, b = (at(x, levels) for x in (sorted_along(own, lines), sorted_along(other, lines)))
    spread = (b - b.mean(0)).square().mean(0).sqrt()
    return float(((a - b).abs().mean(0) / spread).mean())


def sorted_along(features: Tensor, lines: Tensor) -> Tensor:
    """Project (1, C, H, W) onto the lines and sort: (H·W, lines)."""
    flat = features.flatten(2)[0].T  # (H·W, C)
    return (flat @ lines).sort(dim=0).values


def at(ordered: Tensor, levels: Tensor) -> Tensor:
    """Read sorted columns at some shares of their length."""
    return ordered[(levels * ordered.shape[0]).long().clamp(max=ordered.shape[0] - 1)]


def backbone_for(recipe: Recipe, dtype: torch.dtype, deepest: str | None = None) -> Backbone:
    """Return the network of a recipe."""
    return load_backbone(
        load_weights(recipe.backbone),
        network=recipe.network,
        pooling=recipe.pooling,
        padding=recipe.padding,
        layers=(*recipe.layers, deepest) if deepest else recipe.layers,
        dtype=dtype,
        device=CPU,
    )


def sized(path: Path, size_px: int) -> Tensor:
    """Load a picture with that long side."""
    pixels = load_photograph(path.read_bytes()).pixels
    scale = size_px / max(pixels.shape[-2:])
    return resize(
        pixels, width=round(pixels.shape[3] * scale), height=round(pixels.shape[2] * scale)
    )


def problem_of(recipe: Recipe, content: Tensor, painting: Tensor) -> Problem:
    """Set a recipe to work; the painting's statistics as the daemon takes them."""
    fast = recipe.precision != "fp32" and has_bf16(CPU)
    backbone = backbone_for(recipe, torch.bfloat16 if fast else torch.float32)

    def style_at(width: int, height: int) -> StyleStats:
        scale = min(1.0, ladder_size_px(max(width, height)) / max(painting.shape[-2:]))
        small = resize(
            painting,
            width=round(painting.shape[3] * scale),
            height=round(painting.shape[2] * scale),
        )
        return style_statistics(backbone, small, recipe.style_layers)

    return Problem(recipe, backbone, content, style_at, 1.0, 0, lambda: painting)


def within(name: str, seconds: float, content: Tensor, painting: Tensor) -> Recipe:
    """Cut a recipe's steps so that it takes about so many seconds here."""
    recipe = load_recipe(name, {"backbone": "vgg16"} | OVERRIDES.get(name, {}))
    trial = recipe.model_copy(update={"steps": 3, "pyramid": None, "snapshots": 0})
    run = iter(Run(problem_of(trial, content, painting)))
    next(run)
    began = time.perf_counter()
    next(run), next(run)
    per_step = (time.perf_counter() - began) / 2
    if recipe.pyramid is None:
        return recipe.model_copy(
            update={"steps": max(2, min(recipe.steps, int(seconds / per_step)))}
        )
    # Each level below has 1 / factor² of the pixels; the smallest twice the steps of the others.
    plan = Run(problem_of(recipe, content, painting)).levels
    shares = [(level.width * level.height) / content[0, 0].numel() for level in plan]
    cost = per_step * (sum(shares) + shares[0])
    least = max(1, min(recipe.pyramid.least_steps, int(seconds / cost)))
    pyramid = recipe.pyramid.model_copy(update={"least_steps": least})
    return recipe.model_copy(update={"steps": 2 * least, "pyramid": pyramid})


def paint(recipe: Recipe, content: Tensor, painting: Tensor) -> tuple[Tensor, float, int]:
    """Run to the end; return the eight-bit picture, seconds and evaluations."""
    began = time.perf_counter()
    run = Run(problem_of(recipe, content, painting))
    for _ in run:
        pass
    seconds = time.perf_counter() - began
    return run.picture.mul(255).round() / 255, seconds, run.step


def main() -> None:
    """Paint everything, write the sheet and the figures beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--content", type=Path, nargs="+", required=True)
    parser.add_argument("--style", type=Path, nargs="+", required=True)
    parser.add_argument("--pairs", action="store_true", help="the first with the first, and so on")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--times", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, help="of the other recipes, in place of --times")
    parser.add_argument("--recipes", nargs="+", default=["studio", "wasserstein-adam"])
    arguments = parser.parse_args()
    pairs = (
        list(zip(arguments.content, arguments.style, strict=True))
        if arguments.pairs
        else [(c, s) for c in arguments.content for s in arguments.style]
    )
    held_out, rows, pictures = HeldOut(), [], []
    for content_path, style_path in pairs:
        content = sized(content_path, arguments.size)
        painting = load_photograph(style_path.read_bytes()).pixels
        small = sized(style_path, arguments.size)
        line = [content, small]
        names = (content_path.stem, style_path.stem)
        rows.append(Row(*names, "photograph", 0, 0, held_out.style(content, small), 0.0))
        budget = math.inf
        for name in arguments.recipes:
            if math.isinf(budget):
                recipe = load_recipe(name)
            else:
                seconds = arguments.seconds or budget * arguments.times
                recipe = within(name, seconds, content, painting)
            picture, seconds, evaluations = paint(recipe, content, painting)
            budget = min(budget, seconds)
            rows.append(
                Row(
                    *names, name, seconds, evaluations,
                    held_out.style(picture, small), held_out.content(picture, content),
                )
            )  # fmt: skip
            line.append(picture)
            print(json.dumps(asdict(rows[-1])), flush=True)
        pictures.append(line)
        draw(pictures, rows, arguments.recipes, arguments.out)
        arguments.out.with_suffix(".json").write_text(
            json.dumps([asdict(row) for row in rows], indent=1)
        )


def draw(pictures: list[list[Tensor]], rows: list[Row], recipes: list[str], out: Path) -> None:
    """Lay out a row a pair: photograph, painting, then each recipe's picture with its figures."""
    columns = len(recipes) + 2
    figure = Figure(figsize=(4.2 * columns, 3.6 * len(pictures)), layout="constrained")
    axes = figure.subplots(len(pictures), columns, squeeze=False)
    for index, line in enumerate(pictures):
        own = rows[index * (len(recipes) + 1) : (index + 1) * (len(recipes) + 1)]
        titles = [own[0].content, own[0].style] + [
            f"{row.recipe}: {row.seconds:.0f} s, {row.evaluations} ev.\n"
            f"style {row.style_distance:.3f}, content {row.content_distance:.3f}"
            for row in own[1:]
        ]
        for axis, picture, title in zip(axes[index], line, titles, strict=True):
            axis.imshow(picture[0].permute(1, 2, 0).numpy(), interpolation="lanczos")
            axis.set_title(title, fontsize=10)
            axis.set_axis_off()
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main()
