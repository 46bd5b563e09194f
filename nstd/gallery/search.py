"""The index by which a page finds the jobs of all others: a few hundred jobs a file."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nstd.gallery.exhibits import has_thumb, ratio_of
from nstd.gallery.links import SEARCH
from nstd.gallery.named import Named
from nstd.spool.jobs import Job
from nstd.spool.journal import Journal
from nstd.spool.record import facts_from_json

CHUNK_PAGES = 20


@dataclass(frozen=True)
class Found:
    """What is needed to find a job and to show that it was found; `ratio` 0: no small picture."""

    page: int
    named: Named
    ended_s: float
    ratio: float


def chunk_of(page: int) -> int:
    """Return which file of the index a page is in."""
    return (page - 1) // CHUNK_PAGES


def pages_of(chunk: int) -> range:
    """Return the pages that a file of the index is of."""
    return range(chunk * CHUNK_PAGES + 1, (chunk + 1) * CHUNK_PAGES + 1)


def chunk_file(chunk: int) -> str:
    """Return where a file of the index lies below the outbox."""
    return f"{SEARCH}/{chunk}.js"


def read_found(journal: Journal, outbox: Path, page: int, job: Job) -> Found:
    """Read what the index says of a job."""
    ratio = ratio_of(facts_from_json(journal.facts_of(job.id)))
    is_seen = has_thumb(outbox, job.id)
    return Found(page, Named.of(job), job.ended_s or 0.0, ratio if is_seen else 0)


def search_script(found: Iterable[Found]) -> bytes:
    """Return a file of the index.

    A script, since a page that was opened from a disk cannot fetch. For each job `[page, job id,
    name, style, folder, end, width by height]`.
    """
    rows = [
        [
            job.page,
            job.named.job,
            job.named.name,
            job.named.style,
            job.named.folder,
            round(job.ended_s),
            round(job.ratio, 3),
        ]
        for job in found
    ]
    return f"nstdFound({json.dumps(rows, separators=(',', ':'))});\n".encode()
