"""How a picture was made, in words."""

from collections.abc import Iterator
from typing import NamedTuple

from nstd.clock import duration
from nstd.formats import PictureFormat
from nstd.orders import Order, RunFacts
from nstd.printable import printable
from nstd.recipe import AdamChoice, Recipe

FORMATS: dict[PictureFormat, str] = {
    "jpeg": "JPEG",
    "png": "PNG",
    "tiff": "TIFF",
    "webp": "WebP",
}
STARTS = {
    "content": "the photograph",
    "noise": "noise",
    "white": "a white sheet",
    "style": "the painting",
    "noise_mix": "the photograph mixed with noise",
}
PRECISIONS = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}


class Fact(NamedTuple):
    """One line of how a picture was made."""

    name: str
    words: str


def recipe_in_words(order: Order, facts: RunFacts) -> str:
    """Say in a sentence or two what was done."""
    if order.proof:
        return _proof_in_words(order)
    recipe = order.recipe
    parts = [
        f"Painted from {_start(recipe)} in {facts.evaluations:,} steps of {_optimizer(recipe)}"
    ]
    if recipe.pyramid:
        parts.append("coarse to fine")
    sentence = ", ".join(parts)
    keeps = "the photograph’s own colours" if order.color == "keep" else "the colours of the style"
    return f"{sentence}, in {keeps}."


def _proof_in_words(order: Order) -> str:
    if order.proof_pictures == 1:
        return "One picture, painted as the final would be, only smaller."
    return f"{order.proof_pictures} pictures, each painted as its final would be, only smaller."


def facts_in_words(order: Order, facts: RunFacts, *, queued_s: float) -> tuple[Fact, ...]:
    """Say line by line what a person may want to know of a finished picture."""
    return tuple(_lines(order, facts, queued_s))


def style_in_words(order: Order) -> str:
    """Name the style; of a blend, its parts and their shares."""
    if len(order.styles) == 1:
        return printable(order.styles[0].name)
    total = sum(style.weight for style in order.styles)
    parts = (f"{style.name} ({style.weight / total:.0%})" for style in order.styles)
    return printable(" + ".join(parts))


def _lines(order: Order, facts: RunFacts, queued_s: float) -> Iterator[Fact]:
    if order.proof:
        yield from _lines_of_proof(order, facts)
    else:
        yield from _lines_of_picture(order, facts)
    precision = PRECISIONS.get(facts.precision, facts.precision)
    devices = " with ".join((facts.device, *facts.helped_by))
    yield Fact("Time", f"{duration(facts.seconds_optimise)} on {devices} in {precision}")
    yield Fact("Waited", duration(max(0.0, queued_s)))
    if facts.style_cache != "unused":
        known = "from the cache" if facts.style_cache == "hit" else "computed for this job"
        yield Fact("Style statistics", known)
    memory = f"{facts.peak_memory_bytes / 1e9:.1f} GB"
    yield Fact("Memory", memory + (", which was short" if facts.reduced_memory else ""))
    delivered = facts.losses_delivered.get("total")
    if delivered is not None:
        yield Fact("Delivered loss", f"{delivered:.4g}, of the published file in fp32")


def _lines_of_picture(order: Order, facts: RunFacts) -> Iterator[Fact]:
    recipe = order.recipe
    yield Fact("Style", f"{style_in_words(order)}, strength {order.strength:g}")
    if order.style_scale != 1:
        finer = "finer" if order.style_scale < 1 else "coarser"
        yield Fact("Strokes", f"× {order.style_scale:g}, {finer} than the painting’s")
    yield Fact("Recipe", f"{order.recipe_name}: {recipe.about}")
    network = "VGG-16" if recipe.backbone == "vgg16" else "VGG-19"
    pooling = "average" if recipe.pooling == "avg" else "max"
    yield Fact("Network", f"{network}, {recipe.network}, {pooling} pooling")
    yield Fact("Picture", f"{_size(facts.width, facts.height)}, {FORMATS[order.output_format]}")


def _lines_of_proof(order: Order, facts: RunFacts) -> Iterator[Fact]:
    """Say what holds for all rows: they may be of several recipes."""
    recipes = {row.recipe_name: row.recipe.about for row in order.proof}
    words = " ".join(f"{name}: {about}" for name, about in recipes.items())
    yield Fact("Recipe" if len(recipes) == 1 else "Recipes", words)
    if facts.proof:
        yield Fact("Pictures", f"{_size(facts.proof[0].width, facts.proof[0].height)} each")
    yield Fact("Sheet", f"{_size(facts.width, facts.height)}, {FORMATS[order.output_format]}")


def _size(width: int, height: int) -> str:
    return f"{width:,} × {height:,} pixels".replace(",", "\u202f")


def _start(recipe: Recipe) -> str:
    name = recipe.start if isinstance(recipe.start, str) else recipe.start.name
    return STARTS[name]


def _optimizer(recipe: Recipe) -> str:
    return "Adam" if isinstance(recipe.optimizer, AdamChoice) else "L-BFGS"
