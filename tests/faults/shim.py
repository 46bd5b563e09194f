"""A shim over the file system and SQLite: counts what is done, and lets one operation go wrong.

After SQLite's own crash and I/O error tests (https://sqlite.org/testing.html, 3.2 and 3.3). Only
what lies under the given folders is counted and faulted. To be installed in a process of its own.
"""

import builtins
import errno
import io
import os
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from nstd.spool import linking

Scope = Literal["once", "late", "resource", "file"]

SQL = frozenset({"sql write", "sql commit"})
NAMING = frozenset({"create", "mkdir", "link", "rename", "unlink", "rmdir"})
WRITING = NAMING | SQL | {"write", "fsync", "close"}
READING = frozenset({"open", "read", "scandir", "stat", "sql read"})
ROOM = SQL | {"create", "mkdir", "link", "write", "fsync", "close"}

MEETS: dict[int, frozenset[str]] = {  # which operations an error comes from
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EROFS: WRITING - {"close"},
    errno.EIO: WRITING | READING,
    errno.ESTALE: WRITING | READING,
    errno.EACCES: NAMING | SQL | {"open", "scandir", "stat"},
    errno.EBUSY: NAMING | SQL | {"open", "scandir"},
}
IN_SQL = {
    errno.ENOSPC: "database or disk is full",
    errno.EDQUOT: "database or disk is full",
    errno.EROFS: "attempt to write a readonly database",
    errno.EACCES: "attempt to write a readonly database",
    errno.EBUSY: "database is locked",
}
NEVER_LATE = frozenset({"create", "sql write"})  # nobody could undo them
WITHOUT_NAME = frozenset({"write", "read", "fsync", "close"})  # the kernel knows a number only


@dataclass(frozen=True)
class Operation:
    """One thing done: of which kind, to which path."""

    kind: str
    path: str


@dataclass(frozen=True)
class Fault:
    """What goes wrong.

    `at` counts from 1: writing operations where the process is to be killed (`number` is None),
    all operations where an error is to be met. `once`: before the operation; `late`: after it, as
    NFS does whose answer got lost; `resource`: from then on, everywhere in that folder; `file`:
    from then on, on that path alone.
    """

    at: int
    number: int | None = None
    scope: Scope = "once"


