"""The daemon: all rooms, wired, and what one turn of the wheel does."""

import sqlite3
from dataclasses import dataclass, field
from functools import partial

import structlog
from prometheus_client import CollectorRegistry

from nstd.clock import Now
from nstd.config import Config
from nstd.foreman.circuits import Circuits
from nstd.foreman.desk import Desk
from nstd.foreman.device_faults import DeviceFaults
from nstd.foreman.foreman import Foreman
from nstd.foreman.publishing import Publishing
from nstd.foreman.space import Gate
from nstd.foreman.time_limit import TimeLimit
from nstd.foreman.verdicts import LONGEST_RETRY_WAIT_S, RetryPolicy
from nstd.gallery.files import Files
from nstd.gallery.gallery import NAME as GALLERY
from nstd.gallery.gallery import Gallery
from nstd.metrics.meter import Meter
from nstd.pool.contract import Pool
from nstd.service.limits import decode_limits
from nstd.service.upkeep import Upkeep
from nstd.spool.accept import Reception
from nstd.spool.again import Reorder
from nstd.spool.decode import check_picture
from nstd.spool.intake import Intake, Patience
from nstd.spool.journal import Journal
from nstd.spool.names import STYLES_FOLDER
from nstd.spool.outbox import Outbox
from nstd.spool.resources import Resources
from nstd.spool.rights import Rights
from nstd.spool.tidy import Tidying
from nstd.spool.work import WorkFolder

SHORTEST_SCAN_WAIT_S = 0.5

log = structlog.get_logger()


@dataclass
class Daemon:
    """All rooms, wired; `tick` is one turn of the wheel."""

    config: Config
    journal: Journal
    intake: Intake
    foreman: Foreman
    circuits: Circuits
    gate: Gate
    upkeep: Upkeep
    gallery: Gallery | None
    meter: Meter
    _last_scan_s: float = 0.0
    _next_scan_s: float = 0.0
    _inbox_pending: bool = field(default=True)

    def tick(self, moment: Now, *, inbox_changed: bool = False, leaving: bool = False) -> None:
        """Scan the inbox if it is time, then let the foreman take his turn."""
        follow = partial(self.journal.waits.follow, moment, longest_s=LONGEST_RETRY_WAIT_S)
        self.circuits.use("work", moment, follow)
        if inbox_changed:
            soonest_s = self._last_scan_s + SHORTEST_SCAN_WAIT_S
            self._next_scan_s = min(self._next_scan_s, soonest_s)
        if not leaving and moment.monotonic_s >= self._next_scan_s:
            self._scan(moment)
        self.foreman.tick(moment, hand_out=not leaving)
        self.upkeep.turn(moment)
        look_up = partial(self.meter.turn, moment, in_line=self.intake.in_line)
        self.circuits.use("work", moment, look_up)
        self.show(moment)

    def show(self, moment: Now, *, leaving: bool = False) -> None:
        """Bring the gallery up to date; its faults hold up nothing else.

        Also while the work folder cannot be written: then the page says so.
        """
        if self.gallery:
            write = partial(self.gallery.turn, moment, self.circuits.faults, leaving=leaving)
            self.circuits.use("outbox", moment, write, alone=GALLERY, needs_work=False)

    def _scan(self, moment: Now) -> None:
        if not self.gate.may_accept(moment):
            return
        settings = self.config.settings
        self._last_scan_s = moment.monotonic_s
        self.circuits.use("inbox", moment, partial(self._look, moment))
        # Something is on its way in: look again as soon as it can have settled.
        soon = max(SHORTEST_SCAN_WAIT_S, min(settings.settle_s / 2, settings.scan_interval_s))
        wait_s = soon if self._inbox_pending else settings.scan_interval_s
        self._next_scan_s = moment.monotonic_s + wait_s

    def _look(self, moment: Now) -> None:
        with self.meter.scanning():
            self._inbox_pending = self.intake.turn(moment)

    @property
    def drained(self) -> bool:
        """Tell whether nothing is left to do, and nothing is about to be."""
        try:
            return not (self._inbox_pending or self.foreman.busy)
        except sqlite3.DatabaseError:  # then there is: to wait until the journal can be read
            return False

    @property
    def status(self) -> str:
        """The queue in a line, for the service manager."""
        try:
            counts = self.journal.counts()
        except sqlite3.DatabaseError as error:
            return f"The journal cannot be read: {error}."
        running, queued = counts.get("running", 0), counts.get("queued", 0)
        faults = "".join(f"; {fault.sentence}" for fault in self.circuits.faults)
        return f"{running} running, {queued} queued{faults}"


def build(
    config: Config,
    journal: Journal,
    pool: Pool,
    *,
    before: Daemon | None = None,
    registry: CollectorRegistry | None = None,
) -> Daemon:
    """Wire the rooms together; what is known of faults is taken over from the daemon `before`."""
    settings, work = config.settings, WorkFolder(config.work)
    limits = decode_limits(settings.limits)
    resources = Resources(journal, work, config.inbox, config.outbox)
    if before is None:
        resources.clear_away()
    circuits = before.circuits if before else Circuits(journal, resources)
    rights = Rights.named(settings.result_mode, settings.result_group)
    meter = before.meter if before else Meter.of(config, journal, circuits, pool, registry)
    pool = meter.pool  # which tells the meter what goes by
    outbox = Outbox(config.outbox, rights)
    publishing = Publishing(journal, work, outbox, tell=meter.counts.published)
    reception = Reception(
        journal=journal,
        work=work,
        inbox=config.inbox,
        styles_folder=config.inbox / STYLES_FOLDER,
        default_recipe=settings.recipe,
        most_picture_bytes=settings.limits.picture_bytes,
        most_picture_px=settings.limits.picture_px,
        check_picture=lambda path, name: check_picture(path, limits, name=name),
        is_published=lambda job: settings.originals == "keep" or publishing.is_published(job),
    )
    gate = Gate(journal, work, config.outbox, settings.min_free_bytes, circuits)
    patience = Patience(
        settings.settle_s, settings.pair_wait_s, settings.give_up_after_s, settings.orphan_after_s
    )
    time_limit = before.foreman.time_limit if before else TimeLimit(journal, pool)
    time_limit.limit_s = settings.job_limit_s
    foreman = Foreman(
        journal=journal,
        work=work,
        pool=pool,
        publishing=publishing,
        tidying=Tidying(journal, work, config.inbox, settings.originals, rights),
        circuits=circuits,
        retries=RetryPolicy(settings.attempts, settings.retry_wait_s),
        desk=Desk(
            journal,
            pool,
            circuits,
            Reorder(journal, work, config.inbox, settings.limits.picture_bytes),
        ),
        gate=gate,
        time_limit=time_limit,
        device_faults=before.foreman.device_faults if before else DeviceFaults(),
        unheard=before.foreman.unheard if before else [],
    )
    intake = Intake(reception, patience, resources)
    upkeep = Upkeep.of(config, journal, circuits, before=before.upkeep if before else None)
    gallery = _gallery(config, journal, rights, before) if settings.gallery else None
    return Daemon(config, journal, intake, foreman, circuits, gate, upkeep, gallery, meter)


def _gallery(config: Config, journal: Journal, rights: Rights, before: Daemon | None) -> Gallery:
    """Go on with the gallery as it was, with the rights as they are now."""
    files = Files(config.outbox, rights)
    gallery = (before and before.gallery) or Gallery(journal, files)
    gallery.files = files
    return gallery
