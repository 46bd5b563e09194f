"""A shell in which a page is read aloud: each block's commands, in the page's order."""

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pages.blocks import ROOT, Block, answer_of, commands_of
from pages.quick_nstd import make_quick
from pictures import put_picture

from nstd.commands.studio_folder import lay_out, studio_files

SYSTEM_FOLDER = re.compile(r"(?<![\w.$/-])/(?=(?:etc|opt|srv|usr|var)/)")
SIZE = re.compile(r"(?<=size[: ])( ?)\d{3,}")  # in pixels: of a manifest, of a command
SMALL = r"\g<1>64"
QUICK_NSTD = f"""\
#!/bin/sh
exec {sys.executable} {ROOT}/tests/pages/quick_nstd.py "$@"
"""
# There is no user nstd to become, and none to own anything.
SUDO = """\
#!/bin/bash
[[ $1 == chown ]] && exit
words=()
while (($#)); do
    case $1 in
        -u|-o|-g) [[ $2 == nstd ]] && shift 2 && continue ;;
    esac
    words+=("$1"); shift
done
exec "${words[@]}"
"""
# The service manager, as far as the pages use it.
SYSTEMCTL = """\
#!/bin/bash
cd {folder}
case "$*" in
    stop*) kill "$(<pid)"; while kill -0 "$(<pid)" 2>/dev/null; do sleep 0.1; done; rm pid ;;
    start*|*--now*)
        opt/nstd/bin/nstd run --config etc/nstd/config.yaml >>log 2>&1 </dev/null &
        echo $! >pid ;;
esac
"""
LIMIT_S = 550  # half a minute alone; other tests may run beside it


def read_aloud(blocks: Sequence[Block], folder: Path) -> str | None:
    """Run the blocks of a page one after another in one shell, in a studio of its own.

    The folders of a system (`/etc/…`) lie below `folder`, there is no `sudo`, and `systemctl`
    is one of ours. Sizes are small ones.

    Returns:
        what went wrong, with the block it went wrong in; None if all went well.
    """
    studio = folder / "studio"
    lay_out(studio, studio_files(example=False))
    make_quick(studio)
    for name in ("README.md", "CHANGELOG.md", "docs", "nstd", "systemd"):  # as in a clone
        (studio / name).symlink_to(ROOT / name)
    for seed, name in enumerate(("photo.jpg", "painting.jpg", "inbox/IMG_0412.jpg")):
        put_picture(studio / name, seed=seed)
    script = folder / "script"
    script.write_text("".join(_lines(block, folder) for block in blocks))
    try:
        done = subprocess.run(
            ["bash", "-uo", "pipefail", script],
            cwd=studio,
            env=_environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    finally:
        if (folder / "pid").exists():
            os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
    said = done.stdout.replace(str(folder), "")
    if done.returncode:
        return f"exit code {done.returncode}:\n{said}"
    return "\n".join(filter(None, (_wrong_answer(block, said) for block in blocks))) or None


def _lines(block: Block, folder: Path) -> str:
    commands = SYSTEM_FOLDER.sub(f"{folder}/", commands_of(block))
    commands = SIZE.sub(SMALL, commands)
    if block.exit_code:
        expected = f'code=$?; set -e; [ "$code" = {block.exit_code} ]'
        commands = f"set +e\n{commands}{expected}\n"
    return f"set -e\necho '== {block.name}'\n{commands}"


def _wrong_answer(block: Block, said: str) -> str | None:
    """Compare what a `console` block says that it prints with what it printed."""
    expected = answer_of(block)
    printed = said.partition(f"== {block.name}\n")[2].partition("\n== ")[0].rstrip("\n")
    if expected is None or expected.fullmatch(re.sub(r" +$", "", printed, flags=re.MULTILINE)):
        return None
    return f"{block.name} prints:\n{printed}"


def _environment(folder: Path) -> dict[str, str]:
    programs = folder / "bin"
    for path, text in {
        programs / "nstd": QUICK_NSTD,
        folder / "opt/nstd/bin/nstd": QUICK_NSTD,
        programs / "sudo": SUDO,
        programs / "systemctl": SYSTEMCTL.format(folder=folder),
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (folder / "opt/nstd/bin/python").symlink_to(sys.executable)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NSTD_")}
    return kept | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
