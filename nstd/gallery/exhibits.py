"""The finished pictures: what was published of each, and how it was made."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from nstd.errors import SourceChangedError
from nstd.formats import SUFFIX_OF_FORMAT
from nstd.gallery.choice import Choice, choice_of
from nstd.gallery.curves import LARGEST_LOG_BYTES, Plot, plot_of
from nstd.gallery.links import after_thumb, before_thumb, joined
from nstd.gallery.named import Named
from nstd.gallery.words import Fact, facts_in_words, recipe_in_words
from nstd.orders import STEPS_SUFFIX, RunFacts
from nstd.printable import printable
from nstd.spool.durable import read_stable
from nstd.spool.jobs import Job
from nstd.spool.journal import Journal
from nstd.spool.record import facts_from_json

PICTURE, SHEET = "picture", "sheet"
LOG_SUFFIX, RECORD_SUFFIX = ".losses.csv", ".json"
KINDS = {LOG_SUFFIX: "loss log", ".losses.png": "loss curves", RECORD_SUFFIX: "record"}
PICTURE_SUFFIXES = frozenset(SUFFIX_OF_FORMAT.values())
SHOWN_BY_BROWSERS = frozenset({".jpg", ".png", ".webp"})

log = structlog.get_logger()


@dataclass(frozen=True)
class File:
    """A published file: what it is, its name, and its path below the outbox."""

    kind: str
    name: str
    path: str


@dataclass(frozen=True)
class Exhibit:
    """A finished picture.

    `before` and `after` are paths below the outbox; there is no `before` where the small pictures
    are missing, and no `after` where what was published is nothing that browsers show. A proof has
    a `choice`, and no `before`: its sheet has another shape than the photograph.
    """

    named: Named
    ended_s: float
    before: str | None
    after: str | None
    width: int
    height: int
    ratio: float
    sentence: str
    facts: tuple[Fact, ...]
    plot: Plot | None
    files: tuple[File, ...]
    choice: Choice | None


def read_exhibit(journal: Journal, outbox: Path, job: Job) -> Exhibit:
    """Read a done job: what was published, and how it was made.

    What cannot be read of it is left out: one bad file must not keep all others from being shown.
    """
    facts, order = facts_from_json(journal.facts_of(job.id)), job.order
    files = tuple(_files(journal, job))
    result = next((file.path for file in files if file.kind in (PICTURE, SHEET)), None)
    is_shown = result is not None and Path(result).suffix in SHOWN_BY_BROWSERS
    is_small = has_thumb(outbox, job.id)
    is_pair = is_small and _lies(outbox / before_thumb(job.id))
    return Exhibit(
        named=Named.of(job),
        ended_s=job.ended_s or 0.0,
        before=before_thumb(job.id) if is_pair else None,
        after=after_thumb(job.id) if is_small else result if is_shown else None,
        width=facts.width,
        height=facts.height,
        ratio=ratio_of(facts),
        sentence=recipe_in_words(order, facts),
        facts=facts_in_words(
            order, facts, queued_s=(job.started_s or job.accepted_s) - job.accepted_s
        ),
        plot=_plot(outbox, job),
        files=files,
        choice=choice_of(job, order, result) if order.proof and result else None,
    )


def has_thumb(outbox: Path, job_id: str) -> bool:
    """Tell whether the small picture of a job's result is there."""
    return _lies(outbox / after_thumb(job_id))


def ratio_of(facts: RunFacts) -> float:
    """Return width by height; within what a page can lay out."""
    return min(3.0, max(0.4, facts.width / max(1, facts.height)))


def _files(journal: Journal, job: Job) -> Iterator[File]:
    """Name the published files, the picture first; the snapshots by their folder."""
    picture = SHEET if job.proof else PICTURE
    suffixes = [*(file.suffix for file in journal.files_of(job.id)), RECORD_SUFFIX]
    snapshots = sum(suffix.startswith(f"{STEPS_SUFFIX}/") for suffix in suffixes)
    plain = [suffix for suffix in suffixes if "/" not in suffix]
    for suffix in sorted(plain, key=lambda suffix: suffix not in PICTURE_SUFFIXES):
        kind = picture if suffix in PICTURE_SUFFIXES else KINDS.get(suffix, suffix.lstrip("."))
        yield _file(job, kind, suffix)
    if snapshots:
        yield _file(job, f"{snapshots} snapshots", f"{STEPS_SUFFIX}/")


def _file(job: Job, kind: str, suffix: str) -> File:
    name = f"{job.output_stem}{suffix}"
    return File(printable(kind), printable(name), joined(job.output_folder, name))


def _lies(path: Path) -> bool:
    try:
        return path.lstat().st_size > 0
    except OSError:
        return False


def _plot(outbox: Path, job: Job) -> Plot | None:
    path = outbox / joined(job.output_folder, f"{job.output_stem}{LOG_SUFFIX}")
    try:
        text = read_stable(path, most_bytes=LARGEST_LOG_BYTES + 1)
    except (OSError, SourceChangedError) as error:
        log.warning("loss log not shown in the gallery", job=job.id, reason=str(error))
        return None
    return plot_of(text) if len(text) <= LARGEST_LOG_BYTES else None
