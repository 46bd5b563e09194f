"""README.md and docs/*.md: every command and every manifest in them is tried."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from pages.blocks import PAGES, ROOT, Block, all_blocks, blocks_of, commands_of
from pages.shell import read_aloud
from pages.words import commands, problem_of

from nstd.cli import command_parser
from nstd.config import load_config
from nstd.errors import ConfigError
from nstd.spool.check import check_manifest
from nstd.spool.manifest import Manifest
from nstd.spool.styles import list_styles

LINK = re.compile(r"\]\(([^)\s]+)\)")
RUN_PAGES = [page for page in PAGES if any(b.category == "run" for b in blocks_of(page))]


def by_name(block: Block) -> str:
    return block.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_how_it_is_tested(page: Path) -> None:
    """A comment stands above each; code that is only indented would be tested by nobody."""
    wrong = [f"{block.name}: {block.problem}" for block in blocks_of(page) if block.problem]
    outside = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"\n\n {4}.*", outside)

    assert wrong == []
    assert indented == []


@pytest.mark.parametrize("block", all_blocks("manifest"), ids=by_name)
def test_every_manifest_is_good(block: Block, tmp_path: Path) -> None:
    """As `nstd check` sees it, with the styles that come along."""
    path = tmp_path / block.words
    path.write_text(block.text)
    styles = list_styles(ROOT / "inbox" / "styles")

    assert check_manifest(path, styles, default_recipe="studio") is None


def test_every_key_of_a_manifest_is_on_the_photographers_page() -> None:
    """The manifest that says everything does."""
    (everything,) = [block for block in all_blocks("manifest") if block.words == "everything.yaml"]

    assert yaml.safe_load(everything.text).keys() == Manifest.model_fields.keys()


@pytest.mark.parametrize("block", all_blocks("config"), ids=by_name)
def test_every_configuration_loads(block: Block, tmp_path: Path) -> None:
    """Alone: what it does not say is the default."""
    path = tmp_path / "config.yaml"
    path.write_text(block.text)
    try:
        load_config(path)
    except ConfigError as error:
        pytest.fail(str(error))


@pytest.mark.process
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: page.name)
def test_every_command_does_what_its_page_says(page: Path, tmp_path: Path) -> None:
    """All of a page in one shell, as its reader would."""
    wrong = read_aloud([b for b in blocks_of(page) if b.category == "run"], tmp_path)

    assert wrong is None, wrong


@pytest.mark.parametrize("block", all_blocks("run", "words only"), ids=by_name)
def test_every_command_has_the_right_words(block: Block) -> None:
    """Also of what needs root, a GPU or an hour: sub-commands, options, files of the repository."""
    text = commands_of(block)
    shell = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    problems = [f"{' '.join(c)}: {said}" for c in commands(text) if (said := problem_of(c))]

    assert shell.stderr == ""
    assert problems == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading that is in it."""
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    lost = [link for link in links if not _leads_somewhere(page, link)]

    assert lost == []


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    """Return the names under which GitHub shows the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_command_is_on_the_page_of_the_commands() -> None:
    """A command that nobody can read about is not there."""
    text = (ROOT / "docs" / "commands.md").read_text()
    known = command_parser().format_help()
    names = re.findall(r"^    (\w+) ", known, re.MULTILINE)

    assert len(names) > 10
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_a_block_without_its_comment_is_found(tmp_path: Path) -> None:
    """So is a comment that does not fit, and a reason that is missing."""
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\nnstd run\n```\n"
        "<!-- test: manifest a.yaml -->\n```sh\nnstd run\n```\n"
        "<!-- test: words only -->\n```sh\nnstd run\n```\n"
        "<!-- test: run (exits with 65) -->\n```sh\nnstd run\n```\n"
    )
    problems = [block.problem or "" for block in blocks_of(page)]

    assert "must be a comment" in problems[0]
    assert "not for the language" in problems[1]
    assert "needs a reason" in problems[2]
    assert problems[3] == ""


def test_a_command_that_fails_is_found(tmp_path: Path) -> None:
    """And a wrong answer, a wrong exit code, a wrong word."""
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- test: run -->\n```console\n$ echo one two\none …\n```\n"
        "<!-- test: run (exits with 3) -->\n```sh\n(exit 3)\n```\n"
        "<!-- test: run -->\n```console\n$ echo three\nfour\n```\n"
        "<!-- test: run -->\n```sh\nfalse\n```\n"
    )
    good, right, answer, failing = blocks_of(page)

    assert read_aloud([good, right], tmp_path / "a") is None
    assert "page.md:11 prints:\nthree" in (read_aloud([good, answer], tmp_path / "b") or "")
    assert "exit code 1" in (read_aloud([good, failing], tmp_path / "c") or "")
    assert "unrecognized arguments" in (problem_of(["nstd", "once", "--fast"]) or "")
    assert "not in the repository" in (problem_of(["cp", "docs/lost.md", "."]) or "")
