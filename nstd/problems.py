"""All problems of a text at once, each with its path, what was found and what is allowed."""

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeGuard, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nstd.printable import shown

Checked = TypeVar("Checked", bound=BaseModel)

WORDS = {
    "missing": "required and missing",
    "bool_type": "true or false is expected",
    "int_type": "a whole number is expected",
    "float_type": "a number is expected",
    "float_parsing": "a number is expected",
    "string_type": "text is expected",
    "finite_number": "a finite number is expected",
    "list_type": "a list is expected",
    "tuple_type": "a list is expected",
    "dict_type": "'key: value' lines are expected",
    "model_type": "'key: value' lines are expected",
    "model_attributes_type": "'key: value' lines are expected",
}


class ProblemsError(Exception):
    """What is wrong with a text, a sentence each, in the text's order."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__("; ".join(self.sentences))


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest known name, or nothing."""
    nearest = difflib.get_close_matches(found, list(known), n=1, cutoff=0.6)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""


def validated(model: type[Checked], data: object, *, at: str = "") -> Checked:
    """Return `data` as a `model`.

    Args:
        at: the path in front of each key, such as `overrides`.

    Raises:
        ProblemsError: everything that does not fit.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise ProblemsError(_sentences(model, data, details, at)) from error


def _sentences(
    model: type[BaseModel], data: object, details: list[ErrorDetails], at: str
) -> list[str]:
    """Write one sentence a path: what each branch of a union expects is joined by 'or'."""
    expected: dict[tuple[str, str], list[str]] = {}
    counted = {id(one["input"]) for one in details if one["type"] in ("too_long", "too_short")}
    for detail in details:
        if detail["type"] == "string_type" and id(detail["input"]) in counted:
            continue  # a list may stand where one text may: that it is no text is no help
        steps = _steps(data, detail)
        path = ".".join(shown(step) for step in ([at, *steps] if at else steps))
        if detail["type"] in ("missing", "value_error", "extra_forbidden"):
            key = (path, "")
        else:
            key = (path, f"found {_shown(detail['input'])}; ")
        words = _words(model, detail, steps)
        if words not in expected.setdefault(key, []):
            expected[key].append(words)
    paths = [path for path, _ in expected]
    return [
        f"{path}: {found}{', or '.join(words)}" if path else ", or ".join(words)
        for (path, found), words in expected.items()
        # Where one branch of a union got further, what the others expected is no help.
        if not any(other.startswith(f"{path}.") for other in paths if path)
    ]


def _steps(data: object, detail: ErrorDetails) -> list[str]:
    """Return the error's path without the names of union branches, which no reader knows.

    What is a key of the data, or an index of a list in it, is a step; the rest are branches.
    """
    steps: list[str] = []
    current: Any = data
    for part in detail["loc"]:
        is_key = isinstance(current, Mapping) and part in current
        is_index = isinstance(current, list) and isinstance(part, int) and part < len(current)
        if is_key or is_index:
            current = current[part]
        elif not (detail["type"] == "missing" and part == detail["loc"][-1]):
            continue
        steps.append(str(part))
    return steps


def _words(model: type[BaseModel], detail: ErrorDetails, steps: list[str]) -> str:
    kind, found = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        known = _keys_beside(model, steps)
        allowed = f"; allowed are {', '.join(known)}" if known else ""
        return f"unknown key{allowed}{did_you_mean(steps[-1], known)}"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(detail["ctx"]["expected"]))
        hint = did_you_mean(found, choices) if isinstance(found, str) else ""
        return f"{detail['ctx']['expected']} is expected{hint}"
    if kind == "string_type" and isinstance(found, bool | int | float | date):
        return "text is expected (a name such as no, 7 or 2024-05-01 needs quotes)"
    if kind == "too_long":
        return f"at most {detail['ctx']['max_length']} are allowed, there are {len(found)}"
    if kind == "too_short":
        return f"at least {detail['ctx']['min_length']} is needed"
    words = detail["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    return WORDS.get(kind) or words[:1].lower() + words[1:]


def _keys_beside(model: type[BaseModel], steps: list[str]) -> list[str]:
    """Return the keys allowed beside the last step, of every model that may stand there."""
    current: list[type[BaseModel]] = [model]
    for step in steps[:-1]:
        fields = [one.model_fields[step] for one in current if step in one.model_fields]
        if fields:  # else an index of a list, or a key of a mapping: its values' models stay
            current = [one for field in fields for one in _models_in(field.annotation)]
    return list(dict.fromkeys(key for one in current for key in one.model_fields))


def _models_in(annotation: object) -> list[type[BaseModel]]:
    """Return the models of `Model | None`, `list[Model]`, `dict[str, Model]` and the like."""
    if _is_model(annotation):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _is_model(value: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(value, type) and issubclass(value, BaseModel)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    try:
        text = str(value) if isinstance(value, date) else repr(value)
    except ValueError:  # a number of thousands of digits
        return "a number that is too long"
    return text if len(text) <= 60 else text[:57] + "…"
