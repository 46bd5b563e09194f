"""Whose fault an error is, who waits for it, and when it is tried again."""

import errno
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from spool_rig import Spool

from nstd.clock import Now
from nstd.errors import WorldError
from nstd.foreman.circuits import GIVE_UP_AFTER_S, LONGEST_WAIT_S, Circuits, Waits
from nstd.status.reading import read_status
from nstd.status.table import plain_text


def failing(number: int, path: Path | None = None) -> Callable[[], None]:
    """Return something to do that fails with an error."""

    def act() -> None:
        raise OSError(number, "no luck", *([str(path)] if path else []))

    return act


def nothing() -> None:
    """Do something that works."""


@dataclass
class Bench:
    """Circuits over a spool, and a clock to turn."""

    spool: Spool
    now_s: float = 0.0
    circuits: Circuits = field(init=False)

    def __post_init__(self) -> None:
        self.circuits = Circuits(self.spool.journal, self.spool.resources)
        self.outbox = self.spool.root / "outbox"

    @property
    def now(self) -> Now:
        return Now(self.now_s, 1e9 + self.now_s)

    def use(
        self, resource: str, act: Callable[[], None], *, alone: str | None = None
    ) -> Waits | None:
        waits = self.circuits.use(resource, self.now, act, alone=alone)  # type: ignore[arg-type]
        self.circuits.turn_over()
        return waits

    def shown(self) -> dict[str, str]:
        return {fault.resource: fault.sentence for fault in self.spool.journal.board.faults()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Spool(tmp_path))


def test_a_resource_that_fails_its_probe_is_out_of_order_for_all(bench: Bench) -> None:
    """It is told of with the moment since when, and nothing is tried before the wait is over."""
    bench.outbox.write_text("a file where the share should be")
    tries: list[str] = []
    bench.use("outbox", failing(errno.EIO, bench.outbox / "a.jpg"), alone="job a")
    bench.now_s = 1.9
    bench.use("outbox", lambda: tries.append("b"), alone="job b")

    assert tries == []
    (fault,) = bench.spool.journal.board.faults()
    assert (fault.resource, fault.since_s) == ("outbox", 1e9)
    assert "The outbox cannot be used" in fault.sentence
    text = plain_text(read_status(bench.spool.journal, now_s=1e9))
    assert text.splitlines()[1].startswith("! since 2001-09-")
    bench.outbox.unlink()
    bench.now_s = 2.0
    bench.use("outbox", lambda: tries.append("b"), alone="job b")
    assert tries == ["b"]
    assert bench.shown() == {}


def test_where_the_probe_succeeds_only_the_job_with_the_bad_file_waits(bench: Bench) -> None:
    """The others go on; its own circuit closes when it works."""
    waits = bench.use("outbox", failing(errno.EACCES, bench.outbox / "a.jpg"), alone="job a")
    assert waits is not None
    assert waits.alone
    assert waits.for_s == 2.0
    assert bench.use("outbox", nothing, alone="job b") is None
    assert list(bench.shown()) == ["job a"]
    bench.now_s = 2.0
    assert bench.use("outbox", nothing, alone="job a") is None

    assert bench.shown() == {}


def test_a_file_that_keeps_failing_is_given_up_with_words(bench: Bench) -> None:
    """After ten minutes in which all else worked."""
    act = failing(errno.EACCES, bench.outbox / "a.jpg")
    waits = bench.use("outbox", act, alone="job a")
    while waits and not waits.hopeless:
        bench.now_s += waits.for_s
        waits = bench.use("outbox", act, alone="job a")

    assert bench.now_s >= GIVE_UP_AFTER_S
    assert waits is not None
    assert "a.jpg" in (waits.hopeless or "")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_file_that_finds_no_room_is_never_given_up(bench: Bench, number: int) -> None:
    """A small one may still be written: there will be room for the large one again."""
    for _ in range(20):
        waits = bench.use("outbox", failing(number), alone="job a")
        assert waits is not None
        assert waits.hopeless is None
        bench.now_s += LONGEST_WAIT_S


def test_using_a_resource_otherwise_does_not_close_its_circuit(bench: Bench) -> None:
    """Reading works on a full disk: what counts is that nothing fails in the turn of the probe."""
    bench.use("work", failing(errno.ENOSPC))
    waits_s = []
    for _ in range(4):
        bench.now_s += LONGEST_WAIT_S
        bench.circuits.use("work", bench.now, nothing)
        bench.circuits.use("work", bench.now, failing(errno.ENOSPC))
        bench.circuits.turn_over()
        waits_s.append(bench.circuits._open["work"].wait_s)

    assert waits_s == [4.0, 8.0, 16.0, 32.0]
    assert bench.circuits.faults[0].since_s == 1e9


def test_waits_grow_to_five_minutes(bench: Bench) -> None:
    """2, 4, 8 … 256, 300, 300 seconds."""
    bench.outbox.write_text("a file where the share should be")
    bench.use("outbox", failing(errno.EIO))
    waits_s = []
    for _ in range(10):
        waits_s.append(bench.circuits._open["outbox"].wait_s)
        bench.now_s = bench.circuits._open["outbox"].next_try_s
        bench.use("outbox", nothing)

    assert waits_s == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_journal_that_fails_is_the_work_folders_fault(bench: Bench) -> None:
    """Whatever was being done; it lies there."""

    def act() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    bench.use("outbox", act, alone="job a")

    assert list(bench.shown()) == ["work"]
    assert "database or disk is full" in bench.shown()["work"]


def test_a_fault_of_ours_is_not_taken_for_the_worlds(bench: Bench) -> None:
    """A wrong statement would never heal: it must be seen."""

    def act() -> None:
        raise sqlite3.IntegrityError("UNIQUE constraint failed")

    with pytest.raises(sqlite3.IntegrityError):
        bench.use("work", act)


def test_what_the_journal_could_not_be_told_is_told_later(bench: Bench) -> None:
    """Meanwhile the service manager's line has it."""
    journal, db = bench.spool.journal, bench.spool.journal._db
    db.execute("PRAGMA query_only = ON")
    bench.circuits.failed(WorldError("inbox", "The inbox is away."), bench.now)
    assert [fault.sentence for fault in bench.circuits.faults] == ["The inbox is away."]
    assert bench.shown() == {}
    db.execute("PRAGMA query_only = OFF")
    bench.circuits.turn_over()

    assert [fault.resource for fault in journal.board.faults()] == ["inbox"]


def test_an_error_is_blamed_by_its_path_before_who_was_called(bench: Bench) -> None:
    """A result that is published is read from the work folder."""
    resources, root = bench.spool.resources, bench.spool.root
    blamed = [
        resources.blamed(OSError(errno.EIO, "no luck", str(path)), used="originals")
        for path in (root / "work/jobs/a", root / "outbox/a.jpg", root / "inbox/a.jpg")
    ]

    assert blamed == ["work", "outbox", "originals"]
    assert resources.blamed(OSError(errno.EIO, "no luck"), used="outbox") == "outbox"
