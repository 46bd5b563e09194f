"""Whose the work folder is: one daemon's at a time, by a lock of the kernel."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from nstd.config import Config
from nstd.errors import AlreadyRunningError, ConfigError, WorldError
from nstd.spool.durable import make_folder
from nstd.spool.journal import Journal
from nstd.spool.names import STYLES_FOLDER
from nstd.spool.resources import as_world_errors
from nstd.spool.tidy import sweep_work
from nstd.spool.work import WorkFolder

# What a wrong configuration meets, and not a disk or a share that is out of order for a while.
WRONG_FOLDER = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}

log = structlog.get_logger()


@contextmanager
def opened(config: Config) -> Iterator[Journal]:
    """Take the work folder for this process: lock, sweep, journal, and the shared folders.

    Raises:
        AlreadyRunningError: another daemon has it.
        ConfigError: a folder cannot be made or written.
        WorldError: a disk or a share is out of order: start again later.
    """
    work = WorkFolder(config.work)
    try:
        for folder in (config.inbox, config.inbox / STYLES_FOLDER, config.outbox, config.work):
            make_folder(folder)
        lock = os.open(work.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        words = f"A folder cannot be made: {error}."
        if error.errno in WRONG_FOLDER:
            raise ConfigError(words) from error
        raise WorldError("folders", words) from error
    try:
        with as_world_errors("work"):
            _lock(lock, config.work)
            work.prepare()
            journal = Journal(work.journal)
        try:
            with as_world_errors("work"):
                journal.requeue_running()
                journal.board.clear_faults()
                sweep_work(journal, work)
            if journal.migrated_from:
                log.info("journal brought up to date", from_schema=journal.migrated_from)
            yield journal
        finally:
            journal.close()
    finally:
        with suppress(OSError):  # it ends with this process in any case
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
