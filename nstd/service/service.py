"""The service: signals, the clock, and the daemon's wheel turned until it is asked to leave."""

from functools import partial
from importlib.util import find_spec
from multiprocessing.connection import wait
from typing import Protocol

import structlog

from nstd.clock import now
from nstd.config import Config, load_config
from nstd.errors import AlreadyRunningError, ConfigError, WorldError
from nstd.metrics.server import served
from nstd.pool.cluster import ClusterSettings
from nstd.pool.contract import Pool, WorkerSettings
from nstd.pool.devices import find_devices, unused_gpus
from nstd.pool.process_pool import ProcessPool
from nstd.pool.ray_pool import RayPool
from nstd.pool.serving import serve_orders
from nstd.service.alive import give_sign
from nstd.service.daemon import Daemon, build
from nstd.service.inbox_lock import held
from nstd.service.notify import Notifier
from nstd.service.ownership import opened
from nstd.service.wakeup import InboxObserver, Wakeup
from nstd.spool.jobs import Job
from nstd.spool.journal import Journal
from nstd.spool.rights import Rights
from nstd.spool.work import WorkFolder

TURN_EVERY_S = 1.0

log = structlog.get_logger()


class Display(Protocol):
    """Somebody who is shown how it goes, once a turn."""

    def show(self, journal: Journal) -> None:
        """Show the state of the queue."""


def pool_of(config: Config) -> Pool:
    """Make the pool that the configuration asks for."""
    return ray_pool(config) if config.settings.workers.engine == "ray" else process_pool(config)


def ray_pool(config: Config) -> RayPool:
    """Make a pool of one actor per GPU of a cluster.

    Raises:
        ConfigError: the extra is not installed.
    """
    if find_spec("ray") is None:
        raise ConfigError(
            "workers.engine: found 'ray', which is not installed here: pip install 'nstd[ray]'"
        )
    settings = config.settings
    worker = _worker_settings(config, "")
    return RayPool(ClusterSettings(settings.workers.address, worker, settings.stall_after_s))


def process_pool(config: Config) -> ProcessPool:
    """Make a pool of one process per configured device."""
    settings = config.settings
    devices = find_devices() if settings.devices == "auto" else tuple(settings.devices)
    if settings.devices == "auto" and devices == ("cpu",) and (unused := unused_gpus()):
        log.warning("torch can use no GPU; jobs run on the processor", gpus=unused)
    return ProcessPool(
        [_worker_settings(config, device) for device in devices],
        serve_orders,
        settings.stall_after_s,
    )


def _worker_settings(config: Config, device: str) -> WorkerSettings:
    settings = config.settings
    return WorkerSettings(
        device,
        settings.threads,
        WorkFolder(config.work).gram_cache,
        config.weights,
        settings.checkpoint_every_s,
        settings.preview_every_s,
        settings.limits.memory_bytes,
    )


def run(config: Config, *, once: bool, display: Display | None) -> list[Job]:
    """Run until asked to leave or, with `once`, until the inbox is drained.

    Returns:
        the jobs that ended meanwhile.
    """
    began_s = now().wall_s
    Rights.named(config.settings.result_mode, config.settings.result_group)  # before all that waits
    wakeup, notifier = Wakeup(), Notifier.from_environment()
    wakeup.catch_signals()
    with (
        opened(config) as journal,
        held(config.inbox, pause=wakeup.sleep) as lock,
        served(config.settings) as registry,
    ):
        pool = pool_of(config)
        observer = InboxObserver(config.inbox, wakeup)
        daemon = build(config, journal, pool, registry=registry)
        log.info("watching", inbox=str(config.inbox), outbox=str(config.outbox))
        notifier.ready(daemon.status)
        try:
            while not wakeup.stop_requested and not (once and daemon.drained):
                if lock.lost:
                    raise AlreadyRunningError(lock.lost)
                turn(daemon, pool, wakeup, notifier)
                if wakeup.reload_requested:
                    wakeup.reload_requested = False
                    notifier.reloading(now().monotonic_s)
                    daemon = reloaded(daemon, pool)
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


def reloaded(daemon: Daemon, pool: Pool) -> Daemon:
    """Read the configuration again; folders and workers stay as they are until a restart."""
    old = daemon.config
    try:
        new = load_config(old.path)
        Rights.named(new.settings.result_mode, new.settings.result_group)
    except ConfigError as error:
        log.error("configuration not reloaded", reason=str(error))
        daemon.circuits.failed(WorldError("configuration", f"{error}\nThe old one stays."), now())
        return daemon
    daemon.circuits.works("configuration")
    fixed = (
        "weights", "devices", "threads", "checkpoint_every_s", "preview_every_s", "stall_after_s",
        "log", "metrics_port", "metrics_address", "workers",
    )  # fmt: skip
    same_folders = (new.inbox, new.outbox, new.work) == (old.inbox, old.outbox, old.work)
    changed = [key for key in fixed if getattr(new.settings, key) != getattr(old.settings, key)]
    if changed or not same_folders:
        log.warning("needs a restart", keys=changed or ["inbox", "outbox", "work"])
    if not same_folders:
        return daemon
    log.info("configuration reloaded", file=str(new.path))
    return build(new, daemon.journal, pool, before=daemon)


def turn(daemon: Daemon, pool: Pool, wakeup: Wakeup, notifier: Notifier) -> None:
    """Wait until there is something to do, do it, and tell the service manager that we live."""
    wait([wakeup.fileno(), *pool.waitables()], timeout=TURN_EVERY_S)
    wakeup.clear()
    changed, wakeup.inbox_changed = wakeup.inbox_changed, False
    daemon.tick(now(), inbox_changed=changed)
    give_sign(WorkFolder(daemon.config.work).lock)
    # Only now: the turn has heard every worker, and put a new one where one was dead.
    notifier.alive(daemon.status)


def _leave(daemon: Daemon, pool: Pool, wakeup: Wakeup, notifier: Notifier) -> None:
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
    daemon.show(now(), leaving=True)
    for job_id in pool.running():
        log.warning("job left at its last checkpoint", job=job_id)
