"""The table of docs/configuration.md, generated from the settings."""

from nstd.config_text import config_keys


def config_table() -> str:
    """Return the Markdown table of all keys, their defaults and descriptions."""
    rows = [f"| `{key.path}` | `{key.default}` | {key.description} |" for key in config_keys()]
    return "| key | default | what it is |\n|---|---|---|\n" + "\n".join(rows)
