"""What can be said of a command without running it: its words, against argparse and the files."""

import contextlib
import io
import re
import shlex
from collections.abc import Iterator

from pages.blocks import ROOT

from nstd.cli import command_parser

OPERATORS = {"&&", "||", ";", "|", "&"}


def commands(text: str) -> Iterator[list[str]]:
    """Split shell text into its simple commands, as lists of words, without `sudo` and its like."""
    pending = ""
    for line in text.replace("\\\n", " ").splitlines():
        pending += line + "\n"
        lexer = shlex.shlex(pending, posix=True, punctuation_chars=";&|")
        lexer.whitespace_split = True
        try:
            tokens = list(lexer)
        except ValueError:  # a quotation that ends in a later line
            continue
        pending, words = "", []
        for token in [*tokens, ";"]:
            if token not in OPERATORS:
                words.append(token)
            elif words:
                yield _bare(words)
                words = []


def _bare(words: list[str]) -> list[str]:
    """Take away `sudo -u USER` and settings of the environment."""
    while words and (words[0] == "sudo" or re.fullmatch(r"\w+=.*", words[0])):
        words = words[1:]
        if words[:1] == ["-u"]:
            words = words[2:]
    return words


def problem_of(words: list[str]) -> str | None:
    """Say what is wrong with a command of a page, or None."""
    program, *arguments = words or [""]
    match program.rpartition("/")[2]:
        case "nstd":
            return _nstd_problem(arguments)
        case "make":
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            unknown = [target for target in arguments if target not in targets]
            return f"the Makefile has no {unknown}" if unknown else None
    return _files_problem(arguments)


def _nstd_problem(arguments: list[str]) -> str | None:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            command_parser().parse_args(arguments)
        except SystemExit as end:
            return said.getvalue() if end.code else None
    return None


def _files_problem(arguments: list[str]) -> str | None:
    """What is named as a file of this repository must be one."""
    tops = {path.name for path in ROOT.iterdir()} - {"inbox", "outbox"}
    named = [word for word in arguments if word.partition("/")[0] in tops]
    lost = [word for word in named if not any(ROOT.glob(word))]
    return f"not in the repository: {lost}" if lost else None
