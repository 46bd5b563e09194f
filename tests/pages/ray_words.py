"""Ray's own judgement of commands and of launcher files, in a process that may load it.

Reads JSON from the standard input, `{"commands": [[word, …]], "launcher": [text]}`, and prints what
is wrong, a line each.
"""

import json
import sys

import click
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.scripts import cli


def problem_of(words: list[str]) -> str | None:
    """Let Ray parse a command of its own, without doing it."""
    command = cli.commands.get(words[0])
    if command is None:
        return f"{words}: no such command"
    try:
        command.make_context(words[0], list(words[1:]))
    except click.ClickException as error:
        return f"{words}: {error.format_message()}"
    return None


def launcher_problem(text: str) -> str | None:
    """Let Ray look at a file for `ray up`, as it does before anything else."""
    try:
        validate_config(prepare_config(yaml.safe_load(text)))
    except Exception as error:  # whatever it says: it is Ray's
        return f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    found = [problem_of(words) for words in asked["commands"]]
    found += [launcher_problem(text) for text in asked["launcher"]]
    print("\n".join(problem for problem in found if problem))
