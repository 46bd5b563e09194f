"""The table of docs/configuration.md, generated from the settings: run it to print the table."""

import json

from pydantic.fields import FieldInfo

from nstd.config import Limits, Settings


def config_table() -> str:
    """Return the Markdown table of all keys, their defaults and descriptions."""
    rows = [_row(key, field) for key, field in Settings.model_fields.items() if key != "limits"]
    rows += [_row(f"limits.{key}", field) for key, field in Limits.model_fields.items()]
    return "| key | default | what it is |\n|---|---|---|\n" + "\n".join(rows)


def _row(key: str, field: FieldInfo) -> str:
    default = field.default
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    if default is None or isinstance(default, bool):  # as YAML writes it
        shown = json.dumps(default)
    return f"| `{key}` | `{shown}` | {field.description} |"


if __name__ == "__main__":
    print(config_table())
