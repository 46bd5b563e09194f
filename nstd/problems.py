"""All problems of a text at once, each with its path, what was found and what is allowed."""

import difflib
from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Checked = TypeVar("Checked", bound=BaseModel)

WORDS = {
    "missing": "required and missing",
    "bool_type": "true or false is expected",
    "int_type": "a whole number is expected",
    "float_type": "a number is expected",
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
        sentences = (_sentence(model, detail, at) for detail in error.errors(include_url=False))
        raise ProblemsError(dict.fromkeys(sentences)) from error


def _sentence(model: type[BaseModel], detail: ErrorDetails, at: str) -> str:
    parts = [str(part) for part in detail["loc"] if not _is_branch(part)]
    path = ".".join([at, *parts] if at else parts)
    if detail["type"] == "extra_forbidden":
        known = _keys_beside(model, detail["loc"])
        allowed = f"allowed are {', '.join(known)}" if known else "no such key"
        return f"{path}: unknown key; {allowed}{did_you_mean(parts[-1], known)}"
    found = detail["input"]
    words = WORDS.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")
    if detail["type"] in ("missing", "value_error"):
        return f"{path}: {words}" if path else words
    hint = ""
    if detail["type"] == "literal_error" and isinstance(found, str):
        allowed_values = [part.strip("'") for part in str(detail["ctx"]["expected"]).split(", ")]
        last = allowed_values.pop().split("' or '")
        hint = did_you_mean(found, [*allowed_values, *last])
    return f"{path}: found {_shown(found)}; {_lower_first(words)}{hint}"


def _is_branch(part: str | int) -> bool:
    """Pydantic puts the names of union branches into the path; a reader does not know them."""
    return isinstance(part, str) and ("[" in part or part in _BRANCHES)


_BRANCHES = {"str", "int", "float", "lbfgs", "adam", "[key]", "tuple"}


def _keys_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    current: object = model
    for part in location[:-1]:
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            return []
        field = current.model_fields.get(str(part))
        current = field.annotation if field else None
    if isinstance(current, type) and issubclass(current, BaseModel):
        return list(current.model_fields)
    return []


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _lower_first(words: str) -> str:
    return words[:1].lower() + words[1:]
