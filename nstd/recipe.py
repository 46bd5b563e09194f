"""What a recipe says: which network, losses, variable, optimiser and schedule make the picture."""

from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nstd.layers import layer_names
from nstd.problems import ProblemsError, did_you_mean, validated
from nstd.strict_yaml import YamlMapping, load_yaml

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1e12)]
Layers = Annotated[dict[str, Weight], Field(min_length=1)]


class Model(BaseModel):
    """Text from outside: unknown keys, wrong types, NaN and infinity are problems."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        defer_build=True,  # `nstd status` loads these models and uses few
    )


class ContentTerm(Model):
    """How far the picture may leave the photograph."""

    loss: Literal["mean_square"] = "mean_square"
    weight: Weight
    layers: Layers


class StyleTerm(Model):
    """How near the picture must come to the style, a weight for the term and one for each layer."""

    weight: Weight
    layers: Layers


class LbfgsChoice(Model):
    """L-BFGS with a strong Wolfe line search; `first_step` is a change of the variable (RMS)."""

    name: Literal["lbfgs"] = "lbfgs"
    history: Annotated[int, Field(ge=1, le=200)] = 10
    first_step: Annotated[float, Field(gt=0, le=100)] = 0.1


class AdamChoice(Model):
    """Adam whose rate falls along a half cosine to `lr · final_lr_share`."""

    name: Literal["adam"]
    lr: Annotated[float, Field(gt=0, le=1000)]
    betas: Annotated[tuple[Share, Share], Field(strict=False)] = (0.9, 0.999)
    final_lr_share: Share = 1.0


OptimizerChoice = Annotated[LbfgsChoice | AdamChoice, Field(discriminator="name")]


class Pyramid(Model):
    """Coarse to fine: each level `factor` times the one before, the last at the full size."""

    smallest_px: Annotated[int, Field(ge=32, le=4096)]
    factor: Annotated[float, Field(gt=1, le=4)] = 2.0
    taper: Annotated[float, Field(gt=0, le=1)] = 1.0
    least_steps: Annotated[int, Field(ge=1)] = 1


class Refinement(Model):
    """Levels whose long side is above `above_px`: few steps, from the photograph's own detail."""

    above_px: Annotated[int, Field(ge=32)]
    steps: Annotated[int, Field(ge=1, le=100_000)]
    variable: Literal["logit", "soft_logit", "unit"] = "unit"
    optimizer: OptimizerChoice


class Recipe(Model):
    """One method, complete: every field is in the record of what was made with it."""

    about: str
    backbone: Literal["vgg16", "vgg19"] = "vgg16"
    network: Literal["normalized", "raw"] = "normalized"
    pooling: Literal["avg", "max"] = "avg"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    content: ContentTerm
    style: dict[Literal["relative_gram", "relative_wasserstein"], StyleTerm]
    tv: Weight = 0.0
    start: Literal["content", "noise"] = "content"
    variable: Literal["logit", "soft_logit", "unit"]
    optimizer: OptimizerChoice
    steps: Annotated[int, Field(ge=1, le=100_000)]
    pyramid: Pyramid | None = None
    refine: Refinement | None = None
    snapshots: Annotated[int, Field(ge=0, le=100_000)] = 0

    @model_validator(mode="after")
    def _layers_exist(self) -> "Recipe":
        known = layer_names(self.backbone)
        named = [
            *self.content.layers,
            *(name for term in self.style.values() for name in term.layers),
        ]
        unknown = [name for name in named if name not in known]
        if unknown:
            raise ValueError(
                "; ".join(
                    f"{self.backbone} has no layer {name!r}{did_you_mean(name, known)}"
                    for name in dict.fromkeys(unknown)
                )
            )
        return self

    @property
    def style_layers(self) -> tuple[str, ...]:
        """The layers that any style term looks at, shallow to deep."""
        used = {name for term in self.style.values() for name in term.layers}
        return tuple(name for name in layer_names(self.backbone) if name in used)

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers that any term looks at, shallow to deep."""
        used = {*self.style_layers, *self.content.layers}
        return tuple(name for name in layer_names(self.backbone) if name in used)


def recipe_names() -> tuple[str, ...]:
    """Name the recipes that come with nstd."""
    folder = resources.files("nstd") / "recipes"
    return tuple(
        sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if ".yaml" in file.name)
    )


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
    text = (resources.files("nstd") / "recipes" / f"{name}.yaml").read_text("utf-8")
    fields = load_yaml(text)
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
