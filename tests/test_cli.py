"""The command line as a person uses it: real processes, exit codes, words."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from daemon_rig import CONFIG
from pictures import put_picture
from PIL import Image

from nstd.spool.jobs import NewJob
from nstd.spool.journal import Journal
from nstd.spool.work import WorkFolder


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a configuration and a style, and go there."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    put_picture(tmp_path / "inbox/styles/waves.jpg", seed=5)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def nstd(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nstd", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_help_names_every_command(studio: Path) -> None:
    """And so does the call without any."""
    help_text, nothing = nstd("--help"), nstd()

    assert (help_text.returncode, nothing.returncode) == (0, 64)
    for command in (
        "run", "once", "check", "status", "stylize", "styles", "recipes", "inspect", "weights",
        "bench", "retry", "again", "cancel", "hold", "release",
    ):  # fmt: skip
        assert f"\n    {command} " in help_text.stdout


def test_an_unknown_word_is_a_usage_error(studio: Path) -> None:
    """Exit code 64 of sysexits.h."""
    assert nstd("paint").returncode == 64


def test_check_tells_good_from_bad(studio: Path) -> None:
    """Files and folders; 65 when any is wrong; every problem is listed."""
    (studio / "m").mkdir()
    (studio / "m/good.yaml").write_text("style: waves\n")
    good = nstd("check", "m")
    (studio / "m/bad.yaml").write_text("style: wavs\nsize: 3\n")
    bad = nstd("check", "m")

    assert (good.returncode, good.stdout) == (0, "m/good.yaml: good\n")
    assert bad.returncode == 65
    assert "m/bad.yaml: bad.yaml has 2 problems:" in bad.stdout
    assert "did you mean 'waves'" in bad.stdout


def test_check_of_a_file_that_is_not_there_is_bad(studio: Path) -> None:
    """With a sentence, not a traceback."""
    found = nstd("check", "none.yaml")

    assert found.returncode == 65
    assert "cannot be read: No such file" in found.stdout


def test_status_before_the_first_run_says_so(studio: Path) -> None:
    """There is no queue yet; a wrong folder is the likely cause."""
    found = nstd("status")

    assert found.returncode == 78
    assert "has never run there" in found.stderr


def test_a_name_that_acts_reaches_no_terminal(studio: Path) -> None:
    """Neither a manifest's nor a style's; nor bytes that are no UTF-8."""
    put_picture(studio / "inbox/styles" / "a\x1b[2Jb.jpg")
    (studio / "m\u202e.yaml").write_text("style: wavs\n")
    checked = nstd("check", "m\u202e.yaml", "\udcff.yaml")

    assert nstd("styles").stdout.splitlines() == [r"a\x1b[2Jb", "waves"]
    assert checked.stdout.startswith(r"m\u202e.yaml: m\u202e.yaml has one problem:")
    assert r"\udcff.yaml: cannot be read" in checked.stdout


def test_status_shows_the_queue_to_people_and_programs(studio: Path) -> None:
    """Control characters of a hostile name do not reach the terminal."""
    work = WorkFolder(studio / "work")
    work.root.mkdir()
    journal = Journal(work.journal)
    journal.enter(
        NewJob("a1", "wedding", "IMG\x1b[2J.jpg", None, None, reason="It is too dark."),
        "failed",
        {},
        now_s=1.0,
    )
    journal.board.set_arrivals({"alone.jpg": "no manifest alone.yaml"}, now_s=2.0)
    journal.close()
    text, data = nstd("status").stdout, json.loads(nstd("status", "--json").stdout)

    assert "failed  a1  wedding/IMG\\x1b[2J.jpg  01 Jan  It is too dark." in text
    assert "no manifest alone.yaml" in text
    assert data["counts"] == {"failed": 1}
    assert data["waiting"][0]["path"] == "alone.jpg"


def test_styles_and_recipes_are_listed(studio: Path) -> None:
    """For people a line each, for programs JSON."""
    assert nstd("styles").stdout == "waves\n"
    assert json.loads(nstd("styles", "--json").stdout)[0]["name"] == "waves"
    assert nstd("recipes").stdout.startswith("studio ")
    assert json.loads(nstd("recipes", "--json").stdout)["studio"]["backbone"] == "vgg16"


def test_a_missing_configuration_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it was looked for, and how to name another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NSTD_CONFIG", raising=False)
    found = nstd("status")

    assert found.returncode == 78
    assert "--config FILE" in found.stderr


def test_a_group_that_is_not_there_stops_the_start(studio: Path) -> None:
    """Before anything is watched or locked; who only asks is answered."""
    with (studio / "config.yaml").open("a") as file:
        file.write("result_group: no-such-group\n")
    found = nstd("once")

    assert found.returncode == 78
    assert "result_group: found 'no-such-group'; there is no group" in found.stderr
    assert nstd("styles").returncode == 0


def test_stylize_paints_one_picture_without_folders(studio: Path) -> None:
    """The result has the photograph's size; a second call does not replace it unasked."""
    put_picture(studio / "a.jpg", width=80, height=64)
    words = ("stylize", "a.jpg", "inbox/styles/waves.jpg", "-o", "out.png", "--losses")
    quick = ("--overrides", "{steps: 3, pyramid: null}")
    first, second = nstd(*words, *quick), nstd(*words, *quick)

    assert first.returncode == 0, first.stderr
    assert "out.png: 3 steps" in first.stdout
    with Image.open(studio / "out.png") as picture:
        assert picture.size == (80, 64)
    assert (studio / "out.losses.csv").exists()
    assert second.returncode == 64
    assert "--force replaces it" in second.stderr


def test_stylize_writes_snapshots_beside_the_picture(studio: Path) -> None:
    """In a folder of the picture's name; an earlier picture's are not mixed with them."""
    put_picture(studio / "a.jpg", width=80, height=64)
    words = ("stylize", "a.jpg", "inbox/styles/waves.jpg", "-o", "out.png")
    quick = ("--overrides", "{steps: 4, pyramid: null}", "--snapshots")
    first = nstd(*words, *quick, "1")
    (studio / "out.png").unlink()
    second, forced = nstd(*words, *quick, "3"), nstd(*words, *quick, "3", "--force")

    assert (first.returncode, forced.returncode) == (0, 0), first.stderr + forced.stderr
    assert second.returncode == 64
    assert "out.steps exists; --force" in second.stderr
    assert [path.name for path in (studio / "out.steps").iterdir()] == ["000003.png"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("a.jpg", "none.jpg", "-o", "x.png"), 64, "no picture none.jpg"),
        (("a.jpg", "a.jpg", "-o", "x.gif"), 64, "must end in one of"),
        (("a.jpg", "a.jpg", "-o", "x.png", "--recipe", "studoi"), 64, "did you mean 'studio'"),
        (("a.jpg", "a.jpg", "-o", "x.png", "--overrides", "{stps: 3}"), 64, "stps: unknown key"),
        (("a.jpg", "a.jpg", "-o", "x.png", "--snapshots", "-1"), 64, "0 … 100000 are allowed"),
        (("text.jpg", "a.jpg", "-o", "x.png"), 65, "text.jpg is not a picture"),
    ],
)
def test_stylize_says_what_is_wrong(
    studio: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    """A clear sentence and the right exit code, never a traceback."""
    put_picture(studio / "a.jpg")
    (studio / "text.jpg").write_text("not a picture")
    found = nstd("stylize", *words)

    assert found.returncode == code
    assert sentence in found.stderr
    assert "Traceback" not in found.stderr
