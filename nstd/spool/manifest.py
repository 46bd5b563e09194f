"""YAML text → Manifest → Order: every problem at once, in words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from nstd.errors import ManifestError
from nstd.formats import FORMAT_OF_SUFFIX
from nstd.orders import ColorChoice, Order, StyleShare
from nstd.problems import ProblemsError, validated
from nstd.recipe import Model, Recipe, load_recipe
from nstd.spool.names import split_name
from nstd.spool.styles import Style, unknown_style
from nstd.strict_yaml import YamlMapping, YamlTextError, load_yaml

FileName = Annotated[str, Field(pattern=r"^[^/\\\x00]+$", max_length=255)]
Number = Annotated[float, Field(strict=False)]


class BlendPart(Model):
    """One style of a blend and its weight among the others."""

    name: str
    weight: Annotated[Number, Field(gt=0, le=1e6)] = 1.0


class Output(Model):
    """The file format of the result."""

    format: Literal["same", "jpeg", "png", "tiff", "webp"] = "same"
    quality: Annotated[int, Field(ge=1, le=100)] = 95


class Manifest(Model):
    """What a photographer may write; the keys are those of the README."""

    style: str | Annotated[list[BlendPart], Field(min_length=1, max_length=16)]
    content: Annotated[list[FileName], Field(min_length=1, max_length=10_000)] | None = None
    recipe: str | None = None
    size: Literal["original"] | Annotated[int, Field(ge=64, le=100_000)] = "original"
    strength: Annotated[Number, Field(ge=0, le=1000)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    output: Output = Output()
    style_scale: Annotated[Number, Field(ge=0.1, le=10)] = 1.0
    color: ColorChoice = "style"
    snapshots: Annotated[int, Field(ge=0, le=100_000)] | None = None
    overrides: dict[str, object] = Field(default_factory=dict)

    @property
    def blend(self) -> tuple[BlendPart, ...]:
        if isinstance(self.style, str):
            return (BlendPart(name=self.style),)
        return tuple(self.style)


def content_list(text: bytes) -> tuple[str, ...] | None:
    """Return the `content:` of a manifest if it names pictures, whatever else is wrong with it."""
    try:
        content = load_yaml(text).get("content")
    except YamlTextError:
        return None
    if isinstance(content, list) and content and all(isinstance(name, str) for name in content):
        return tuple(content)
    return None


def resolve(
    text: bytes,
    *,
    name: str,
    picture: str,
    styles: Mapping[str, Style],
    hashes: Mapping[Path, str],
    default_recipe: str,
) -> Order:
    """Read a manifest and settle everything it leaves open.

    Args:
        name: the manifest's file name, for the message.
        picture: the photograph's file name; its suffix decides `output.format: same`.
        hashes: the sha256 of every style picture that `wanted_pictures` named.

    Raises:
        ManifestError: with every problem found.
    """
    fields = _with_defaults(text, name, styles)
    problems: list[str] = []
    manifest: Manifest | None = None
    try:
        manifest = validated(Manifest, fields)
    except ProblemsError as error:
        problems += error.sentences
    problems += [
        unknown_style(style, dict(styles)) for style in _named(fields) if style not in styles
    ]
    recipe_name, overrides = fields.get("recipe", default_recipe), fields.get("overrides", {})
    recipe = None
    if isinstance(recipe_name, str) and isinstance(overrides, dict):
        try:
            recipe = load_recipe(recipe_name, overrides)
        except ProblemsError as error:
            problems += error.sentences
    if manifest is None or recipe is None or problems:
        raise ManifestError(name, tuple(problems))
    return _order(manifest, (str(recipe_name), recipe), picture, styles, hashes)


def _order(
    manifest: Manifest,
    named_recipe: tuple[str, Recipe],
    picture: str,
    styles: Mapping[str, Style],
    hashes: Mapping[Path, str],
) -> Order:
    same = FORMAT_OF_SUFFIX[split_name(picture)[1]]
    return Order(
        styles=tuple(
            StyleShare(
                name=part.name,
                weight=part.weight,
                pictures=tuple(hashes[path] for path in styles[part.name].pictures),
            )
            for part in manifest.blend
        ),
        recipe_name=named_recipe[0],
        recipe=named_recipe[1],
        size_px=None if manifest.size == "original" else manifest.size,
        strength=manifest.strength,
        seed=manifest.seed,
        style_scale=manifest.style_scale,
        priority=manifest.priority,
        output_format=same if manifest.output.format == "same" else manifest.output.format,
        quality=manifest.output.quality,
        color=manifest.color,
        snapshots=named_recipe[1].snapshots if manifest.snapshots is None else manifest.snapshots,
    )


def wanted_pictures(text: bytes, styles: Mapping[str, Style]) -> tuple[Path, ...]:
    """Return the style pictures that a manifest asks for, as far as it can be read."""
    try:
        named = _named(load_yaml(text))
    except YamlTextError:
        return ()
    return tuple(path for style in named if style in styles for path in styles[style].pictures)


def _with_defaults(text: bytes, name: str, styles: Mapping[str, Style]) -> YamlMapping:
    """Lay the manifest over the defaults of the (first) style it names."""
    try:
        fields = load_yaml(text)
    except YamlTextError as error:
        raise ManifestError(name, (str(error),)) from error
    for style in _named(fields):
        defaults = styles[style].defaults if style in styles else None
        if defaults is None:
            continue
        try:
            below = load_yaml(defaults.read_bytes())
        except YamlTextError as error:
            raise ManifestError(f"styles/{defaults.name}", (str(error),)) from error
        refused = [key for key in ("style", "content") if key in below]
        if refused:
            raise ManifestError(
                f"styles/{defaults.name}", (f"{refused[0]}: not allowed in a style's defaults",)
            )
        return {**below, **fields}
    return fields


def _named(fields: YamlMapping) -> tuple[str, ...]:
    style = fields.get("style")
    parts = style if isinstance(style, list) else [{"name": style}]
    names = (part.get("name") for part in parts if isinstance(part, dict))
    return tuple(name for name in names if isinstance(name, str))
