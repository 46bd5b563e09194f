"""The file system and SQLite at the border: they fail when told to, and so does the process.

A process that is killed leaves what it had done and does nothing more: no `finally`, no rollback
reaches the disk. `Death` is that, within one process: after it every change is refused.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nstd.spool import linking

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = ("link", "rename", "replace", "unlink", "mkdir", "rmdir")


class Death(BaseException):
    """The process is no more."""


@dataclass
class Border:
    """Counts the changes that the daemon makes while it is `watched`.

    `dies_in` is how many changes are still made before it dies; `broken` maps a folder to the errno
    that every change in it ends with; without `hard_links` it is a share as SMB has them.
    """

    hard_links: bool = True
    dies_in: int | None = None
    broken: dict[Path, int] = field(default_factory=dict)
    dead: bool = False
    _watched: bool = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let the daemon act; what the test itself does is not counted."""
        self._watched = True
        try:
            yield
        finally:
            self._watched = False

    def revive(self) -> None:
        """Begin a new process."""
        self.dead, self.dies_in = False, None

    def change(self, *paths: object) -> None:
        """Take note of a change that is about to be made."""
        if not self._watched:
            return
        if self.dies_in is not None:
            self.dead = self.dead or self.dies_in == 0
            self.dies_in -= 1
        if self.dead:
            raise Death
        for path in paths:
            for folder, number in self.broken.items():
                if isinstance(path, str | Path) and Path(path).is_relative_to(folder):
                    raise OSError(number, os.strerror(number), str(path))

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand between the process and its system until `patch` is undone."""
        for name in CHANGES:
            patch.setattr(os, name, self._guarded(getattr(os, name)))
        if not self.hard_links:
            patch.setattr(os, "link", self._no_links)
            rename = self._guarded(linking.rename_exclusively)
            patch.setattr(linking, "rename_exclusively", rename)
        patch.setattr(os, "open", self._guarded_open(os.open))
        patch.setattr(os, "fsync", self._counted(lambda _: None))  # no power is cut here: be quick
        patch.setattr(os, "write", self._counted(os.write))
        connect, change = sqlite3.connect, self.change

        class Connection(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                if statement.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
                    change()
                return super().execute(statement, *values)

        patch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, factory=Connection, **k))

    def _guarded(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **options: Any) -> Any:
            self.change(*args)
            return act(*args, **options)

        return guarded

    def _no_links(self, _source: object, target: object) -> None:
        self.change(target)
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(target))

    def _guarded_open(self, act: Callable[..., int]) -> Callable[..., int]:
        def guarded(path: Any, flags: int, *args: Any, **options: Any) -> int:
            if flags & WRITING:
                self.change(path)
            return act(path, flags, *args, **options)

        return guarded

    def _counted(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def counted(descriptor: int, *args: Any) -> Any:
            self.change()
            return act(descriptor, *args)

        return counted
