"""The full pages and the index of the search, as they lie in the outbox."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from nstd.gallery.exhibits import Exhibit, read_exhibit
from nstd.gallery.files import Files
from nstd.gallery.links import PAGES, SEARCH, page_file
from nstd.gallery.rendering import Rendering
from nstd.gallery.search import chunk_file, chunk_of, pages_of, read_found, search_script
from nstd.gallery.shelf import Shelf
from nstd.spool.history import BEGINNING
from nstd.spool.journal import Journal

STATE_FILE = f"{PAGES}/pages.json"
TURN_S = 0.5
PAGE_NAME = re.compile(r"(\d+)\.html")
CHUNK_NAME = re.compile(r"(\d+)\.js")


@dataclass
class Archive:
    """Writes pages when they are full, and again when jobs of theirs have been forgotten."""

    journal: Journal
    files: Files
    rendering: Rendering
    shelf: Shelf

    @classmethod
    def opened(cls, journal: Journal, files: Files, rendering: Rendering) -> "Archive":
        """Find what is there, and compare it with the journal."""
        shelf = Shelf.from_json(files.read(STATE_FILE) or b"", rendering.edition)
        archive = cls(journal, files, rendering, shelf)
        there = files.names(PAGES)
        shelf.miss([p.number for p in shelf.pages if _page_name(p.number) not in there])
        archive._compare()
        archive._sweep()
        return archive

    @property
    def is_behind(self) -> bool:
        """Tell whether pages are still to be written."""
        return bool(self.shelf.unwritten())

    @property
    def chunks(self) -> int:
        """How many files the index of the search has."""
        return chunk_of(self.shelf.pages[-1].number) + 1 if self.shelf.pages else 0

    def turn(self, known: Mapping[str, Exhibit]) -> None:
        """Put full pages on the shelf and write them, so many as there is time for in a turn.

        Args:
            known: exhibits that need not be read again, by job.
        """
        history, shelf = self.journal.history, self.shelf
        new = history.done_after(shelf.end)
        if shelf.job_count + len(new) != history.done_count():
            self._compare()
            new = history.done_after(shelf.end)
        shelf.take(new)
        deadline_s = time.monotonic() + TURN_S
        chunks = set()
        for number in shelf.unwritten():
            self._write_page(number, known)
            chunks.add(chunk_of(number))
            if time.monotonic() > deadline_s:
                break
        for chunk in chunks:
            self._write_chunk(chunk)
        if chunks:
            self.files.put(STATE_FILE, shelf.as_json())

    def _compare(self) -> None:
        """Take pages away of which every job has been forgotten, and see which others are wrong."""
        gone = self.shelf.compare(self.journal.history.done_after(BEGINNING))
        for number in gone:
            self.files.remove(page_file(number))
        for chunk in {chunk_of(number) for number in gone}:
            self._write_chunk(chunk)
        if gone:
            self.files.put(STATE_FILE, self.shelf.as_json())

    def _write_page(self, number: int, known: Mapping[str, Exhibit]) -> None:
        shelf, page = self.shelf, self.shelf.page(number)
        jobs = self.journal.history.done_between(shelf.begin_of(number), page.end)
        exhibits = [
            known.get(job.id) or read_exhibit(self.journal, self.files.outbox, job) for job in jobs
        ]
        neighbours = shelf.neighbours(number)
        if not shelf.is_written(neighbours.newer):  # the way there must lead somewhere
            self.files.put(page_file(neighbours.newer), self.rendering.stub())
        text = self.rendering.page(number, exhibits[::-1], neighbours)
        self.files.put(page_file(number), text)
        shelf.written(number, [job.id for job in jobs])

    def _write_chunk(self, chunk: int) -> None:
        """Write a file of the index, of the pages that are written; or an empty one."""
        shelf, outbox = self.shelf, self.files.outbox
        found = [
            read_found(self.journal, outbox, page.number, job)
            for page in shelf.pages
            if page.number in pages_of(chunk) and page.print
            for job in self.journal.history.done_between(shelf.begin_of(page.number), page.end)
        ]
        self.files.put(chunk_file(chunk), search_script(found))

    def _sweep(self) -> None:
        """Remove pages that an archive left which has been lost."""
        for name in self.files.names(PAGES):
            number = _number(PAGE_NAME, name)
            if number and number != self.shelf.next_number and not self.shelf.holds(number):
                self.files.remove(f"{PAGES}/{name}")
        for name in self.files.names(SEARCH):
            chunk = _number(CHUNK_NAME, name)
            if chunk is not None and chunk >= self.chunks:
                self.files.remove(f"{SEARCH}/{name}")


def _page_name(number: int) -> str:
    return page_file(number).rpartition("/")[2]


def _number(pattern: re.Pattern[str], name: str) -> int | None:
    found = pattern.fullmatch(name)
    return int(found[1]) if found else None
