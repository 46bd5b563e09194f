"""Mode and group of what others are to use, on real files."""

import grp
import hashlib
import os
import stat
from pathlib import Path

import pytest
from spool_rig import Spool

from nstd.errors import ConfigError
from nstd.spool import rights as rights_module
from nstd.spool.durable import make_folder, replace_durably
from nstd.spool.outbox import Outbox
from nstd.spool.rights import Rights
from nstd.spool.tidy import Tidying

SHARED = Rights(mode=0o664)


def another_group() -> str:
    """Return a group that this process may give files to, and that is not its own."""
    known = os.getgroups() if os.geteuid() else [entry.gr_gid for entry in grp.getgrall()]
    for group_id in known:
        if group_id != os.getegid():
            return grp.getgrgid(group_id).gr_name
    pytest.skip("the user of this process has one group only")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o077, 0o007], ids=oct, autouse=True)
def umask(request: pytest.FixtureRequest):
    """Whatever the umask is, the configured mode holds."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def publish(outbox: Outbox, tmp_path: Path, name: str = "IMG.jpg", folder: str = "smith/day 1"):
    data = b"a picture"
    (tmp_path / "out.jpg").write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    outbox.publish(tmp_path / "out.jpg", folder=folder, name=name, sha256=sha256, job_id="job-1")
    return outbox.root / folder / name


@pytest.mark.parametrize(
    ("mode", "folder_mode"), [(0o664, 0o775), (0o640, 0o750), (0o600, 0o700), (0o666, 0o777)]
)
def test_results_and_their_folders_get_the_mode(tmp_path: Path, mode: int, folder_mode: int):
    """Who may read a file may enter its folder."""
    result = publish(Outbox(tmp_path / "outbox", Rights(mode)), tmp_path)

    assert mode_of(result) == mode
    assert mode_of(result.parent) == mode_of(result.parent.parent) == folder_mode


def test_results_and_their_folders_get_the_group(tmp_path: Path) -> None:
    """Snapshots' folders too, whose names are part of the results'."""
    name = another_group()
    rights = Rights.named("0660", name)
    result = publish(Outbox(tmp_path / "outbox", rights), tmp_path, "IMG.steps/000200.jpg")

    for path in (result, result.parent, result.parent.parent):
        assert grp.getgrgid(path.stat().st_gid).gr_name == name
    assert (mode_of(result), mode_of(result.parent)) == (0o660, 0o770)


def test_nothing_is_seen_with_other_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file has them before it gets its name, and until then nobody else may read it."""
    seen: list[int] = []
    link, write = os.link, os.write

    def watched_link(source: Path, target: Path) -> None:
        seen.append(mode_of(Path(source)))
        link(source, target)

    def watched_write(descriptor: int, data: bytes) -> int:
        assert stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077 == 0
        return write(descriptor, data)

    monkeypatch.setattr(os, "link", watched_link)
    monkeypatch.setattr(os, "write", watched_write)
    publish(Outbox(tmp_path / "outbox", SHARED), tmp_path)

    assert seen == [0o664]


def test_a_shared_folders_group_is_handed_down(tmp_path: Path) -> None:
    """The set-group-ID bit of a share stays on the folders that are made in it."""
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox").chmod(0o2775)
    result = publish(Outbox(tmp_path / "outbox", SHARED), tmp_path)

    assert mode_of(result.parent) == mode_of(result.parent.parent) == 0o2775


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """Folders that people made are theirs."""
    (tmp_path / "outbox" / "smith").mkdir(parents=True)
    (tmp_path / "outbox" / "smith").chmod(0o711)
    publish(Outbox(tmp_path / "outbox", SHARED), tmp_path)

    assert mode_of(tmp_path / "outbox" / "smith") == 0o711


def test_a_crash_between_a_folder_and_its_name_is_healed(tmp_path: Path) -> None:
    """What it left is used up by the next folder that is made there."""
    (tmp_path / rights_module.PART_FOLDER).mkdir(mode=0o700)
    make_folder(tmp_path / "smith", SHARED)

    assert [path.name for path in tmp_path.iterdir()] == ["smith"]
    assert mode_of(tmp_path / "smith") == 0o775


def test_a_folder_that_another_makes_meanwhile_is_used(tmp_path: Path) -> None:
    """Making it again changes nothing in it, and leaves nothing beside it."""
    (tmp_path / "smith").mkdir()
    (tmp_path / "smith" / "theirs").touch()
    SHARED.make(tmp_path / "smith")

    assert [path.name for path in tmp_path.iterdir()] == ["smith"]
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="directory"):
        SHARED.make(tmp_path / "file")


def test_without_rights_the_umask_decides(tmp_path: Path, umask: int) -> None:
    """As for any other program."""
    result = publish(Outbox(tmp_path / "outbox"), tmp_path)

    assert (mode_of(result), mode_of(result.parent)) == (0o666 & ~umask, 0o777 & ~umask)


def test_a_file_that_is_replaced_gets_them_anew(tmp_path: Path) -> None:
    """Pages that are written again and again keep their mode."""
    for data in (b"one", b"two"):
        replace_durably(tmp_path / "index.html", data, SHARED)

    assert mode_of(tmp_path / "index.html") == 0o664


def test_what_is_made_in_done_and_failed_gets_them_too(spool: Spool) -> None:
    """Folders and words are ours; a photograph that is moved keeps what its owner gave it."""
    spool.tidying = Tidying(spool.journal, spool.work, spool.inbox, "move", SHARED)
    picture = spool.drop("smith/IMG.jpg")
    picture.chmod(0o640)
    (spool.inbox / "smith" / "IMG.yaml").chmod(0o604)
    spool.settle()
    spool.end(spool.only("queued"), "failed", "It could not be done.")
    failed = spool.inbox / "failed"

    assert mode_of(failed) == mode_of(failed / "smith") == 0o775
    assert mode_of(failed / "smith" / "IMG.error.txt") == 0o664
    assert mode_of(failed / "smith" / "IMG.jpg") == 0o640
    assert mode_of(failed / "smith" / "IMG.yaml") == 0o604


def test_a_group_that_is_not_there_is_a_configuration_error() -> None:
    """With the key and the name."""
    with pytest.raises(ConfigError, match="result_group: found 'no-such-group'; there is no group"):
        Rights.named(None, "no-such-group")


def test_a_group_of_others_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel would refuse every file: said at the start, with the command that helps."""
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    monkeypatch.setattr(os, "getgroups", list)
    monkeypatch.setattr(os, "getegid", lambda: 65_533)
    name = grp.getgrgid(0).gr_name

    with pytest.raises(
        ConfigError, match=f"does not belong to that group. 'sudo usermod -aG {name}"
    ):
        Rights.named("0664", name)
