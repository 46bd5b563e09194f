"""The text of a `config.yaml`, generated from the settings: every key, its default, what it is."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic.fields import FieldInfo

from nstd.config import Settings
from nstd.model import Model

HEAD = """\
# The configuration of nstd. Every key is optional; what stands here are the defaults.
# Folders are beside this file unless they begin with a slash.
"""
# Each stands above the key it is named by, and holds for the keys that follow.
HEADINGS = {
    "recipe": "How is painted, and on what.",
    "result_mode": "Who may use the results on a share.",
    "scan_interval_s": "When a file counts as arrived (seconds).",
    "attempts": "When a worker fails or stops (seconds).",
    "min_free_bytes": "What stays free, and for how long what is kept. Results are never removed.",
    "notify_command": "Who is told, what is shown, and how the log is written.",
    "limits": "What is refused before it is decoded, and how large the cache may grow.",
    "workers": "Where pictures are painted: on this machine, or on many (docs/cluster.md).",
}
COMMENT_COLUMN = 35
WIDTH = 110


@dataclass(frozen=True)
class Key:
    """A key of config.yaml with its default as YAML writes it; inner ones by their path, `a.b`."""

    path: str
    default: str
    description: str

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def group(self) -> str:
        return self.path.rpartition(".")[0]


def config_keys(model: type[Model] = Settings, group: str = "") -> Iterator[Key]:
    """Name every key, in the settings' order; those of a group follow one another."""
    for name, field in model.model_fields.items():
        path = f"{group}.{name}" if group else name
        if isinstance(field.default, Model):
            yield from config_keys(type(field.default), path)
        else:
            yield Key(path, _as_yaml(field), field.description or "")


def config_text() -> str:
    """Return the commented file that says every default: loading it changes nothing."""
    lines, group = [HEAD], ""
    for key in config_keys():
        if key.group != group:
            lines += _heading(key.group)
            lines.append(f"{key.group}:")
            group = key.group
        lines += _heading(key.path)
        lines += _key_lines(key)
    return "\n".join(lines) + "\n"


def _heading(path: str) -> list[str]:
    return ["", f"# {HEADINGS[path]}"] if path in HEADINGS else []


def _key_lines(key: Key) -> list[str]:
    indent = "  " if key.group else ""
    setting = f"{indent}{key.name}: {key.default}"
    words = key.description.replace("`", "")
    first, *more = textwrap.wrap(words, WIDTH - COMMENT_COLUMN - 2)
    return [
        f"{setting:<{COMMENT_COLUMN - 1}} # {first}",
        *(f"{'':<{COMMENT_COLUMN}}# {line}" for line in more),
    ]


def _as_yaml(field: FieldInfo) -> str:
    default = field.default
    if default is None or isinstance(default, bool):
        return json.dumps(default)  # which YAML reads the same way
    return f"{default:g}" if isinstance(default, float) else str(default)
