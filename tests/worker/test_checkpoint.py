"""A run between two steps, as a file and back."""

import errno
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from tiny import ADAM, tiny_problem, tiny_recipe
from worker_rig import no_room

from nstd.engine.stylize import Run, SavedRun
from nstd.foreman.space import state_bytes
from nstd.orders import LossRow
from nstd.recipe import Recipe
from nstd.worker.accelerator import forget_peak_memory, memory_in_use_bytes, peak_memory_bytes
from nstd.worker.checkpoint import SavedWork, newest_work, to_contents
from nstd.worker.tensor_file import Contents, on_host, read, write

CPU = torch.device("cpu")
ROWS = (
    LossRow(1, 0, 32, 0.125, (1.5, 2.25, 1e-30)),
    LossRow(2, 1, 64, 1 / 3, (0.1, float("inf"), 7e30)),
)
RECIPES = {"lbfgs": tiny_recipe(), "adam": tiny_recipe(optimizer=ADAM, variable="unit")}


def some_run(name: str = "lbfgs", steps: int = 6) -> SavedRun:
    """Return a run saved after so many steps."""
    run = Run(tiny_problem(RECIPES[name]))
    made = iter(run)
    for _ in range(steps):
        next(made)
    return run.save()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint"


def write_work(path: Path, run: SavedRun, rows: tuple[LossRow, ...] = ROWS) -> None:
    write(path, to_contents(SavedWork(run, rows, 12.3456789), job_id="j"))


def read_work(*paths: Path, job_id: str = "j") -> SavedWork | None:
    return newest_work(paths, device=CPU, job_id=job_id)


@pytest.mark.parametrize("name", RECIPES)
def test_round_trip_is_exact(name: str, path: Path) -> None:
    """Position, every tensor, the loss log and the seconds come back bit for bit."""
    run = some_run(name)
    write_work(path, run)
    work = read_work(path)
    assert work is not None
    assert work.rows == ROWS
    assert work.seconds == 12.3456789
    assert (work.run.step, work.run.level, work.run.step_in_level) == (6, 0, 6)
    assert work.run.optimizer.keys() == run.optimizer.keys()
    for key, tensor in run.optimizer.items():
        assert torch.equal(work.run.optimizer[key], tensor)
        assert work.run.optimizer[key].dtype == tensor.dtype


@pytest.mark.parametrize("recipe", [*RECIPES.values(), tiny_recipe(average=0.9)])
def test_a_checkpoint_is_not_larger_than_was_reckoned_with(recipe: Recipe, path: Path) -> None:
    """Nor much smaller: before a job starts, the disk is asked for so much."""
    problem = tiny_problem(recipe)
    run, pixels = Run(problem), problem.content.shape[-1] * problem.content.shape[-2]
    sizes = []
    for _ in run:
        write_work(path, run.save())
        sizes.append(path.stat().st_size)
    reckoned = state_bytes(recipe, pixels)

    assert reckoned / 2 < max(sizes) - 4096 <= reckoned


def test_what_is_there_twice_is_written_once(path: Path) -> None:
    """Within a line search, the best trial may be the one at its start."""
    picture = torch.rand(1, 3, 40, 50)
    write(path, Contents({"a": picture, "b": picture, "c": picture + 1}, "words"))
    found = read(path)
    assert found is not None
    assert found.words == "words"
    assert torch.equal(found.tensors["b"], picture)
    assert torch.equal(found.tensors["c"], picture + 1)
    assert path.stat().st_size < 2 * picture.nbytes + 4096


def test_writing_takes_no_memory(path: Path) -> None:
    """The state of a large picture would not fit twice: it is hashed and written where it is."""
    tensors = {name: torch.rand(1, 3, 1000, 2000) for name in ("variable", "first", "second")}
    forget_peak_memory(CPU)
    before = memory_in_use_bytes(CPU)
    write(path, on_host(Contents(tensors, "")))

    assert peak_memory_bytes(CPU) - before < 8e6  # of 72


def test_without_rows_there_are_none(path: Path) -> None:
    """A checkpoint before the first word has an empty log."""
    write_work(path, some_run(), rows=())
    work = read_work(path)
    assert work is not None
    assert work.rows == ()


def test_another_jobs_checkpoint_is_none(path: Path) -> None:
    """A job never goes on from another job's picture."""
    write_work(path, some_run())
    assert read_work(path, job_id="j2") is None


@pytest.mark.parametrize("length", [0, 1, 8, 100, -1, -1000])
def test_a_torn_checkpoint_is_none(length: int, path: Path) -> None:
    """A file that ends early is no checkpoint, and no error."""
    write_work(path, some_run())
    path.write_bytes(path.read_bytes()[:length])
    assert read_work(path) is None


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.999])
def test_a_checkpoint_with_a_wrong_bit_is_none(place: float, path: Path) -> None:
    """Of a part that was never written, a power cut leaves zeros, and the length as it was."""
    write_work(path, some_run())
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    assert read_work(path) is None


def test_of_several_the_first_that_is_whole_counts(tmp_path: Path) -> None:
    """One that is gone, torn, of another job or not to be read gives way to the one before."""
    newest, before = tmp_path / "newest", tmp_path / "before"
    write_work(newest, some_run(steps=4))
    write_work(before, some_run(steps=2))
    found = read_work(newest, before)
    assert found is not None
    assert found.run.step == 4
    newest.write_bytes(newest.read_bytes()[:-1])
    found = read_work(tmp_path / "gone", tmp_path, newest, before)
    assert found is not None
    assert found.run.step == 2


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"not a checkpoint", id="text"),
        pytest.param(bytes(64), id="zeros"),
        pytest.param(b"\xff" * 64, id="huge-header"),
        pytest.param(save({"rows": torch.zeros(1, 5)}), id="no-words"),
        pytest.param(save({"rows": torch.zeros(1)}, {"words": "{"}), id="no-hash"),
    ],
)
def test_what_is_no_checkpoint_is_none(data: bytes, path: Path) -> None:
    """Foreign bytes are no checkpoint, and no error."""
    path.write_bytes(data)
    assert read_work(path) is None


@pytest.mark.parametrize("words", ["{", "{}", '{"job": "j"}'], ids=["no-json", "no-job", "no-step"])
def test_words_that_are_not_a_checkpoints_are_none(words: str, path: Path) -> None:
    """As another version may have written them."""
    write(path, Contents({"rows": torch.zeros(1, 5)}, words))
    assert read_work(path) is None


def test_a_picture_without_its_log_is_none(path: Path) -> None:
    """All that belongs to a checkpoint must be there."""
    contents = to_contents(SavedWork(some_run(), ROWS, 0.0), job_id="j")
    contents.tensors.pop("rows")
    write(path, contents)
    assert read_work(path) is None


def test_a_disk_that_takes_no_more_is_told_with_the_files_name(path: Path) -> None:
    """As the kernel says it; nothing is left behind."""
    contents = to_contents(SavedWork(some_run(), ROWS, 0.0), job_id="j")
    with pytest.raises(OSError, match="File too large") as raised, no_room(10_000):
        write(path, contents)
    assert (raised.value.errno, raised.value.filename) == (errno.EFBIG, str(path))
    assert list(path.parent.iterdir()) == []


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    """With the file that was to be written."""
    path = tmp_path / "gone" / "checkpoint"
    with pytest.raises(FileNotFoundError) as raised:
        write(path, Contents({"a": torch.zeros(3)}, ""))
    assert raised.value.filename == str(path)
