"""Which done job stands on which page: pages of PAGE_JOBS, which do not change when they are full.

A page ends with the end of a job, and holds what was done after the end of the page before it. So
it stays what it is when older jobs are forgotten. What is written where is remembered beside the
pages, and lost with them; the journal alone is enough to make them again.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from nstd.model import Model
from nstd.spool.history import BEGINNING, DoneJob, End

PAGE_JOBS = 24


class Page(Model):
    """A full page: its number, how many jobs it shows, the end of its last, and what it is of."""

    number: Annotated[int, Field(ge=1, le=10**9)]
    jobs: Annotated[int, Field(ge=0)]
    ended_s: float
    seq: int
    print: str = ""

    @property
    def end(self) -> End:
        return End(self.ended_s, self.seq)


class Pages(Model):
    """All full pages, the oldest first."""

    edition: str
    pages: tuple[Page, ...] = Field(strict=False)


@dataclass(frozen=True)
class Neighbours:
    """The pages before and after one; the one after the last is still to be filled."""

    older: int | None
    newer: int


@dataclass
class Shelf:
    """The full pages, in order. `edition` is what all of them were written with."""

    edition: str
    pages: list[Page] = field(default_factory=list)

    @classmethod
    def from_json(cls, text: bytes, edition: str) -> "Shelf":
        """Read what `as_json` wrote; of another edition, all pages are to be written anew."""
        try:
            found = Pages.model_validate_json(text)
        except ValueError:  # somebody else has been at it
            return cls(edition)
        pages = list(found.pages)
        rising = all(a.number < b.number and a.end < b.end for a, b in pairwise(pages))
        if not rising:
            return cls(edition)
        if found.edition != edition:
            pages = [page.model_copy(update={"print": ""}) for page in pages]
        return cls(edition, pages)

    def as_json(self) -> bytes:
        return Pages(edition=self.edition, pages=tuple(self.pages)).model_dump_json().encode()

    @property
    def end(self) -> End:
        """The end of the last job that stands on a full page."""
        return self.pages[-1].end if self.pages else BEGINNING

    @property
    def newest_written(self) -> int | None:
        return next((page.number for page in reversed(self.pages) if page.print), None)

    @property
    def job_count(self) -> int:
        return sum(page.jobs for page in self.pages)

    @property
    def next_number(self) -> int:
        return self.pages[-1].number + 1 if self.pages else 1

    def begin_of(self, number: int) -> End:
        """Return the end of the page before one, where it begins itself."""
        at = self._index(number)
        return self.pages[at - 1].end if at else BEGINNING

    def unwritten(self) -> list[int]:
        """Return the pages that are still to be written, or again."""
        return [page.number for page in self.pages if not page.print]

    def miss(self, numbers: Iterable[int]) -> None:
        """Note that these pages are not written, or not any more."""
        for number in numbers:
            at = self._index(number)
            self.pages[at] = self.pages[at].model_copy(update={"print": ""})

    def holds(self, number: int) -> bool:
        at = bisect_left(self.pages, number, key=_number)
        return at < len(self.pages) and self.pages[at].number == number

    def is_written(self, number: int) -> bool:
        return self.holds(number) and bool(self.page(number).print)

    def page(self, number: int) -> Page:
        return self.pages[self._index(number)]

    def neighbours(self, number: int) -> Neighbours:
        at = self._index(number)
        older = self.pages[at - 1].number if at else None
        newer = self.pages[at + 1].number if at + 1 < len(self.pages) else number + 1
        return Neighbours(older, newer)

    def take(self, done: Sequence[DoneJob]) -> None:
        """Put full pages of newly done jobs on the shelf; at least a page of them stays off."""
        while len(done) >= 2 * PAGE_JOBS:
            page, done = done[:PAGE_JOBS], done[PAGE_JOBS:]
            number, end = self.next_number, page[-1].end
            self.pages.append(Page(number=number, jobs=len(page), ended_s=end.ended_s, seq=end.seq))

    def written(self, number: int, job_ids: Iterable[str]) -> None:
        """Note that a page has been written, with these jobs on it."""
        ids = list(job_ids)
        found = self._print(number, ids)
        at = self._index(number)
        self.pages[at] = self.pages[at].model_copy(update={"jobs": len(ids), "print": found})

    def compare(self, done: Sequence[DoneJob]) -> list[int]:
        """Compare the pages with all the jobs that are done, and see which are not right any more.

        Returns:
            the pages of which no job is left: they are off the shelf, and to be removed.
        """
        ids = self._ids_by_page(done)
        gone = [page.number for page in self.pages if not ids[page.number]]
        self.pages = [
            page.model_copy(update={"jobs": len(ids[page.number])})
            for page in self.pages
            if ids[page.number]
        ]
        self.miss([p.number for p in self.pages if p.print != self._print(p.number, ids[p.number])])
        return gone

    def _ids_by_page(self, done: Sequence[DoneJob]) -> Mapping[int, list[str]]:
        ends = [page.end for page in self.pages]
        found: dict[int, list[str]] = {page.number: [] for page in self.pages}
        for job in done:
            at = bisect_left(ends, job.end)
            if at < len(ends):
                found[self.pages[at].number].append(job.job_id)
        return found

    def _print(self, number: int, job_ids: Sequence[str]) -> str:
        """Return what a page depends on, in short."""
        text = f"{self.neighbours(number)} {' '.join(job_ids)}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def _index(self, number: int) -> int:
        at = bisect_left(self.pages, number, key=_number)
        if at == len(self.pages) or self.pages[at].number != number:
            raise KeyError(number)
        return at


def _number(page: Page) -> int:
    return page.number
