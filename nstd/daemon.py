"""Time, signals and wiring: the loop that turns the wheel, and the rooms it is connected to."""

import sqlite3
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry

from nstd.alive import give_sign
from nstd.circuits import Circuits
from nstd.clock import Now, now
from nstd.config import Config, load_config
from nstd.desk import Desk
from nstd.device_faults import DeviceFaults
from nstd.devices import find_devices, unused_gpus
from nstd.errors import AlreadyRunningError, ConfigError, WorldError
from nstd.foreman import Foreman
from nstd.inbox_lock import held
from nstd.metrics.meter import Meter
from nstd.metrics.server import served
from nstd.notify import Notifier
from nstd.ownership import opened
from nstd.picture_file import decode_limits
from nstd.pool import Pool, WorkerSettings
from nstd.process_pool import ProcessPool
from nstd.publishing import Publishing
from nstd.serving import serve_orders
from nstd.space import Gate
from nstd.spool.accept import Reception
from nstd.spool.again import Reorder
from nstd.spool.decode import check_picture
from nstd.spool.intake import Intake, Patience
from nstd.spool.jobs import Job
from nstd.spool.journal import Journal
from nstd.spool.names import STYLES_FOLDER
from nstd.spool.outbox import Outbox
from nstd.spool.resources import Resources
from nstd.spool.tidy import Tidying
from nstd.spool.work import WorkFolder
from nstd.time_limit import TimeLimit
from nstd.upkeep import Upkeep
from nstd.verdicts import LONGEST_RETRY_WAIT_S, RetryPolicy
from nstd.wakeup import InboxObserver, Wakeup

SHORTEST_SCAN_WAIT_S = 0.5
TURN_EVERY_S = 1.0

log = structlog.get_logger()


class Display(Protocol):
    """Somebody who is shown how it goes, once a turn."""

    def show(self, journal: Journal) -> None:
        """Show the state of the queue."""


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
    circuits = before.circuits if before else Circuits(journal, resources)
    meter = before.meter if before else Meter.of(config, journal, circuits, pool, registry)
    pool = meter.pool  # which tells the meter what goes by
    publishing = Publishing(journal, work, Outbox(config.outbox), tell=meter.counts.published)
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
        settings.settle_s,
        settings.pair_wait_s,
        settings.give_up_after_s,
        settings.orphan_after_s,
    )
    time_limit = before.foreman.time_limit if before else TimeLimit(journal, pool)
    time_limit.limit_s = settings.job_limit_s
    foreman = Foreman(
        journal=journal,
        work=work,
        pool=pool,
        publishing=publishing,
        tidying=Tidying(journal, work, config.inbox, settings.originals),
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
    return Daemon(config, journal, intake, foreman, circuits, gate, upkeep, meter)


def process_pool(config: Config) -> ProcessPool:
    """Make a pool of one process per configured device."""
    settings = config.settings
    devices = find_devices() if settings.devices == "auto" else tuple(settings.devices)
    if settings.devices == "auto" and devices == ("cpu",) and (unused := unused_gpus()):
        log.warning("torch can use no GPU; jobs run on the processor", gpus=unused)
    return ProcessPool(
        [
            WorkerSettings(
                device,
                settings.threads,
                WorkFolder(config.work).gram_cache,
                config.weights,
                settings.checkpoint_every_s,
            )
            for device in devices
        ],
        serve_orders,
        settings.stall_after_s,
    )


def run(config: Config, *, once: bool, display: Display | None) -> list[Job]:
    """Run until asked to leave or, with `once`, until the inbox is drained.

    Returns:
        the jobs that ended meanwhile.
    """
    began_s = now().wall_s
    wakeup, notifier = Wakeup(), Notifier.from_environment()
    wakeup.catch_signals()
    with (
        opened(config) as journal,
        held(config.inbox, pause=wakeup.sleep) as lock,
        served(config.settings) as registry,
    ):
        pool = process_pool(config)
        observer = InboxObserver(config.inbox, wakeup)
        daemon = build(config, journal, pool, registry=registry)
        log.info("watching", inbox=str(config.inbox), outbox=str(config.outbox))
        notifier.ready(daemon.status)
        try:
            while not wakeup.stop_requested and not (once and daemon.drained):
                if lock.lost:
                    raise AlreadyRunningError(lock.lost)
                _turn(daemon, pool, wakeup)
                # Only now: the turn has heard every worker, and put a new one where one was dead.
                notifier.alive(daemon.status)
                if wakeup.reload_requested:
                    wakeup.reload_requested = False
                    notifier.reloading(now().monotonic_s)
                    daemon = _reloaded(daemon, pool)
                    notifier.ready(daemon.status)
                observer.check(now().monotonic_s)
                if display:
                    daemon.circuits.use("work", now(), partial(display.show, journal))
            _leave(daemon, pool, wakeup, notifier)
        except SystemExit:
            log.warning("left at once; jobs go on from their last checkpoints")
            raise
        finally:
            observer.stop()
            pool.close()
        log.info("left", **journal.counts())
        return journal.ended_since(began_s)


def _reloaded(daemon: Daemon, pool: Pool) -> Daemon:
    """Read the configuration again; folders and workers stay as they are until a restart."""
    old = daemon.config
    try:
        new = load_config(old.path)
    except ConfigError as error:
        log.error("configuration not reloaded", reason=str(error))
        daemon.circuits.failed(WorldError("configuration", f"{error}\nThe old one stays."), now())
        return daemon
    daemon.circuits.works("configuration")
    fixed = ["weights", "devices", "threads", "checkpoint_every_s", "stall_after_s", "log"]
    fixed += ["metrics_port", "metrics_address"]
    same_folders = (new.inbox, new.outbox, new.work) == (old.inbox, old.outbox, old.work)
    changed = [key for key in fixed if getattr(new.settings, key) != getattr(old.settings, key)]
    if changed or not same_folders:
        log.warning("needs a restart", keys=changed or ["inbox", "outbox", "work"])
    if not same_folders:
        return daemon
    log.info("configuration reloaded", file=str(new.path))
    return build(new, daemon.journal, pool, before=daemon)


def _turn(daemon: Daemon, pool: ProcessPool, wakeup: Wakeup) -> None:
    wait([wakeup.fileno(), *pool.waitables()], timeout=TURN_EVERY_S)
    wakeup.clear()
    changed, wakeup.inbox_changed = wakeup.inbox_changed, False
    daemon.tick(now(), inbox_changed=changed)
    give_sign(WorkFolder(daemon.config.work).lock)


def _leave(daemon: Daemon, pool: ProcessPool, wakeup: Wakeup, notifier: Notifier) -> None:
    """Ask the workers for a last checkpoint, and wait for it, but not for ever."""
    daemon.foreman.stop_all()
    moment, grace_s = now(), daemon.config.settings.stop_grace_s
    deadline_s = moment.monotonic_s + grace_s
    notifier.stopping(grace_s, "leaving")
    while pool.running() and moment.monotonic_s < deadline_s:
        notifier.alive(f"leaving; {len(pool.running())} jobs on the way to their checkpoints")
        wait(pool.waitables(), timeout=min(TURN_EVERY_S, deadline_s - moment.monotonic_s))
        wakeup.clear()
        moment = now()
        daemon.tick(moment, leaving=True)
        give_sign(WorkFolder(daemon.config.work).lock)
    for job_id in pool.running():
        log.warning("job left at its last checkpoint", job=job_id)
