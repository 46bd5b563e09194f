"""Whose the work folder is: one daemon's at a time, by a lock of the kernel."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from nstd.config import Config
from nstd.errors import AlreadyRunningError, ConfigError
from nstd.spool.durable import make_folder
from nstd.spool.journal import Journal
from nstd.spool.names import STYLES_FOLDER
from nstd.spool.work import WorkFolder

log = structlog.get_logger()


@contextmanager
def opened(config: Config) -> Iterator[Journal]:
    """Take the work folder for this process: lock, sweep, journal, and the shared folders.

    Raises:
        AlreadyRunningError: another daemon has it.
        ConfigError: a folder cannot be made or written.
    """
    work = WorkFolder(config.work)
    try:
        for folder in (config.inbox, config.inbox / STYLES_FOLDER, config.outbox, config.work):
            make_folder(folder)
        lock = os.open(work.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigError(f"A folder cannot be made: {error}.") from error
    try:
        _lock(lock, config.work)
        work.prepare()
        journal = Journal(work.journal)
        try:
            journal.requeue_running()
            journal.board.clear_faults()
            if journal.migrated_from:
                log.info("journal brought up to date", from_schema=journal.migrated_from)
            live = [*journal.jobs("queued", "finished", "held"), *journal.untidied()]
            work.sweep_jobs({job.id for job in [*live, *journal.with_copy()]})
            work.sweep_styles(journal.used_style_pictures())
            yield journal
        finally:
            journal.close()
    finally:
        os.close(lock)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        raise AlreadyRunningError(
            f"Another nstd (process {owner or 'unknown'}) works on {folder}. Stop it first."
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
