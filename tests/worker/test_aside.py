"""Checkpoints written aside, while the steps go on."""

import errno
import pickle
import threading
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import tiny_station
from worker_rig import STEPS, file_of, finished, never, no_room, resumed, work_order

from nstd.engine.stylize import Run
from nstd.orders import Checkpoint, CheckpointLost, Failed, Finished, Progress, Stopped, WorkOrder
from nstd.worker import aside as aside_module
from nstd.worker.aside import Aside
from nstd.worker.painting import Painting
from nstd.worker.station import Station
from nstd.worker.tensor_file import Contents, write
from nstd.worker.thrift import Thrift
from nstd.worker.worker import run_order

WAIT_S = 20.0
CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """Return a station with the narrow network."""
    return tiny_station(tmp_path / "cache")


def order(folder: Path | None = None, checkpoints: tuple[Path, ...] = ()) -> WorkOrder:
    """Return an order for that network."""
    return work_order(folder=folder, checkpoints=checkpoints, network="raw")


class Disk:
    """Writes as long as the test wants it to."""

    def __init__(self) -> None:
        self.open, self.begun = threading.Event(), threading.Event()
        self.at_once = 0

    def write(self, path: Path, contents: Contents) -> None:
        self.at_once += 1
        assert self.at_once == 1
        self.begun.set()
        assert self.open.wait(WAIT_S)
        write(path, contents)
        self.at_once -= 1


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return a slow disk."""
    made = Disk()
    monkeypatch.setattr(aside_module, "write", made.write)
    return made


CONTENTS = Contents({"picture": torch.rand(1, 3, 8, 8)}, "words")


def test_the_steps_go_on_while_a_checkpoint_is_written(disk: Disk, tmp_path: Path) -> None:
    """Nothing waits for the disk until it is asked to; then its file is told of."""
    with Aside(order(folder=tmp_path), disk.open.set, CPU) as aside:
        aside.keep(5, CONTENTS)
        assert disk.begun.wait(WAIT_S)
        assert aside.news() == ()
        disk.open.set()
        (event,) = aside.last_news()

    assert isinstance(event, Checkpoint)
    assert (event.step, event.file.parent) == (5, tmp_path)
    assert event.file.exists()


def test_waiting_is_no_silence(disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the worker would be taken for one that hangs: here the disk waits for the sign."""
    monkeypatch.setattr(aside_module, "SIGN_EVERY_S", 0.01)
    with Aside(order(folder=tmp_path), disk.open.set, CPU) as aside:
        aside.keep(5, CONTENTS)
        aside.wait()

        assert len(aside.news()) == 1


def test_what_was_copied_from_a_device_is_let_go_before_it_is_written(
    disk: Disk, tmp_path: Path
) -> None:
    """A step takes seconds there, writing longer: the next need not wait, nor find both states."""
    state = torch.rand(8, 8).T  # not in one piece: copied, as it were from another device
    held = weakref.ref(state)
    with Aside(order(folder=tmp_path), disk.open.set, GPU) as aside:
        contents = Contents({"picture": state}, "words")
        aside.keep(5, contents)
        del contents, state
        aside.let_go()
        assert disk.begun.wait(WAIT_S)
        assert held() is None
        assert aside.is_busy
        assert aside.news() == ()
        disk.open.set()

        assert len(aside.last_news()) == 1


def test_one_is_written_at_a_time_and_each_under_a_name_of_its_own(
    disk: Disk, tmp_path: Path
) -> None:
    """The one before may be about to be taken; what nobody takes is given up but for the newest."""
    disk.open.set()
    with Aside(order(folder=tmp_path), never, CPU) as aside:
        for step in (1, 1, 2, 3):
            aside.keep(step, CONTENTS)
        told = aside.last_news()

    assert [event.step for event in told] == [1, 1, 2, 3]
    files = [event.file for event in told if isinstance(event, Checkpoint)]
    assert len(set(files)) == 4
    assert set(tmp_path.iterdir()) == set(files[-2:])


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    """As where nobody would keep them: on another machine, or of one picture by hand."""
    with Aside(order(), never, CPU) as aside:
        aside.keep(1, CONTENTS)

        assert aside.last_news() == ()


def test_what_is_no_fault_of_the_disk_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where there is no memory to copy it from the device."""

    def short(path: Path, contents: Contents) -> None:
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(aside_module, "write", short)
    with Aside(order(folder=tmp_path), never, CPU) as aside:
        aside.keep(1, CONTENTS)
        with pytest.raises(torch.OutOfMemoryError):
            aside.let_go()
        aside.wait()
        aside.keep(1, CONTENTS)

        assert aside.news_after_failure() == ()


def test_a_state_is_written_before_the_next_takes_its_place(
    station: Station, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During the evaluation it costs no memory; the update waits, and opens the disk here."""
    eager = replace(station, checkpoint_every_s=0)
    seen: list[tuple[bool, int]] = []
    one_step = Run._one_step

    def watched(run: Run, level: object) -> object:
        problem = run.problem
        wait = problem.before_update

        def before_update() -> None:
            assert run.step == 0 or disk.begun.wait(WAIT_S)
            seen.append((disk.at_once == 1, run.step))
            disk.open.set()
            wait()
            assert disk.at_once == 0
            disk.open.clear()
            disk.begun.clear()

        run.problem = replace(problem, before_update=before_update)
        try:
            return one_step(run, level)
        finally:
            run.problem = problem

    monkeypatch.setattr(Run, "_one_step", watched)
    work = order(folder=tmp_path)
    events = run_order(work, eager, never)
    told = []
    for event in events:
        told.append(event)
        if isinstance(event, Progress) and event.step == STEPS:
            disk.open.set()

    assert seen == [(False, 0), *((True, step) for step in range(1, STEPS))]
    assert isinstance(told[-1], Finished)
    assert [e.step for e in told if isinstance(e, Checkpoint)] == list(range(1, STEPS + 1))


