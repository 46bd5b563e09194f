"""What the operator is told, how, and how often."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon_rig import is_alive, until
from structlog.testing import capture_logs

from nstd.clock import Now
from nstd.errors import WorldError
from nstd.service.hook import CALL_LIMIT_S, Hook
from nstd.spool.jobs import NewJob
from nstd.spool.journal import Journal

WRITE_DOWN = """\
cat >> "$0"; echo >> "$0"
printf '%s|%s|%s\\n' "$NSTD_EVENT" "$NSTD_SUBJECT" "$NSTD_TEXT" >> "$0.words"
"""


@dataclass
class Office:
    """A journal, and a hook whose program writes down what it is told."""

    root: Path
    now_s: float = 100.0
    jobs: int = 0
    journal: Journal = field(init=False)
    hook: Hook = field(init=False)

    def __post_init__(self) -> None:
        self.journal = Journal(self.root / "journal.sqlite")
        self.open("sh", "-c", WRITE_DOWN, str(self.root / "told"))

    def open(self, *command: str) -> None:
        """Begin anew, as after a restart or with another command."""
        if self.jobs and self.hook._call is not None:
            self.hook._call.errors.close()
        self.hook = Hook(command, self.journal)

    def turn(self, seconds: float = 1.0) -> None:
        """Let time pass, and every program end that has been started."""
        self.now_s += seconds
        self.hook.turn(Now(self.now_s, 1e9 + self.now_s))
        if self.hook._call is not None:
            self.hook._call.process.wait()

    def fail(self, name: str = "IMG.jpg", reason: str = "It is too dark.") -> str:
        self.jobs += 1
        job = NewJob(f"j{self.jobs}", "wedding", name, None, None, reason=reason)
        self.journal.enter(job, "failed", {}, now_s=1e9 + self.now_s + self.jobs)
        return job.id

    def told(self) -> list[dict[str, object]]:
        path = self.root / "told"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def words(self) -> list[str]:
        return (self.root / "told.words").read_text().splitlines()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.turn()  # takes leave of a program that has ended
    office.journal.close()


def test_a_failed_job_is_told_once(office: Office) -> None:
    """As JSON on the program's input, in words in its environment; and not again."""
    job_id = office.fail()
    for _ in range(3):
        office.turn()

    assert office.words() == ["job failed|nstd: wedding/IMG.jpg failed|It is too dark."]
    (message,) = office.told()
    assert message["subject"] == "nstd: wedding/IMG.jpg failed"
    (item,) = message["news"]
    assert (item["event"], item["job"], item["resource"]) == ("job failed", job_id, None)


def test_a_failure_that_was_not_told_is_told_by_the_next_daemon(office: Office) -> None:
    """The journal knows which were; what was told is not told again."""
    office.fail("first.jpg")
    office.turn()
    office.fail("second.jpg")
    office.open(*office.hook.command)
    for _ in range(3):
        office.turn()

    assert [message["subject"] for message in office.told()] == [
        "nstd: wedding/first.jpg failed",
        "nstd: wedding/second.jpg failed",
    ]


def test_a_resource_that_fails_and_works_again_is_told_twice(office: Office) -> None:
    """Once when it fails, however often it is tried meanwhile, and once when it works again."""
    for sentence in ("The outbox is full.", "The outbox is still full."):
        office.journal.board.set_fault("outbox", sentence, now_s=5.0)
        office.turn()
        office.turn()
    office.journal.board.clear_fault("outbox")
    office.turn()

    assert office.words() == [
        "resource failed|nstd: outbox fails|The outbox is full.",
        "resource works|nstd: outbox works again|It was: The outbox is still full.",
    ]


def test_after_a_restart_a_known_fault_is_not_told_again(office: Office) -> None:
    """But its end is."""
    office.journal.board.set_fault("outbox", "The outbox is full.", now_s=5.0)
    office.turn()
    office.turn()
    office.open(*office.hook.command)
    office.turn()
    office.journal.board.clear_fault("outbox")
    office.turn()

    assert [message["event"] for message in office.told()] == ["resource failed", "resource works"]


