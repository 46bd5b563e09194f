"""The fields of a manifest → a wish for pictures in one style or a blend, over its defaults."""

from collections.abc import Mapping
from pathlib import Path

from nstd.errors import ManifestError
from nstd.printable import shown
from nstd.problems import ProblemsError, validated
from nstd.recipe import load_recipe
from nstd.spool.durable import read_stable
from nstd.spool.manifest import MOST_STYLES, WHOLE_LIBRARY, Manifest, Wish
from nstd.spool.names import normal_form, told_apart
from nstd.spool.styles import Style, unknown_style
from nstd.strict_yaml import LARGEST_TEXT_BYTES, YamlMapping, YamlTextError, load_yaml

MOST_STYLE_PICTURES = 64  # of all styles of a job together: each is decoded, kept and measured
NOT_A_DEFAULT = ("style", "content", "proof")


def read_wish(
    fields: YamlMapping, *, name: str, styles: Mapping[str, Style], default_recipe: str
) -> Wish:
    """Read the fields of a manifest that is no proof.

    Args:
        name: the manifest's file name, for the message.

    Raises:
        ManifestError: with every problem found.
        SourceChangedError: the file of a style's defaults changed while it was read.
        OSError: it cannot be read.
    """
    fields = _with_defaults(fields, styles)
    problems: list[str] = []
    manifest: Manifest | None = None
    try:
        manifest = validated(Manifest, fields)
    except ProblemsError as error:
        problems += error.sentences
    problems += _style_problems(_named(fields), styles)
    recipe_name, overrides = fields.get("recipe", default_recipe), fields.get("overrides", {})
    recipe = None
    if isinstance(recipe_name, str) and isinstance(overrides, dict):
        try:
            recipe = load_recipe(recipe_name, overrides)
        except ProblemsError as error:
            problems += error.sentences
    if manifest is None or recipe is None or problems:
        raise ManifestError(shown(name), tuple(problems))
    found = tuple(styles[part.name] for part in manifest.blend)
    return Wish(manifest, str(recipe_name), recipe, found)


def _style_problems(named: tuple[str, ...], styles: Mapping[str, Style]) -> list[str]:
    unknown = [unknown_style(name, styles) for name in named if name not in styles]
    unknown += [
        f"style: there are several named '{shown(name)}': {told_apart(styles[name].rivals)}; "
        "keep one of them"
        for name in named
        if name in styles and styles[name].rivals
    ]
    return unknown + too_many_pictures(named, styles)


def too_many_pictures(
    named: tuple[str, ...], styles: Mapping[str, Style], *, most: int = MOST_STYLE_PICTURES
) -> list[str]:
    """Say that styles have more pictures together than a job may have, if they do."""
    count = sum(len(styles[name].pictures) for name in named if name in styles)
    if count <= most:
        return []
    who = " + ".join(shown(name) for name in named[:MOST_STYLES])
    more = f" and {len(named) - MOST_STYLES} more" if len(named) > MOST_STYLES else ""
    return [
        f"style: found {count} pictures in {who}{more}; at most {most} are allowed in a job's "
        "styles"
    ]


def _with_defaults(fields: YamlMapping, styles: Mapping[str, Style]) -> YamlMapping:
    """Lay the manifest over the defaults of the (first) style it names that has any."""
    for style in _named(fields):
        defaults = styles[style].defaults if style in styles else None
        if defaults is not None:
            return {**_defaults(defaults, style), **fields}
    return fields


def _defaults(path: Path, style: str) -> YamlMapping:
    """Read the defaults of a style, and blame them, not the manifest, for what is wrong there."""
    where = f"styles/{shown(path.name)}"
    try:
        fields = load_yaml(read_stable(path, most_bytes=LARGEST_TEXT_BYTES + 1))
        refused = [key for key in NOT_A_DEFAULT if key in fields]
        if refused:
            raise ManifestError(where, (f"{refused[0]}: not allowed in a style's defaults",))
        validated(Manifest, {**fields, "style": style})
    except YamlTextError as error:
        raise ManifestError(where, (str(error),)) from error
    except ProblemsError as error:
        raise ManifestError(where, error.sentences) from error
    return fields


def _named(fields: YamlMapping) -> tuple[str, ...]:
    """Return the styles that are named, as many as may be, whatever else is wrong."""
    style = fields.get("style")
    parts = style if isinstance(style, list) else [{"name": style}]
    names = (part.get("name") for part in parts[:MOST_STYLES] if isinstance(part, dict))
    found = dict.fromkeys(normal_form(name) for name in names if isinstance(name, str))
    return tuple(name for name in found if name != WHOLE_LIBRARY)