@dataclass
class Shim:
    """Counts and faults; `roots` are the folders by the names of the resources."""

    roots: dict[str, Path]
    fault: Fault | None = None
    hard_links: bool = True
    trace: list[Operation] = field(default_factory=list)
    writes: int = 0
    hit: Operation | None = None
    lifted: bool = False

    def __post_init__(self) -> None:
        self._roots = [(name, str(root)) for name, root in self.roots.items()]

    def resource_of(self, path: str) -> str | None:
        for name, root in self._roots:
            if path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
                return name
        return None

    def do(self, kind: str, path: str, act: Callable[[], Any]) -> Any:
        """Do one operation, unless its turn to go wrong has come."""
        if self.resource_of(path) is None:
            return act()
        operation = Operation(kind, path)
        self.trace.append(operation)
        if kind in WRITING:
            self.writes += 1
        if self.fault is None:
            return act()
        if self.fault.number is None:
            dies = kind in WRITING and self.writes == self.fault.at
            try:
                return act()
            finally:
                if dies:
                    os.kill(os.getpid(), signal.SIGKILL)
        if not self._meets(operation):
            return act()
        if kind == "close" or (self.fault.scope == "late" and kind not in NEVER_LATE):
            act()
        raise _error(self.fault.number, operation)

    def _meets(self, operation: Operation) -> bool:
        assert self.fault is not None and self.fault.number is not None
        if self.lifted or operation.kind not in MEETS[self.fault.number]:
            return False
        if self.hit is None:
            if len(self.trace) < self.fault.at:
                return False
            self.hit = operation
            return True
        match self.fault.scope:
            case "resource":
                return self.resource_of(operation.path) == self.resource_of(self.hit.path)
            case "file":
                return operation.path == self.hit.path
        return False

    # --- putting it in ----------------------------------------------------------------------

    def install(self) -> None:
        """Put the shim over this process, for good."""
        self._install_calls()
        self._install_files()
        connect = sqlite3.connect
        sqlite3.connect = lambda *args, **kwargs: connect(  # type: ignore[assignment,misc]
            *args, factory=_connection(self), **kwargs
        )

    def _install_calls(self) -> None:
        plain_open, plain_scandir = os.open, os.scandir

        def opened(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
            kind = "create" if flags & (os.O_CREAT | os.O_TRUNC) else "open"
            act = lambda: plain_open(path, flags, mode, **more)  # noqa: E731
            return int(self.do(kind, _place(path, more.get("dir_fd")), act))

        os.open = opened  # type: ignore[assignment]
        os.scandir = lambda path=".": self.do(  # type: ignore[assignment]
            "scandir", _place(path), lambda: plain_scandir(path)
        )
        for name in ("listdir", "stat", "lstat", "mkdir", "unlink", "remove", "rmdir"):
            kind = {"listdir": "scandir", "lstat": "stat", "remove": "unlink"}.get(name, name)
            self._cover(name, kind, lambda args: args[0])
        for name in ("write", "fsync", "close", "ftruncate", "pwrite"):
            kind = {"ftruncate": "write", "pwrite": "write"}.get(name, name)
            self._cover(name, kind, lambda args: args[0])
        if not self.hard_links:
            self._take_links_away()
        for name in ("link", "rename", "replace"):
            self._cover(name, "link" if name == "link" else "rename", lambda args: args[1])

    def _take_links_away(self) -> None:
        """Be a share without hard links: names are given by renameat2."""

        def no_link(*_: Any) -> None:
            raise OSError(errno.EOPNOTSUPP, "no hard links here")

        plain = linking.rename_exclusively
        os.link = no_link  # type: ignore[assignment]
        linking.rename_exclusively = lambda source, target: self.do(
            "rename", str(target), lambda: plain(source, target)
        )

    def _cover(self, name: str, kind: str, path_of: Callable[[Any], Any]) -> None:
        plain = getattr(os, name)

        def covered(*args: Any, **more: Any) -> Any:
            place = _place(path_of(args), more.get("dir_fd"))
            return self.do(kind, place, lambda: plain(*args, **more))

        setattr(os, name, covered)

    def _install_files(self) -> None:
        plain_open = builtins.open
        shim = self

        class CountedFile(io.FileIO):
            def read(self, size: int | None = -1, /) -> Any:
                return shim.do(
                    "read", _place(self.name), lambda: super(CountedFile, self).read(size)
                )

            def readinto(self, buffer: Any, /) -> Any:
                return shim.do(
                    "read", _place(self.name), lambda: super(CountedFile, self).readinto(buffer)
                )

            def write(self, data: Any, /) -> Any:
                return shim.do(
                    "write", _place(self.name), lambda: super(CountedFile, self).write(data)
                )

            def close(self) -> None:
                if self.closed:
                    return
                kind = "close" if self.writable() else "read"
                shim.do(kind, _place(self.name), super().close)

        def opened(path: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
            place = _place(path)
            if shim.resource_of(place) is None or "b" not in mode:
                return plain_open(path, mode, *args, **more)
            kind = "open" if mode == "rb" else "create"
            return shim.do(kind, place, lambda: CountedFile(place, mode.replace("b", "")))

        io.open = builtins.open = opened  # type: ignore[assignment]
        io.FileIO = CountedFile  # type: ignore[misc]


def _connection(shim: Shim) -> type[sqlite3.Connection]:
    class CountedConnection(sqlite3.Connection):
        covered: ClassVar[Shim] = shim

        def __init__(self, database: Any, *args: Any, **more: Any) -> None:
            self.path = str(database).removeprefix("file:").partition("?")[0]
            super().__init__(database, *args, **more)

        def _do(self, sql: str, act: Callable[[], Any]) -> Any:
            reads = sql.lstrip().startswith(("SELECT", "PRAGMA user_version"))
            kind = "sql read" if reads else "sql commit" if sql == "COMMIT" else "sql write"
            return shim.do(kind, self.path, act)

        def execute(self, sql: str, *args: Any) -> Any:
            if sql == "ROLLBACK":  # SQLite does it in memory
                return super().execute(sql)
            return self._do(sql, lambda: super(CountedConnection, self).execute(sql, *args))

        def executemany(self, sql: str, *args: Any) -> Any:
            return self._do(sql, lambda: super(CountedConnection, self).executemany(sql, *args))

        def executescript(self, sql: str) -> Any:
            return self._do(sql, lambda: super(CountedConnection, self).executescript(sql))

    return CountedConnection


def _error(number: int, operation: Operation) -> Exception:
    if operation.kind.startswith("sql"):
        return sqlite3.OperationalError(IN_SQL.get(number, "disk I/O error"))
    if operation.kind in WITHOUT_NAME:
        return OSError(number, os.strerror(number))
    return OSError(number, os.strerror(number), operation.path)


def _place(path: Any, folder: int | None = None) -> str:
    if isinstance(path, int):
        return str(Path(f"/proc/self/fd/{path}").readlink()).removesuffix(" (deleted)")
    text = os.fsdecode(path)
    return f"{_place(folder)}/{text}" if folder is not None else str(Path(text).absolute())