def test_a_flood_of_failures_is_one_message_a_minute(office: Office) -> None:
    """With the first of them, and how many more there are."""
    for number in range(200):
        office.fail(f"IMG_{number}.jpg")
    for _ in range(30):
        office.turn()
    assert [message["subject"] for message in office.told()] == ["nstd: 200 jobs failed"]
    (message,) = office.told()
    assert "wedding/IMG_19.jpg failed: It is too dark." in str(message["text"])
    assert "… and 180 more: see 'nstd status'." in str(message["text"])
    for number in range(50):
        office.fail(f"more_{number}.jpg")
    office.turn(20)
    assert len(office.told()) == 1
    office.turn(60)

    assert [len(message["news"]) for message in office.told()] == [200, 50]


def test_no_more_than_five_messages_come_a_minute(office: Office) -> None:
    """Failures now and then are told one by one; when they come thick, together."""
    for number in range(12):
        office.fail(f"IMG_{number}.jpg")
        office.turn()
    assert len(office.told()) == 5
    office.turn(60)

    assert [len(message["news"]) for message in office.told()] == [1, 1, 1, 1, 1, 7]
    assert office.told()[-1]["event"] == "summary"


def test_a_program_that_hangs_is_ended_and_holds_nothing_up(office: Office) -> None:
    """A turn takes as long as starting one; after its time it is killed, with its children."""
    child = office.root / "child"
    office.open("sh", "-c", 'sleep 1000 & echo $! > "$0"; wait', str(child))
    office.fail()
    office.hook.turn(Now(office.now_s, 0.0))
    until(lambda: child.exists() and child.read_text().endswith("\n"))
    with capture_logs() as logs:
        for seconds in (CALL_LIMIT_S - 1, 1):
            office.now_s += seconds
            office.hook.turn(Now(office.now_s, 0.0))

    until(lambda: not is_alive(int(child.read_text())))
    assert office.hook._call is None
    assert [(line["event"], line["code"]) for line in logs] == [("notify_command failed", -9)]


@pytest.mark.parametrize(
    ("command", "event", "words"),
    [
        (("false",), "notify_command failed", ""),
        (("sh", "-c", "echo no such host >&2; exit 3"), "notify_command failed", "no such host"),
        (("no-such-program",), "notify_command cannot be called", None),
    ],
)
def test_a_call_that_fails_is_logged_and_no_more(
    office: Office, command: tuple[str, ...], event: str, words: str | None
) -> None:
    """What the program said is in the log; the daemon goes on, and does not call it again."""
    office.open(*command)
    office.fail()
    with capture_logs() as logs:
        for _ in range(4):
            office.turn()

    assert [line["event"] for line in logs] == [event]
    assert logs[0].get("words") == words


def test_a_hostile_name_stays_on_its_line(office: Office) -> None:
    """What could end a mail's header, or speak to a terminal, is replaced."""
    office.fail("IMG\nBcc: all@example.org\x1b[2J.jpg", reason="first\nsecond\x07")
    office.turn()
    (message,) = office.told()

    assert message["subject"] == "nstd: wedding/IMG�Bcc: all@example.org�[2J.jpg failed"
    assert message["text"] == "first\nsecond�"


def test_a_program_that_does_not_listen_is_told_as_well(office: Office) -> None:
    """A message longer than a pipe takes does not hold the daemon up."""
    office.open(sys.executable, "-c", "")
    for number in range(100):
        office.fail(f"IMG_{number}.jpg", reason="x" * 2000)
    with capture_logs() as logs:
        office.turn()
        office.turn()

    assert logs == []
    assert office.journal.board.untold(most=10) == []


def test_without_a_command_nobody_is_told(office: Office) -> None:
    """And what fails now will not be told years later, when there is one."""
    office.open()
    office.fail()
    office.turn()
    assert office.journal.board.untold(most=10) == []


def test_a_journal_that_cannot_be_read_at_the_start_is_told_in_words(tmp_path: Path) -> None:
    """The service ends with a sentence and is started again, as with any fault of the disk."""
    journal = Journal(tmp_path / "journal.sqlite")
    journal.close()
    with pytest.raises(WorldError, match=r"work folder.*closed database"):
        Hook((), journal)
