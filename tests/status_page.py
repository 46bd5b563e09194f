"""docs/status.md, generated from the report's own fields: run it to print the page."""

import types
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from nstd.status.report import Status

HEAD = """\
# `nstd status --json`

The queue at one moment, for programs. This is version 1 of the format: fields may be added, and a
program passes over those it does not know; a field that goes, or means something else, makes
another `version`.

Times are as ISO 8601 writes them, with their zone; durations are seconds (`_s`). A number that is
not known is `null`.

<!-- test: words only (needs jq) -->
```sh
nstd status --json | jq -r '.today.failed[] | "\\(.job)  \\(.title)  \\(.reason)"'
```
"""
PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", datetime: "time"}


def status_page() -> str:
    """Return the page: a table for each kind of object, the report itself first."""
    found: list[type] = []
    _collect(Status, found)
    return "\n".join([HEAD, *(_table(model) for model in found)])


def _collect(model: type, found: list[type]) -> None:
    if model not in found:
        found.append(model)
        for hint in get_type_hints(model).values():
            for inner in _models_in(hint):
                _collect(inner, found)


def _models_in(hint: Any) -> list[type]:
    if is_dataclass(hint) and isinstance(hint, type):
        return [hint]
    return [model for part in get_args(hint) for model in _models_in(part)]


def _table(model: type) -> str:
    hints = get_type_hints(model, include_extras=True)
    rows = [_row(field.name, hints[field.name]) for field in fields(model)]
    first = (model.__doc__ or "").strip()
    head = f"## {_title(model)}\n\n{first}\n\n| field | type | what it is |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _row(name: str, hint: Any) -> str:
    about = next(part for part in get_args(hint) if isinstance(part, FieldInfo))
    return f"| `{name}` | {_type(hint)} | {about.description} |"


def _type(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(parts[0])
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in parts)
    if origin in (Union, types.UnionType):
        return " or ".join("null" if part is type(None) else _type(part) for part in parts)
    if origin is tuple:
        return f"list of {_type(parts[0])}"
    if origin is dict:
        return f"object: {_type(parts[0])} to {_type(parts[1])}"
    if is_dataclass(hint) and isinstance(hint, type):
        return f"[{_title(hint)}](#{_title(hint).replace(' ', '-')})"
    return PLAIN[hint]


def _title(model: type) -> str:
    """Write a class's name as words: `RunningJob` is a running job."""
    name = model.__name__.removesuffix("Status") or "report"
    return "".join(f" {char.lower()}" if char.isupper() else char for char in name).strip()


if __name__ == "__main__":
    print(status_page(), end="")