def test_where_writing_lasts_longer_than_a_step_checkpoints_are_left_out(
    station: Station, disk: Disk, tmp_path: Path
) -> None:
    """None is queued behind the one that is being written: the steps go on."""
    on_gpu = replace(station, checkpoint_every_s=0)
    work, told = order(folder=tmp_path), []
    with Aside(work, never, GPU) as aside:
        for event in Painting(work, on_gpu, never, never, Thrift(), aside).events():
            told.append(event)
            if isinstance(event, Progress) and event.step == STEPS:
                disk.open.set()

    assert [event.step for event in told if isinstance(event, Checkpoint)] == [1]
    assert isinstance(told[-1], Finished)


def test_a_disk_that_is_full_costs_the_checkpoint_not_the_job(
    station: Station, tmp_path: Path
) -> None:
    """Each that could not be written is told of; the picture is the same, and nothing is left."""
    whole = file_of(finished(order(), station), ".png")
    eager, work = replace(station, checkpoint_every_s=0), order(folder=tmp_path / "parts")
    (tmp_path / "parts").mkdir()
    with no_room(20_000):
        events = list(run_order(work, eager, never))
    lost = [event for event in events if isinstance(event, CheckpointLost)]

    assert [event.step for event in lost] == list(range(1, STEPS + 1))
    assert {event.error.errno for event in lost} == {errno.EFBIG}
    assert all(Path(event.error.filename).parent == work.folder for event in lost)
    assert list((tmp_path / "parts").iterdir()) == []
    assert isinstance(events[-1], Finished)
    assert file_of(events[-1], ".png") == whole


def test_what_was_lost_can_be_told_through_a_pipe() -> None:
    """With the number, the words and the file."""
    event = CheckpointLost("job", 3, OSError(errno.ENOSPC, "No space left on device", "a.part"))
    again = pickle.loads(pickle.dumps(event))  # noqa: S301  # as the pipe does

    assert (again.job_id, again.step) == ("job", 3)
    assert again.error.errno == errno.ENOSPC
    assert again.error.filename == "a.part"
    assert str(again.error) == str(event.error)


@pytest.mark.parametrize("ending", ["stop", "fail", "end"])
def test_the_last_checkpoint_is_told_before_the_end(
    station: Station, tmp_path: Path, ending: str
) -> None:
    """Who hears that a job is stopped, failed or done no longer listens to it."""
    calls = iter(range(STEPS + 1))

    def stop() -> bool:
        made = next(calls) + 1
        if ending == "fail" and made == 4:
            raise BrokenPipeError("the pool has gone")
        return ending == "stop" and made == 4

    eager = replace(station, checkpoint_every_s=0)
    *_, saved, last = run_order(order(folder=tmp_path), eager, stop)

    assert isinstance(saved, Checkpoint)
    kinds = {"stop": (Stopped, 4), "fail": (Failed, 3), "end": (Finished, STEPS)}
    assert (type(last), saved.step) == kinds[ending]


def test_a_job_that_nobody_listens_to_any_more_leaves_no_thread(
    station: Station, disk: Disk, tmp_path: Path
) -> None:
    """What is being written is written when the generator is closed."""
    eager = replace(station, checkpoint_every_s=0)
    events = run_order(order(folder=tmp_path), eager, never)
    assert isinstance(next(events), Progress)
    disk.open.set()
    next(events)
    events.close()  # type: ignore[attr-defined]

    assert disk.at_once == 0
    assert not [t for t in threading.enumerate() if t.name.startswith("checkpoint")]


class Hungry(Run):
    """A run that finds no memory at its fifth step, as long as it remembers much."""

    def _one_step(self, level: object) -> object:
        if self.step == 4 and level.optimizer.history > 3:  # type: ignore[attr-defined]
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB.")
        return super()._one_step(level)  # type: ignore[arg-type]


@pytest.mark.parametrize("taken", ["not yet", "taken", "torn"])
def test_with_less_memory_a_job_goes_on_from_its_newest_checkpoint(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    """Wherever it is by then: where it was written, or where the daemon keeps it."""
    monkeypatch.setattr("nstd.worker.painting.Run", Hungry)
    eager = replace(station, checkpoint_every_s=0)
    kept, before = tmp_path / "checkpoint", tmp_path / "checkpoint.before"
    work = order(folder=tmp_path, checkpoints=(kept, before))
    last = None
    for event in run_order(work, eager, never):
        if isinstance(event, Checkpoint) and event.step <= 4 and taken != "not yet":
            if kept.exists():
                kept.replace(before)
            event.file.replace(kept)
            if taken == "torn" and event.step == 4:
                kept.write_bytes(kept.read_bytes()[:-1])
        last = event

    assert isinstance(last, Finished)
    assert last.facts.reduced_memory
    assert last.facts.resumed_from_step == (3 if taken == "torn" else 4)


def test_what_is_written_aside_is_what_the_run_was_at_that_step(
    station: Station, tmp_path: Path
) -> None:
    """A job that goes on from it ends in the same file, bit for bit."""
    whole = file_of(finished(order(), station), ".png")
    eager, work = replace(station, checkpoint_every_s=0), order(folder=tmp_path)
    for event in run_order(work, eager, never):
        if isinstance(event, Checkpoint) and event.step in (2, 5):
            again = finished(replace(resumed(work, event), folder=None), station)
            assert again.facts.resumed_from_step == event.step
            assert file_of(again, ".png") == whole
