"""What a manifest may say, and the order that follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from nstd.formats import Subsampling, result_format
from nstd.model import Model
from nstd.orders import ColorChoice, MetadataChoice, Order, StyleShare
from nstd.printable import shown
from nstd.problems import ProblemsError, validated
from nstd.recipe import Recipe
from nstd.spool.names import LONGEST_NAME_BYTES, normal_form, split_name
from nstd.spool.styles import Style
from nstd.spool.urgency import Urgency
from nstd.strict_yaml import YamlTextError, load_yaml

MOST_STYLES = 16
WHOLE_LIBRARY = "*"
MOST_FILES = 10_000
MOST_PATTERNS = 100  # each is compared with every file of the folder, at every listing


def _file_name(name: str) -> str:
    if not name or set(name) & set("/\\\0") or len(name.encode("utf-8")) > LONGEST_NAME_BYTES:
        raise ValueError(
            f"found '{shown(name)}'; the name of a file in the manifest's own folder is expected"
        )
    return normal_form(name)


def _few_patterns(names: list[str]) -> list[str]:
    patterns = sum(is_pattern(name) for name in names)
    if patterns > MOST_PATTERNS:
        raise ValueError(
            f"found {patterns} patterns with * or ?; at most {MOST_PATTERNS} are allowed"
        )
    return names


def _one_or_a_blend(style: object) -> object:
    if style == WHOLE_LIBRARY:
        raise ValueError(
            "found '*', which stands for the whole library in a contact sheet: add 'proof: true'"
        )
    if isinstance(style, list) and any(isinstance(part, str) for part in style):
        raise ValueError(
            "found a list of names, which is for a contact sheet: add 'proof: true'; a blend is "
            "written [{name: mosaic, weight: 2}, {name: flow-strokes, weight: 1}]"
        )
    return style


def _one_strength(strength: object) -> object:
    if isinstance(strength, list):
        raise ValueError(
            "found a list, which is for a contact sheet: add 'proof: true', or write one number"
        )
    return strength


def is_pattern(name: str) -> bool:
    """Tell whether a name of `content:` may stand for several files (fnmatch's signs)."""
    return bool(set(name) & set("*?["))


Name = Annotated[str, AfterValidator(normal_form)]
FileName = Annotated[str, AfterValidator(_file_name)]
Content = Annotated[
    list[FileName], Field(min_length=1, max_length=MOST_FILES), AfterValidator(_few_patterns)
]
Number = Annotated[float, Field(strict=False)]
Strength = Annotated[Number, Field(ge=0, le=1000)]
HIGHEST_PRIORITY = 1_000_000


# As photographers write it, which YAML 1.1 reads as hours, minutes and seconds.
_WRITTEN_WITH_COLONS: dict[object, Subsampling] = {
    "4:4:4": 444, 14644: 444, "4:2:2": 422, 14522: 422, "4:2:0": 420, 14520: 420,
}  # fmt: skip


def _as_number(subsampling: object) -> object:
    if isinstance(subsampling, str | int):
        return _WRITTEN_WITH_COLONS.get(subsampling, subsampling)
    return subsampling


class BlendPart(Model):
    """One style of a blend and its weight among the others."""

    name: Name
    weight: Annotated[Number, Field(gt=0, le=1e6)] = 1.0


class Output(Model):
    """The file format of the result; `subsampling` is a JPEG's."""

    format: Literal["same", "jpeg", "png", "tiff", "webp"] = "same"
    quality: Annotated[int, Field(ge=1, le=100)] = 95
    subsampling: Annotated[Subsampling | None, BeforeValidator(_as_number)] = None


class Manifest(Model):
    """What a photographer may write; the keys are those of docs/photographer.md."""

    style: Annotated[
        Name | Annotated[list[BlendPart], Field(min_length=1, max_length=MOST_STYLES)],
        BeforeValidator(_one_or_a_blend),
    ]
    content: Content | None = None
    recipe: str | None = None
    size: Literal["original"] | Annotated[int, Field(ge=64, le=100_000)] = "original"
    strength: Annotated[Strength, BeforeValidator(_one_strength)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    priority: Annotated[int, Field(ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY)] = 0
    output: Output = Output()
    style_scale: Annotated[Number, Field(ge=0.1, le=10)] = 1.0
    color: ColorChoice = "style"
    metadata: MetadataChoice = "keep"
    snapshots: Annotated[int, Field(ge=0, le=100_000)] | None = None
    proof: bool = False
    overrides: dict[str, object] = Field(default_factory=dict)

    @property
    def blend(self) -> tuple[BlendPart, ...]:
        if isinstance(self.style, str):
            return (BlendPart(name=self.style),)
        return tuple(self.style)


@dataclass(frozen=True)
class Wish:
    """A manifest of pictures without problems, and what it names: all but a photograph's share."""

    manifest: Manifest
    recipe_name: str
    recipe: Recipe
    styles: tuple[Style, ...]

    @property
    def content(self) -> list[str] | None:
        """The pictures that it lists itself, if it does."""
        return self.manifest.content

    @property
    def style_pictures(self) -> tuple[Path, ...]:
        """The style pictures that it needs, each once."""
        return tuple(dict.fromkeys(path for style in self.styles for path in style.pictures))

    def order(self, picture: str, hashes: Mapping[Path, str]) -> Order:
        """Settle what is left open.

        Args:
            picture: the photograph's file name; its suffix decides `output.format: same`.
            hashes: the sha256 of every one of `style_pictures`.
        """
        manifest, recipe = self.manifest, self.recipe
        same = result_format(split_name(picture)[1])
        snapshots = recipe.snapshots if manifest.snapshots is None else manifest.snapshots
        return Order(
            styles=tuple(
                StyleShare(
                    name=style.name,
                    weight=part.weight,
                    pictures=tuple(hashes[path] for path in style.pictures),
                )
                for part, style in zip(manifest.blend, self.styles, strict=True)
            ),
            recipe_name=self.recipe_name,
            recipe=recipe,
            size_px=None if manifest.size == "original" else manifest.size,
            strength=manifest.strength,
            seed=manifest.seed,
            style_scale=manifest.style_scale,
            priority=manifest.priority,
            output_format=same if manifest.output.format == "same" else manifest.output.format,
            quality=manifest.output.quality,
            subsampling=manifest.output.subsampling,
            color=manifest.color,
            metadata=manifest.metadata,
            snapshots=snapshots,
        )


def content_list(text: bytes) -> tuple[str, ...] | None:
    """Return the `content:` of a manifest if it names pictures, whatever else is wrong with it.

    A list that is longer than allowed is none: then the manifest is judged, and says so.
    """
    try:
        content = load_yaml(text).get("content")
        return tuple(validated(_ContentOnly, {"content": content}).content)
    except (YamlTextError, ProblemsError):
        return None


def urgency_of(text: bytes) -> Urgency:
    """Return what a manifest itself asks for: priority 0 where it asks for none, or wrongly."""
    try:
        fields = load_yaml(text)
    except YamlTextError:
        return Urgency()
    priority, is_proof = fields.get("priority"), fields.get("proof") is True
    if not isinstance(priority, int) or isinstance(priority, bool):
        return Urgency(0, is_proof)
    return Urgency(priority if abs(priority) <= HIGHEST_PRIORITY else 0, is_proof)


class _ContentOnly(Model):
    content: Content
