"""File operations that survive a crash, and never replace what is there.

What is on disk after `fsync` of a file *and* of its folder is there after a power cut (fsync(2)).
"""

import contextlib
import errno
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nstd.errors import PictureError, SourceChangedError
from nstd.printable import shown
from nstd.spool.rights import Rights

CHUNK_BYTES = 1 << 20
OURS = Rights()  # of what nobody else is to use: as the process makes it


@dataclass(frozen=True, slots=True)
class Signature:
    """What must stay equal for a file to count as unchanged."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Signature":
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


def signature_at(path: Path) -> Signature | None:
    """Return the signature of the regular file at `path`, or None where there is none."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return Signature.of(status) if stat.S_ISREG(status.st_mode) else None


def lies_at(path: Path) -> bool:
    """Tell whether something of that name is there, be it a link that leads nowhere.

    Raises:
        OSError: it cannot be known. A share that does not answer must not read as an empty one.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Say which file an error is of: those of read, write, fsync and close do not tell."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    with naming(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some network file systems refuse it for folders
                raise
        finally:
            os.close(descriptor)


def make_folder(folder: Path, rights: Rights = OURS) -> None:
    """Create a folder and its parents, durably, each with these rights."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        rights.make(path)
        sync_folder(path.parent)


@contextmanager
def new_file(
    path: Path, rights: Rights = OURS, *, durable: bool = True
) -> Iterator[Callable[[bytes], None]]:
    """Create a file that must not exist yet; the block is given the function that writes into it.

    Its rights are given and its bytes `durable` when the block is left, its name not yet. What
    fails half-way is removed again: a full disk needs the room.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(path, flags, rights.first_mode)

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            with naming(path):
                view = view[os.write(descriptor, view[:CHUNK_BYTES]) :]

    try:
        try:
            yield write
            with naming(path):
                rights.give(descriptor)
                if durable:
                    os.fsync(descriptor)
        finally:
            with naming(path):
                os.close(descriptor)  # NFS tells of a full disk only here
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def write_new(path: Path, data: bytes, rights: Rights = OURS) -> None:
    """Write a file that must not exist yet, and make its bytes durable (not yet its name)."""
    with new_file(path, rights) as write:
        write(data)


def replace_durably(path: Path, data: bytes, rights: Rights = OURS) -> None:
    """Put `data` at `path` in one step: a reader sees the old bytes or the new, never a part."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.unlink(missing_ok=True)
    write_new(temporary, data, rights)
    take_place(temporary, path)
    sync_folder(path.parent)


def replace_lightly(path: Path, data: bytes, rights: Rights = OURS) -> None:
    """Put `data` at `path` in one step, but wait for no disk: it is soon replaced again."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.unlink(missing_ok=True)
    with new_file(temporary, rights, durable=False) as write:
        write(data)
    take_place(temporary, path)


def take_place(temporary: Path, path: Path) -> None:
    """Give a whole file its name; one that cannot get it is not left behind."""
    try:
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def read_stable(path: Path, *, most_bytes: int) -> bytes:
    """Read a small file of the inbox, or the first `most_bytes` of a large one.

    Raises:
        SourceChangedError: it vanished, changed meanwhile, or is no regular file.
    """
    with naming(path), _opened(path) as file:
        before = os.fstat(file.fileno())
        data = file.read(most_bytes)
    if len(data) != min(most_bytes, before.st_size) or signature_at(path) != Signature.of(before):
        raise SourceChangedError(f"{path.name} changed while it was read.")
    return data


@dataclass(frozen=True)
class Copied:
    """A private copy of a file: its hash, and the signature the source had all the while."""

    sha256: str
    signature: Signature


def copy_hashed(source: Path, target: Path, *, most_bytes: int) -> Copied:
    """Copy a file of the inbox to a new file and make it durable.

    Raises:
        SourceChangedError: it vanished, changed meanwhile, or is no regular file.
        PictureError: it is larger than `most_bytes`.
    """
    digest, taken = hashlib.sha256(), 0
    with naming(source), _opened(source) as file, new_file(target) as write:
        before = os.fstat(file.fileno())
        if before.st_size > most_bytes:
            raise PictureError(
                f"{shown(source.name)} has {before.st_size:,} bytes; "
                f"at most {most_bytes:,} are allowed. Export it smaller."
            )
        while taken <= before.st_size and (chunk := file.read(CHUNK_BYTES)):
            taken += len(chunk)
            digest.update(chunk)
            write(chunk)
    if taken != before.st_size or signature_at(source) != Signature.of(before):
        raise SourceChangedError(f"{source.name} changed while it was read.")
    return Copied(digest.hexdigest(), Signature.of(before))


def _opened(path: Path) -> io.FileIO:
    """Open a regular file of the inbox; links are not followed, FIFOs not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceChangedError(f"{path.name} is no longer there.") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SourceChangedError(f"{path.name} is a link, which is not followed.") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceChangedError(f"{path.name} is no regular file.")
    return io.FileIO(descriptor, "rb")


def sha256_of(path: Path) -> str:
    """Hash a file of our own."""
    with naming(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
