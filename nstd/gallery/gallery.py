"""Keeps the gallery in the outbox up to date: cheaply, and never in anybody's way."""

import errno
import sqlite3
import time
import traceback
from dataclasses import dataclass, field

import structlog

from nstd.clock import Now
from nstd.errors import WorldError
from nstd.gallery.archive import Archive
from nstd.gallery.exhibits import Exhibit, read_exhibit
from nstd.gallery.files import Files
from nstd.gallery.present import Present, read_present
from nstd.gallery.rendering import STATIC, Front, Rendering
from nstd.spool.history import END_OF_TIME
from nstd.spool.jobs import Fault
from nstd.spool.journal import Journal
from nstd.spool.showcase import HIDDEN_FOLDER

HOME, OTHER_HOME = "index.html", "gallery.html"
NOW_FILE = f"{HIDDEN_FOLDER}/now.js"
EVERY_S = 2.0
CALM_EVERY_S = 30.0  # the first page itself, where an open one learns of it from the small script
BEAT_EVERY_S = 60.0
REST = 20  # after so many times as long as writing took: on a slow share it is done more rarely
MOST_FOLDERS = 500
NAME = "the gallery"
REFUSALS = frozenset({errno.EACCES, errno.EBUSY, errno.ETXTBSY})
MOST_REFUSED = 5

log = structlog.get_logger()


@dataclass
class _Shown:
    """What was written last."""

    of: object = None  # the state of the journal, and the faults
    version: str = ""
    outline: Present | None = None
    front_s: float = float("-inf")
    now_s: float = float("-inf")
    now_of: object = None


@dataclass
class Gallery:
    """`turn` is to be called at every turn of the daemon; most of them find nothing to do."""

    journal: Journal
    files: Files
    _rendering: Rendering | None = None
    _archive: Archive | None = None
    _exhibits: dict[str, Exhibit] = field(default_factory=dict)
    _shown: _Shown = field(default_factory=_Shown)
    _next_s: float = float("-inf")
    _refused: int = 0  # times in a row

    def turn(self, now: Now, faults: tuple[Fault, ...], *, leaving: bool = False) -> None:
        """Write what has changed.

        Raises:
            OSError: the outbox fails.
            WorldError: the gallery has no place there; or a fault of ours, which must not end the
                daemon: jobs go on without a gallery.
        """
        if now.monotonic_s < self._next_s and not leaving:
            return
        began_s = time.monotonic()
        try:
            self._bring_up_to_date(now, faults, leaving)
            self._refused = 0
        except (OSError, sqlite3.DatabaseError, WorldError) as error:
            self._rendering = None  # look at everything again
            if not self._is_known(error, faults):
                raise
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}, line {place.lineno}"
            raise WorldError(
                NAME, f"The gallery could not be made, by a fault of nstd: {error!r} ({where})."
            ) from error
        took_s = time.monotonic() - began_s
        self._next_s = now.monotonic_s + max(EVERY_S, REST * took_s)

    def _is_known(self, error: Exception, faults: tuple[Fault, ...]) -> bool:
        """Tell whether a fault need not be told: it is already, or goes by itself.

        A share of another machine refuses to replace a file at the moment when somebody reads it.
        """
        if isinstance(error, sqlite3.DatabaseError):
            return any(fault.resource == "work" for fault in faults)
        if isinstance(error, OSError) and error.errno in REFUSALS:
            self._refused += 1
            return self._refused < MOST_REFUSED
        return False

    def _bring_up_to_date(self, now: Now, faults: tuple[Fault, ...], leaving: bool) -> None:
        of = (self.journal.history.version(), faults)
        is_behind = self._archive is not None and self._archive.is_behind
        beat_due = now.monotonic_s >= self._shown.now_s + BEAT_EVERY_S
        if of == self._shown.of and not is_behind and not beat_due and not leaving:
            return
        rendering, archive = self._open(now)
        archive.turn(self._exhibits)
        front = self._front(archive)
        outbox = self.files.outbox
        present = read_present(self.journal, outbox, faults, wall_s=now.wall_s)
        self._write_front(rendering, front, present, now, leaving=leaving)
        self._write_now(rendering, present, now, stopped=leaving)
        self._shown.of = of

    def _open(self, now: Now) -> tuple[Rendering, Archive]:
        """Find out which page is ours, and what lies there of an earlier daemon's."""
        home = self._home(now)
        if self._rendering and self._archive and self._rendering.home == home:
            return self._rendering, self._archive
        self.files.prepare()
        rendering = Rendering(home)
        for name in STATIC:
            self.files.put(f"{HIDDEN_FOLDER}/{name}", rendering.static(name))
        self._archive = Archive.opened(self.journal, self.files, rendering)
        self._rendering, self._shown = rendering, _Shown()
        return rendering, self._archive

    def _home(self, now: Now) -> str:
        """Return the name of the first page: another where somebody else's file has it."""
        board = self.journal.board
        if not self.files.is_foreign(HOME):
            if self._rendering and self._rendering.home != HOME:
                board.clear_fault(HOME)
            return HOME
        if self.files.is_foreign(OTHER_HOME):
            raise WorldError(
                NAME,
                f"{HOME} and {OTHER_HOME} in the outbox are somebody else's, and stay as they are: "
                "there is no gallery until one of them is moved away.",
            )
        if not self._rendering or self._rendering.home != OTHER_HOME:
            sentence = (
                f"{HOME} in the outbox is somebody else's, and stays as it is: "
                f"the gallery is {OTHER_HOME}."
            )
            log.warning("gallery has another name", reason=sentence)
            board.set_fault(HOME, sentence, now_s=now.wall_s)
        return OTHER_HOME

    def _front(self, archive: Archive) -> Front:
        history = self.journal.history
        jobs = history.done_between(archive.shelf.end, END_OF_TIME)[::-1]
        known, outbox = self._exhibits, self.files.outbox
        self._exhibits = {
            job.id: known.get(job.id) or read_exhibit(self.journal, outbox, job) for job in jobs
        }
        return Front(
            exhibits=tuple(self._exhibits.values()),
            done_count=history.done_count(),
            folders=tuple(history.folders()[:MOST_FOLDERS]),
            older=archive.shelf.newest_written,
            chunks=archive.chunks,
        )

    def _write_front(
        self, rendering: Rendering, front: Front, present: Present, now: Now, *, leaving: bool
    ) -> None:
        """Write the first page if its pictures have changed; else only from time to time."""
        shown, version = self._shown, rendering.version_of(front)
        is_new = version != shown.version
        is_due = leaving or now.monotonic_s >= shown.front_s + CALM_EVERY_S
        if not is_new and (not is_due or present.outline == shown.outline):
            return
        page = rendering.front(front, present, version=version, written_s=now.wall_s)
        self.files.put(rendering.home, page)
        shown.version, shown.outline = version, present.outline
        shown.front_s = now.monotonic_s

    def _write_now(
        self, rendering: Rendering, present: Present, now: Now, *, stopped: bool
    ) -> None:
        """Write the script that carries what goes on, and shows that the daemon lives."""
        shown = self._shown
        now_of = (present, shown.version, stopped)
        if now_of == shown.now_of and now.monotonic_s < shown.now_s + BEAT_EVERY_S:
            return
        script = rendering.now_script(
            present, version=shown.version, written_s=now.wall_s, stopped=stopped
        )
        self.files.put(NOW_FILE, script)
        shown.now_of, shown.now_s = now_of, now.monotonic_s
