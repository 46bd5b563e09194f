"""What the pages and the service unit say to Ray, judged by Ray."""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml
from pages.blocks import ROOT, all_blocks, commands_of
from pages.words import commands

RAY_WORDS = Path(__file__).with_name("ray_words.py")
STARTS = re.compile(r"RAY_AS=(--[^'`\n]+)")


def told_by_ray(*, said: list[list[str]], launcher: list[str]) -> list[str]:
    """Return what Ray finds wrong."""
    asked = json.dumps({"commands": said, "launcher": launcher})
    command = [sys.executable, "-W", "ignore", RAY_WORDS]
    found = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    return found.stdout.split("\n")[:-1] if found.stdout.strip() else []


def ray_commands(text: str) -> list[list[str]]:
    """Return the commands to Ray in shell text, without the program's own name."""
    found = [words for words in commands(text) if words]
    return [words[1:] for words in found if words[0].rpartition("/")[2] == "ray"]


def launchers() -> list[dict[str, list[str]]]:
    return [yaml.safe_load(block.text) for block in all_blocks("launcher")]


def test_every_command_to_ray_is_one() -> None:
    """On the pages, in the launcher's file, and in the unit with each line that is named for it."""
    of_pages = [commands_of(block) for block in all_blocks("words only")]
    kinds = ("head_start_ray_commands", "worker_start_ray_commands")
    of_launchers = [line for one in launchers() for kind in kinds for line in one[kind]]
    said = [words for text in (*of_pages, *of_launchers) for words in ray_commands(text)]
    unit = (ROOT / "systemd/nstd-cluster.service").read_text()
    (start,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    lines = STARTS.findall(unit + (ROOT / "docs/cluster.md").read_text())
    said += [words for line in lines for words in ray_commands(start.replace("$RAY_AS", line))]

    assert len(lines) == 4
    assert len(said) >= 14
    assert told_by_ray(said=said, launcher=[]) == []


def test_the_launchers_file_is_one_and_starts_all_machines() -> None:
    """The head starts the others, and only if it is told to; Ray that runs already is ended."""
    assert told_by_ray(said=[], launcher=[block.text for block in all_blocks("launcher")]) == []
    (launcher,) = launchers()
    head, worker = (
        [words for line in launcher[f"{kind}_start_ray_commands"] for words in ray_commands(line)]
        for kind in ("head", "worker")
    )

    assert "--autoscaling-config=~/ray_bootstrap_config.yaml" in head[1]
    assert head[0] == worker[0] == ["stop"]


def test_what_ray_does_not_know_is_found() -> None:
    """A wrong option, a wrong command, a key that a launcher's file has not."""
    wrong = [["start", "--haed"], ["begin"], ["start", "--head", "--port=many"]]
    found = told_by_ray(
        said=wrong, launcher=["cluster_name: nstd\nprovider: {type: local}\nx: 1\n"]
    )

    assert len(found) >= 4
