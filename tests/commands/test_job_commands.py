"""`nstd retry|again|cancel|hold|release` as a person uses them."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_rig import CONFIG, Studio, manifest, until
from pictures import put_picture

from nstd.cli import main
from nstd.spool.durable import Signature
from nstd.spool.jobs import NewJob
from nstd.spool.journal import Journal
from nstd.spool.requests import Answer, Request


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    """Return a queue on which no daemon works, in the folder where the command is given."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUDO_USER", "anna")
    journal = Journal(tmp_path / "work" / "journal.sqlite")
    yield journal
    journal.close()


def enter(journal: Journal, job_id: str, name: str, state: str) -> None:
    folder, _, file = name.rpartition("/")
    journal.enter(NewJob(job_id, folder, file, None, None), state, {}, now_s=1.0)


def test_what_is_asked_without_a_daemon_waits_for_one(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is in the queue with who asked; the command says when it will be done."""
    enter(journal, "ab12cd34", "wedding/IMG.jpg", "queued")

    assert main(["hold", "ab12cd34"]) == 0
    assert capsys.readouterr().out == (
        "wedding/IMG.jpg: noted. No daemon runs now; it is done as soon as one does.\n"
    )
    (request,) = journal.requests.pending()
    assert (request.verb, request.job_id, request.asked_by) == ("hold", "ab12cd34", "anna")


@pytest.mark.parametrize(
    "word",
    [
        "ab12cd34",
        "ab1",
        "wedding/IMG.jpg",
        "inbox/wedding/IMG.jpg",
        "inbox/failed/wedding/IMG--2.jpg",
    ],
)
def test_a_job_is_named_by_its_id_or_its_photograph(journal: Journal, word: str) -> None:
    """In full, by a beginning, as `nstd status` shows it, or as the shell completes it."""
    enter(journal, "ab12cd34", "wedding/IMG.jpg", "failed")
    enter(journal, "cd34ab12", "wedding/other.jpg", "failed")
    signature = Signature(1, 2, 3)
    journal.remains.put_away("ab12cd34", {"failed/wedding/IMG--2.jpg": signature})

    assert main(["retry", word]) == 0
    assert [request.job_id for request in journal.requests.pending()] == ["ab12cd34"]


def test_of_several_jobs_of_one_photograph_it_is_the_one_that_can(journal: Journal) -> None:
    """`retry` means the one that failed."""
    for job_id, state in (("aa", "done"), ("bb", "failed"), ("cc", "done")):
        enter(journal, job_id, "IMG.jpg", state)

    assert main(["retry", "IMG.jpg"]) == 0
    assert [request.job_id for request in journal.requests.pending()] == ["bb"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("IMG.jpg", "'IMG.jpg' could be any of these jobs; name one by its id:"),
        ("a", "'a' could be any of these jobs"),
        ("IMG", "No job is named 'IMG'. These are the latest:"),
    ],
)
def test_what_names_no_job_or_several_is_an_error_that_lists_them(
    journal: Journal, capsys: pytest.CaptureFixture[str], word: str, sentence: str
) -> None:
    """Nothing is asked then, of no job."""
    for job_id in ("a1", "a2"):
        enter(journal, job_id, "IMG.jpg", "failed")
    enter(journal, "b1", "other.jpg", "failed")

    assert main(["retry", "b1", word]) == 64
    words = capsys.readouterr().err
    assert sentence in words
    assert "\n  a1  IMG.jpg  (failed)" in words
    assert journal.requests.pending() == []


def test_an_empty_queue_has_no_candidates(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the sentence says that."""
    assert main(["again", "IMG.jpg"]) == 64
    assert "No job is named 'IMG.jpg'. There are none yet." in capsys.readouterr().err


def test_answers_are_printed_and_a_refusal_is_the_exit_code(
    journal: Journal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each job gets its line, in the order in which they were named."""
    (tmp_path / "work" / "lock").write_text(f"{os.getpid()}\n")
    enter(journal, "a1", "one.jpg", "queued")
    enter(journal, "b1", "two.jpg", "done")

    def answered(_: float) -> None:
        for request in journal.requests.pending():
            granted = request.job_id == "a1"
            words = Answer(granted, f"{request.job_id}: {'yes' if granted else 'no'}")
            journal.requests.answer(request, words, now_s=2.0)

    monkeypatch.setattr("nstd.commands.job_commands.time.sleep", answered)

    assert main(["hold", "b1", "a1"]) == 65
    assert capsys.readouterr().out == "b1: no\na1: yes\n"
    assert main(["hold", "a1"]) == 0


@pytest.mark.parametrize(
    ("state", "words"), [("running", "has left its worker"), ("queued", "The daemon is busy")]
)
def test_an_answer_that_does_not_come_at_once_is_not_waited_for(
    journal: Journal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    words: str,
) -> None:
    """What was asked is noted, and the sentence says when it is done."""
    monkeypatch.setattr("nstd.commands.job_commands.ANSWER_WAIT_S", 0.0)
    (tmp_path / "work" / "lock").write_text(f"{os.getpid()}\n")
    enter(journal, "a1", "one.jpg", state)

    assert main(["hold", "a1"]) == 0
    assert words in capsys.readouterr().out
    assert len(journal.requests.pending()) == 1


def test_a_queue_that_cannot_be_written_says_as_whom_to_ask(
    journal: Journal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another user than the daemon's; nothing is swallowed."""
    enter(journal, "a1", "one.jpg", "queued")
    journal._db.execute("CREATE TRIGGER no BEFORE INSERT ON requests BEGIN SELECT nonsense(); END")

    assert main(["hold", "a1"]) == 75
    assert "Ask as the user whose daemon it is" in capsys.readouterr().err


def test_requests_are_answered_in_the_order_in_which_they_came(journal: Journal) -> None:
    """Hold, then cancel: both are granted."""
    enter(journal, "a1", "one.jpg", "queued")
    main(["hold", "a1"])
    main(["cancel", "a1"])
    found = journal.requests.pending()

    assert [request.verb for request in found] == ["hold", "cancel"]
    assert found[0] == Request(1, "hold", "a1", "anna", found[0].asked_s)


@pytest.mark.process
def test_a_daemon_answers_within_its_turn(tmp_path: Path) -> None:
    """A running job is held at a checkpoint, released, cancelled; each answer is printed."""
    studio = Studio(tmp_path)
    path = put_picture(studio.inbox / "IMG.jpg", width=96, height=72)
    path.with_suffix(".yaml").write_text(manifest(steps=20_000))

    def asked(verb: str) -> tuple[int, str]:
        command = studio.command(verb, "IMG.jpg")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    studio.start()
    try:
        until(lambda: studio.is_at_step(2))
        assert asked("hold") == (0, "IMG.jpg is held. 'release' lets it go on.\n")
        assert asked("retry")[0] == 65
        assert asked("release") == (0, "IMG.jpg is queued again.\n")
        code, words = asked("cancel")
        until((studio.inbox / "failed" / "IMG.jpg").exists)
        studio.stop()
    finally:
        studio.end()

    assert (code, words.split()[0]) == (0, "IMG.jpg")
    assert "cancelled by" in (studio.inbox / "failed" / "IMG.error.txt").read_text()
