"""File operations that survive a crash, and never replace what is there.

What is on disk after `fsync` of a file *and* of its folder is there after a power cut (fsync(2)).
"""

import errno
import hashlib
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from nstd.errors import PictureError, SourceChangedError

CHUNK_BYTES = 1 << 20
NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


@dataclass(frozen=True)
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


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems refuse it for folders
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, durably."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet, and make its bytes durable (not yet its name)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view[:CHUNK_BYTES]) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)  # NFS tells of a full disk only here


def replace_durably(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step: a reader sees the old bytes or the new, never a part."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.unlink(missing_ok=True)
    write_new(temporary, data)
    os.replace(temporary, path)
    sync_folder(path.parent)


def read_stable(path: Path, *, most_bytes: int) -> bytes:
    """Read a small file of the inbox, or the first `most_bytes` of a large one.

    Raises:
        SourceChangedError: it vanished, changed meanwhile, or is no regular file.
    """
    with _opened(path) as file:
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
    with _opened(source) as file, target.open("xb") as out:
        before = os.fstat(file.fileno())
        if before.st_size > most_bytes:
            raise PictureError(
                f"{source.name} has {before.st_size:,} bytes; at most {most_bytes:,} are allowed."
            )
        while taken <= before.st_size and (chunk := file.read(CHUNK_BYTES)):
            taken += len(chunk)
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
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
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def link_new(part: Path, final: Path) -> None:
    """Give a finished part its final name, never replacing what has it already.

    A hard link fails where the name is taken; by the same file, it is a link that a crash left
    half done. Where there are none (SMB, FUSE) an empty file is created exclusively, which
    reserves the name, and then replaced.

    Raises:
        FileExistsError: the name is taken.
    """
    try:
        os.link(part, final)
    except FileExistsError:
        if not part.samefile(final):
            raise
        part.unlink()
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        os.close(os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        os.replace(part, final)
    else:
        part.unlink()
    sync_folder(final.parent)


def move_beside(source: Path, folder: Path) -> Path:
    """Move a file into a folder of the same file system; a taken name gets `--2`, `--3` …"""
    make_folder(folder)
    for number in range(1, 10_000):
        suffix = "" if number == 1 else f"--{number}"
        target = folder / f"{source.stem}{suffix}{source.suffix}"
        try:
            link_new(source, target)
        except FileExistsError:
            continue
        sync_folder(source.parent)
        return target
    raise FileExistsError(errno.EEXIST, "ten thousand files of this name", str(folder))
