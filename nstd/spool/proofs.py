"""The fields of a manifest with `proof: true` → a contact sheet of styles × strengths."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from nstd.errors import ManifestError
from nstd.model import Model
from nstd.orders import Order, ProofRow
from nstd.printable import shown
from nstd.problems import ProblemsError, validated
from nstd.spool.manifest import WHOLE_LIBRARY, Name, Strength, Wish
from nstd.spool.styles import Style
from nstd.spool.wishes import read_wish, too_many_pictures
from nstd.strict_yaml import YamlMapping

MOST_PICTURES = 60  # of a sheet
MOST_NAMES = 1000  # to be counted and told; no sheet has so many
MOST_STRENGTHS = 10  # which stand beside each other
MOST_STYLE_PICTURES = 128  # of all its styles together: all are with the worker at once
LARGEST_PX = 512
# Of a sheet with many pictures. Not less: at 384 px the house recipe still has two levels, as at
# 512; with one alone the look would be another than that of the final.
MANY_PICTURES, MANY_PX = 20, 384
SMALLEST_PX = 64
KEYS = ("style", "strength", "size", "output", "snapshots")  # that mean something else in a proof


def _no_blend(style: object) -> object:
    if isinstance(style, dict):
        if "weight" in style:
            raise ValueError(
                "found a weight; a proof shows every style for itself, in a row of its own, and no "
                "blend: leave the weights out"
            )
        if list(style) == ["name"]:
            return style["name"]
    return style


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _whole_library_alone(names: list[str]) -> list[str]:
    if WHOLE_LIBRARY in names and len(names) > 1:
        raise ValueError("found '*' among other names; alone it stands for all styles there are")
    return names


def _each_once(values: list[str] | list[float]) -> list[str] | list[float]:
    twice = [value for index, value in enumerate(values) if value in values[:index]]
    if twice:
        word = shown(str(twice[0])) if isinstance(twice[0], str) else f"{twice[0]:g}"
        raise ValueError(f"'{word}' stands twice; each is shown once")
    return values


def _picture_size(size: object) -> object:
    if size == "original":
        return None
    if type(size) is int and SMALLEST_PX <= size <= LARGEST_PX:
        return size
    raise ValueError(
        f"found {shown(str(size), most=20)}; in a proof it is the long side of each picture of the "
        f"sheet, {SMALLEST_PX} … {LARGEST_PX}. Without it they have {LARGEST_PX} px, or {MANY_PX} "
        f"where there are more than {MANY_PICTURES}"
    )


def _one_png(_: object) -> object:
    raise ValueError("a proof is one PNG file; remove this line, or 'proof: true'")


def _no_snapshots(snapshots: object) -> object:
    if snapshots == 0:
        return None
    raise ValueError("a proof keeps none; remove this line, or 'proof: true'")


class ProofKeys(Model):
    """The keys of a manifest that a proof understands in its own way."""

    style: Annotated[
        list[Annotated[Name, BeforeValidator(_no_blend)]],
        Field(min_length=1, max_length=MOST_NAMES),
        BeforeValidator(_as_list),
        AfterValidator(_whole_library_alone),
        AfterValidator(_each_once),
    ]
    strength: (
        Annotated[
            list[Strength],
            Field(min_length=1, max_length=MOST_STRENGTHS),
            BeforeValidator(_as_list),
            AfterValidator(_each_once),
        ]
        | None
    ) = None
    size: Annotated[int | None, BeforeValidator(_picture_size)] = None
    output: Annotated[None, BeforeValidator(_one_png)] = None
    snapshots: Annotated[None, BeforeValidator(_no_snapshots)] = None


@dataclass(frozen=True)
class ProofWish:
    """A manifest of a proof without problems.

    Each of `rows` is what a manifest of that style alone would wish for, so that its picture will
    be the final's in small; `strengths` are None where each style has its own.
    """

    rows: tuple[Wish, ...]
    strengths: tuple[float, ...] | None
    size_px: int
    priority: int

    @property
    def content(self) -> list[str] | None:
        """The pictures that it lists itself, if it does."""
        return self.rows[0].content

    @property
    def style_pictures(self) -> tuple[Path, ...]:
        """The style pictures that it needs, each once."""
        return tuple(dict.fromkeys(path for row in self.rows for path in row.style_pictures))

    def order(self, picture: str, hashes: Mapping[Path, str]) -> Order:
        """Settle what is left open.

        Args:
            picture: the photograph's file name.
            hashes: the sha256 of every one of `style_pictures`.
        """
        orders = [row.order(picture, hashes) for row in self.rows]
        rows = tuple(_row(order, self.strengths or (order.strength,)) for order in orders)
        changes = {
            "styles": tuple(row.style for row in rows),
            "strength": rows[0].strengths[0],
            "size_px": self.size_px,
            "priority": self.priority,
            "output_format": "png",
            "snapshots": 0,
            "proof": rows,
        }
        return orders[0].model_copy(update=changes)


def _row(order: Order, strengths: tuple[float, ...]) -> ProofRow:
    return ProofRow(
        style=order.styles[0],
        strengths=strengths,
        recipe_name=order.recipe_name,
        recipe=order.recipe,
        seed=order.seed,
        style_scale=order.style_scale,
        color=order.color,
    )


def read_proof(
    fields: YamlMapping, *, name: str, styles: Mapping[str, Style], default_recipe: str
) -> ProofWish:
    """Read the fields of a manifest with `proof: true`.

    Args:
        name: the manifest's file name, for the message.

    Raises:
        ManifestError: with every problem found.
        SourceChangedError: the file of a style's defaults changed while it was read.
        OSError: it cannot be read.
    """
    problems: dict[str, None] = {}
    keys: ProofKeys | None = None
    try:
        keys = validated(ProofKeys, {key: fields[key] for key in KEYS if key in fields})
    except ProblemsError as error:
        problems |= dict.fromkeys(error.sentences)
    shared = {key: value for key, value in fields.items() if key not in KEYS}
    named = _named(keys, styles) if keys else ()
    if keys:
        problems |= dict.fromkeys(_sheet_problems(keys, named, styles))
    rows: list[Wish] = []
    # One row at least: what is wrong with the other keys is told in any case.
    for style in named[:MOST_PICTURES] or list(styles)[:1]:
        try:
            row = {**shared, "style": style}
            rows.append(read_wish(row, name=name, styles=styles, default_recipe=default_recipe))
        except ManifestError as error:
            # What is wrong in a style's defaults is told with the name of that file.
            at = "" if error.where == shown(name) else f"{error.where}: "
            problems |= dict.fromkeys(f"{at}{problem}" for problem in error.problems)
    if keys is None or problems:
        raise ManifestError(shown(name), tuple(problems))
    strengths = tuple(keys.strength) if keys.strength else None
    pictures = len(rows) * len(strengths or (1,))
    size_px = keys.size or (MANY_PX if pictures > MANY_PICTURES else LARGEST_PX)
    priority = rows[0].manifest.priority if "priority" in fields else 0
    return ProofWish(tuple(rows), strengths, size_px, priority)


def _named(keys: ProofKeys, styles: Mapping[str, Style]) -> tuple[str, ...]:
    return tuple(sorted(styles)) if keys.style == [WHOLE_LIBRARY] else tuple(keys.style)


def _sheet_problems(
    keys: ProofKeys, named: tuple[str, ...], styles: Mapping[str, Style]
) -> Iterator[str]:
    """Say what is wrong with all the styles together."""
    if not named:
        yield "style: found '*', but the style library (inbox/styles) is empty, or a link"
    columns = len(keys.strength or (1,))
    if len(named) * columns > MOST_PICTURES:
        yield (
            f"proof: found {len(named)} styles × {columns} strengths = {len(named) * columns} "
            f"pictures; at most {MOST_PICTURES} have room on one sheet. Name fewer of them, or "
            "make several sheets"
        )
    yield from too_many_pictures(named, styles, most=MOST_STYLE_PICTURES)
