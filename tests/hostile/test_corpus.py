"""Every hostile thing at once in one inbox: each ends as it must, and nothing else is touched."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hostile.bad_manifests import MANIFESTS
from hostile.bad_pictures import PICTURES
from hostile.case import GOOD_MANIFEST, GOOD_PICTURE, Case, End
from hostile.odd_files import FILES, OUTSIDE
from hostile.odd_names import NAMES
from spool_rig import Spool

from nstd.pictures.images import load_photograph
from nstd.printable import printable
from nstd.spool.inbox import MARKER
from nstd.spool.intake import Patience
from nstd.spool.jobs import Job
from nstd.spool.names import FAILED_FOLDER

CORPUS = PICTURES + MANIFESTS + NAMES + FILES
# What does not decode is failed at the first look.
IMPATIENT = Patience(settle_s=2, pair_wait_s=1e6, give_up_after_s=2, orphan_after_s=1e6)


@dataclass(frozen=True)
class Aftermath:
    """What was seen when all had been looked at."""

    spool: Spool
    jobs: dict[str, list[Job]]
    waiting: dict[str, str]
    outside_before: dict[str, tuple[int, bytes]]

    def waiting_in(self, case: Case) -> list[str]:
        """Return the words about the files of a case that still wait."""
        return [words for path, words in self.waiting.items() if path.startswith(f"{case.name}/")]


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """Plant the whole corpus in one inbox, and let the daemon's turns pass over it."""
    root = tmp_path_factory.mktemp("corpus")
    outside = root / OUTSIDE
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(GOOD_PICTURE)
    (outside / "secret.yaml").write_bytes(GOOD_MANIFEST)
    spool = Spool(root)
    spool.intake = replace(spool.intake, patience=IMPATIENT)
    for case in CORPUS:
        folder = spool.inbox / case.name
        folder.mkdir()
        case.plant(folder)
    before = contents(outside)
    spool.settle()
    while spool.look(1) and any("in line" in words for words in spool.waiting().values()):
        pass
    for job in spool.journal.untidied():
        spool.tidying.tidy(job)
    jobs: dict[str, list[Job]] = {}
    for job in spool.jobs("queued", "failed", "waiting", "running"):
        jobs.setdefault(job.folder.split("/")[0], []).append(job)
    yield Aftermath(spool, jobs, spool.waiting(), before)


def test_there_are_enough_cases() -> None:
    """Their names differ, and so do their folders."""
    assert len({case.name for case in CORPUS}) == len(CORPUS) >= 60


def those(end: End) -> pytest.MarkDecorator:
    """Run a test for every case that ends so."""
    cases = [pytest.param(case, id=case.name) for case in CORPUS if case.end == end]
    return pytest.mark.parametrize("case", cases)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of metadata that it passes over
@those("queued")
def test_what_is_only_odd_is_accepted(case: Case, aftermath: Aftermath) -> None:
    """A studio expects its photographs painted, whatever made them; the worker can open them."""
    states = {job.state: job.reason for job in aftermath.jobs.get(case.name, [])}
    assert states == {"queued": None}, aftermath.waiting_in(case)
    (job,) = aftermath.jobs[case.name]

    assert load_photograph(aftermath.spool.work.content(job.id).read_bytes()).width >= 16


@those("failed")
def test_what_cannot_be_painted_fails_with_a_sentence(case: Case, aftermath: Aftermath) -> None:
    """One that says what was found, in a text beside the files, that acts on no terminal."""
    (job,) = aftermath.jobs.get(case.name, [None])
    assert job is not None, aftermath.waiting_in(case)
    folder = aftermath.spool.inbox / FAILED_FOLDER / case.name
    (text,) = (path.read_text() for path in folder.iterdir() if path.name.endswith(".error.txt"))

    assert job.state == "failed"
    assert case.words in text
    assert printable(text, keep="\n") == text
    assert len(text) < 6000
    assert len(list(folder.iterdir())) >= 2


@those("waiting")
def test_what_is_not_whole_waits_with_a_reason(case: Case, aftermath: Aftermath) -> None:
    """Something that can still come is missing: a link or a pipe is not what was waited for."""
    assert case.name not in aftermath.jobs
    assert case.words in " ".join(aftermath.waiting_in(case))


@those("ignored")
def test_what_is_no_business_of_ours_is_left_alone(case: Case, aftermath: Aftermath) -> None:
    """It is no job, and nobody waits for it."""
    assert case.name not in aftermath.jobs
    assert aftermath.waiting_in(case) == []
    assert list((aftermath.spool.inbox / case.name).iterdir())


def test_nothing_outside_was_written(aftermath: Aftermath) -> None:
    """Neither beside the inbox, nor in it but for `done`, `failed` and the marker."""
    spool = aftermath.spool
    made = {path.name for path in spool.inbox.iterdir()} - {case.name for case in CORPUS}

    assert contents(spool.root / OUTSIDE) == aftermath.outside_before
    assert {path.name for path in spool.root.iterdir()} == {"inbox", "work", OUTSIDE}
    assert made == {"styles", FAILED_FOLDER, MARKER}
    assert {path.name for path in (spool.inbox / "styles").iterdir()} == {
        "waves.jpg", "night-sky.png",
    }  # fmt: skip
    assert not list(spool.work.arriving.iterdir())
