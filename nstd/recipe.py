"""What a recipe says: which network, losses, variable, optimiser and schedule make the picture."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from nstd.layers import layer_names
from nstd.model import Model
from nstd.problems import ProblemsError, did_you_mean, validated
from nstd.recipe_files import recipe_names, recipe_text
from nstd.strict_yaml import YamlMapping, load_yaml

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1e12)]
Layers = Annotated[dict[str, Weight], Field(min_length=1)]


class ContentTerm(Model):
    """How far the picture may leave the photograph."""

    loss: Literal["mean_square", "quarter_mean_square", "sum_square", "half_sum_square"] = (
        "mean_square"
    )
    weight: Weight
    layers: Layers


class StyleTerm(Model):
    """How near the picture must come to the style, a weight for the term and one for each layer."""

    weight: Weight
    layers: Layers


class GramTerm(StyleTerm):
    """Squared differences of Gram matrices F·Fᵀ, divided as `normalization` says.

    `none`; `hw` by H·W; `chw` by C·H·W; `gatys` the whole term by 4·C²·(H·W)² (2015, eq. 4).
    """

    normalization: Literal["none", "hw", "chw", "gatys"] = "hw"
    reduction: Literal["mean", "sum"] = "mean"


class StyleTerms(Model):
    """The style losses; those that are left out, or null, are not computed."""

    gram: GramTerm | None = None
    relative_gram: StyleTerm | None = None
    wasserstein: StyleTerm | None = None
    relative_wasserstein: StyleTerm | None = None

    @property
    def chosen(self) -> dict[str, StyleTerm]:
        """The terms that are computed, by name."""
        terms = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: term for name, term in terms.items() if term is not None}


class TvTerm(Model):
    """Total variation: `l1` or `l2` of neighbours, or the rounder `nine_point` stencil."""

    loss: Literal["l1", "l2", "nine_point"] = "l2"
    weight: Weight


class NoiseMix(Model):
    """A start of uniform noise, ± `amplitude` of 255 levels around grey, mixed with the content."""

    name: Literal["noise_mix"]
    noise_share: Share = 0.6
    amplitude: Annotated[float, Field(gt=0, le=255)] = 20.0


class LbfgsChoice(Model):
    """L-BFGS; `first_step` is a change of the variable (RMS).

    In bf16 the pairs of its history take half of the memory. Without a line search every step has
    the length one (as torch's own default), and nothing holds it back.
    """

    name: Literal["lbfgs"] = "lbfgs"
    history: Annotated[int, Field(ge=1, le=200)] = 10
    history_precision: Literal["fp32", "bf16"] = "fp32"
    first_step: Annotated[float, Field(gt=0, le=100)] = 0.1
    line_search: Literal["strong_wolfe", "none"] = "strong_wolfe"


class ConstantRate(Model):
    """The learning rate stays."""

    name: Literal["constant"] = "constant"


class StepDecay(Model):
    """The learning rate is multiplied by `factor` every `every` steps."""

    name: Literal["step"]
    every: Annotated[int, Field(ge=1)]
    factor: Annotated[float, Field(gt=0, le=1)]


class CosineDecay(Model):
    """The learning rate falls to `final_share` of itself along a half cosine."""

    name: Literal["cosine"]
    final_share: Share = 0.0


Schedule = Annotated[ConstantRate | StepDecay | CosineDecay, Field(discriminator="name")]


class AdamChoice(Model):
    """Adam; `carry_moments` takes its moments, enlarged, from one level to the next."""

    name: Literal["adam"]
    lr: Annotated[float, Field(gt=0, le=1000)]
    betas: Annotated[tuple[Share, Share], Field(strict=False)] = (0.9, 0.999)
    schedule: Schedule = ConstantRate()
    carry_moments: bool = False


OptimizerChoice = Annotated[LbfgsChoice | AdamChoice, Field(discriminator="name")]
Variable = Literal["logit", "soft_logit", "unit", "unit_clamped_late", "normalized", "byte"]


class Pyramid(Model):
    """Coarse to fine: each level `factor` times the one before, the last at the full size."""

    smallest_px: Annotated[int, Field(ge=32, le=4096)]
    factor: Annotated[float, Field(gt=1, le=4)] = 2.0
    taper: Annotated[float, Field(gt=0, le=1)] = 1.0
    least_steps: Annotated[int, Field(ge=1)] = 1
    enlarge: Literal["detail", "bicubic"] = "detail"


class Refinement(Model):
    """Levels whose long side is above `above_px`: few steps, from the photograph's own detail.

    The first of them takes `steps`, each further one `taper` times those of the one before. `spare`
    is in place of `optimizer` where there is too little memory for that.
    """

    above_px: Annotated[int, Field(ge=32)]
    steps: Annotated[int, Field(ge=1, le=100_000)]
    taper: Annotated[float, Field(gt=0, le=1)] = 1.0
    variable: Variable = "unit"
    optimizer: OptimizerChoice
    spare: AdamChoice | None = None


class Canvas(Model):
    """The size at which a method paints; its result is resized to the size that was ordered.

    `square` squashes photograph and style to px × px.
    """

    fit: Literal["long_side", "short_side", "square"]
    px: Annotated[int, Field(ge=32, le=100_000)]

    def pixels(self, *, width: int, height: int) -> int:
        """Return about how many pixels a picture has on it.

        The exact size is the engine's to say; this is for who must refuse what nobody can hold.
        """
        sides = {"square": 1.0, "short_side": min(width, height), "long_side": max(width, height)}
        across = (1, 1) if self.fit == "square" else (width, height)
        scale = self.px / sides[self.fit]
        return round(across[0] * scale) * round(across[1] * scale)


class Recipe(Model):
    """One method, complete: every field is in the record of what was made with it."""

    about: str
    backbone: Literal["vgg16", "vgg19"] = "vgg16"
    network: Literal["normalized", "raw"] = "normalized"
    pooling: Literal["avg", "max"] = "avg"
    padding: Literal["zeros", "replicate"] = "zeros"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    canvas: Canvas | None = None
    content: ContentTerm | None = None
    style: StyleTerms = StyleTerms()
    tv: TvTerm | None = None
    start: Literal["content", "noise", "white", "style"] | NoiseMix = "content"
    variable: Variable
    optimizer: OptimizerChoice
    steps: Annotated[int, Field(ge=1, le=100_000)]
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    pyramid: Pyramid | None = None
    refine: Refinement | None = None
    snapshots: Annotated[int, Field(ge=0, le=100_000)] = 0

    @model_validator(mode="after")
    def _layers_exist(self) -> "Recipe":
        known = layer_names(self.backbone)
        unknown = [name for name in self._named_layers if name not in known]
        if unknown:
            raise ValueError(
                "; ".join(
                    f"{self.backbone} has no layer {name!r}{did_you_mean(name, known)}"
                    for name in dict.fromkeys(unknown)
                )
            )
        if not self._named_layers:
            raise ValueError("a recipe needs a content term or a style term")
        return self

    @property
    def _named_layers(self) -> tuple[str, ...]:
        styles = (name for term in self.style.chosen.values() for name in term.layers)
        return (*self.content_layers, *styles)

    @property
    def content_layers(self) -> tuple[str, ...]:
        """The layers that the content term looks at; none where there is no such term."""
        return tuple(self.content.layers) if self.content else ()

    @property
    def style_layers(self) -> tuple[str, ...]:
        """The layers that any style term looks at, shallow to deep."""
        used = {name for term in self.style.chosen.values() for name in term.layers}
        return tuple(name for name in layer_names(self.backbone) if name in used)

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers that any term looks at, shallow to deep."""
        used = {*self.style_layers, *self.content_layers}
        return tuple(name for name in layer_names(self.backbone) if name in used)


def load_recipe(name: str, overrides: YamlMapping | None = None) -> Recipe:
    """Return the named recipe with some of its fields replaced.

    Raises:
        ProblemsError: the name is unknown, or the overrides do not fit.
    """
    known = recipe_names()
    if name not in known:
        raise ProblemsError(
            (f"recipe: found {name!r}; allowed are {', '.join(known)}{did_you_mean(name, known)}",)
        )
    fields = load_yaml(recipe_text(name))
    return validated(Recipe, _merged(fields, overrides or {}), at="overrides" if overrides else "")


def _merged(fields: Mapping[str, object], overrides: Mapping[str, object]) -> YamlMapping:
    """Lay overrides over a recipe, mapping by mapping; a `layers` mapping is replaced whole."""
    merged = dict(fields)
    for key, value in overrides.items():
        below = merged.get(key)
        if key != "layers" and isinstance(value, Mapping) and isinstance(below, Mapping):
            # Another optimiser has other fields: those of the recipe's must not stay behind.
            other = "name" in value and value["name"] != below.get("name")
            merged[key] = value if other else _merged(below, value)
        else:
            merged[key] = value
    return merged
