"""Folders that lead elsewhere, and names that leave no room: nothing is written outside."""

import os
import stat
from pathlib import Path

import pytest
from pictures import put_picture
from spool_rig import Spool

from nstd.config import load_config
from nstd.errors import ConfigError
from nstd.foreman.publishing import Publishing
from nstd.spool.durable import sha256_of
from nstd.spool.outbox import NameTakenError, Outbox


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return an empty folder beside the inbox."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK], ids=["character", "block"])
def test_a_device_is_neither_read_nor_waited_for(spool: Spool, kind: int) -> None:
    """To read one may block for ever, or change something."""
    path = spool.inbox / "IMG.jpg"
    try:
        os.mknod(path, kind | 0o666, os.makedev(1, 3 if kind == stat.S_IFCHR else 0))
    except PermissionError:
        pytest.skip("needs the right to make devices (CAP_MKNOD): run as root")
    path.with_suffix(".yaml").write_text("style: waves\n")
    spool.settle()

    assert spool.waiting() == {"IMG.yaml": "no photograph named IMG"}


def test_names_that_are_no_text_are_told_and_crowd_nothing_out(spool: Spool) -> None:
    """A card of an old program: some files are named, as a file manager shows them."""
    for number in range(30):
        name = os.fsencode(spool.inbox) + b"/caf\xe9-%d.jpg" % number
        with open(name, "wb"):  # noqa: PTH123  # no Path holds every name
            pass
    (spool.inbox / os.fsdecode(b"b\xe9b\xe9s")).mkdir()
    assert not spool.settle()

    told = spool.waiting()
    assert len(told) == 20
    assert all("\ufffd" in path and "rename it" in words for path, words in told.items())


def failed_pair(spool: Spool, name: str) -> None:
    spool.drop(name)
    spool.settle()
    spool.end(spool.jobs("queued")[0], "failed", "It is too dark.")


@pytest.mark.parametrize(("kind", "end"), [("done", "done"), ("failed", "failed")])
def test_a_link_in_place_of_done_or_failed_is_not_written_through(
    spool: Spool, elsewhere: Path, kind: str, end: str
) -> None:
    """The originals stay where they are until it is a folder; the error says what to do."""
    (spool.inbox / kind).symlink_to(elsewhere)
    spool.drop("IMG.jpg")
    spool.settle()
    job = spool.only("queued")
    with pytest.raises(OSError, match=r"is a link.*replace it by a folder"):
        spool.end(job, end, "It is too dark.")
    assert list(elsewhere.iterdir()) == []
    assert (spool.inbox / "IMG.jpg").exists()

    (spool.inbox / kind).unlink()
    spool.tidying.tidy(spool.journal.job(job.id))
    assert (spool.inbox / kind / "IMG.jpg").exists()


@pytest.mark.parametrize("plant", ["link", "dangling link", "file"])
def test_what_stands_in_the_way_below_failed_is_stepped_around(
    spool: Spool, elsewhere: Path, plant: str
) -> None:
    """A link there may lead anywhere; the next name is a folder of ours."""
    way = spool.inbox / "failed" / "smith"
    way.parent.mkdir()
    if plant == "file":
        way.write_text("a file")
    else:
        way.symlink_to(elsewhere if plant == "link" else elsewhere / "none")
    failed_pair(spool, "smith/day 1/IMG.jpg")

    assert (spool.inbox / "failed/smith--2/day 1/IMG.jpg").exists()
    assert (spool.inbox / "failed/smith--2/day 1/IMG.error.txt").exists()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("kind", ["done", "failed"])
def test_a_link_at_the_originals_new_name_is_not_followed(
    spool: Spool, elsewhere: Path, kind: str
) -> None:
    """Nothing is written to where it leads, and the photograph gets the next name."""
    (spool.inbox / kind).mkdir()
    (spool.inbox / kind / "IMG.jpg").symlink_to(elsewhere / "made.jpg")
    (spool.inbox / kind / "IMG--2.error.txt").symlink_to(elsewhere / "made.txt")
    spool.drop("IMG.jpg")
    spool.settle()
    spool.end(spool.only("queued"), kind, "It is too dark.")

    assert list(elsewhere.iterdir()) == []
    assert (spool.inbox / kind / "IMG--2.jpg").is_file()


def test_a_folder_in_place_of_the_text_that_says_why(spool: Spool) -> None:
    """It must not close the inbox for everybody."""
    (spool.inbox / "failed" / "IMG.error.txt").mkdir(parents=True)
    failed_pair(spool, "IMG.jpg")

    assert "too dark" in (spool.inbox / "failed" / "IMG--2.error.txt").read_text()


@pytest.mark.parametrize(
    "name", ["n" * 251 + ".jpg", "é" * 125 + ".jpg", "x." + "y" * 240 + ".jpg"]
)
def test_a_name_of_255_bytes_leaves_room_for_nothing_and_still_moves(
    spool: Spool, name: str
) -> None:
    """Neither the number of a second one nor `.error.txt` may become too long."""
    for _ in range(2):
        put_picture(spool.inbox / name)
        (spool.inbox / f"{name[:-4]}.yml").write_text("style: waves\n")
        spool.settle()
        spool.end(spool.jobs("queued")[-1], "failed", "It is too dark.")
    names = [path.name for path in (spool.inbox / "failed").iterdir()]

    assert len([each for each in names if each.endswith(".jpg")]) == 2
    assert len([each for each in names if each.endswith(".yml")]) == 2
    assert any(each.endswith(".error.txt") for each in names)


def test_a_photograph_that_was_taken_back_is_restored_beside_its_yml(spool: Spool) -> None:
    """Its manifest is still there to be moved; the accepted copy is what is left of the picture."""
    spool.drop("IMG.jpg", manifest=None)
    (spool.inbox / "IMG.yml").write_text("style: waves\n")
    spool.settle()
    job = spool.only("queued")
    accepted = spool.work.content(job.id).read_bytes()
    spool.journal.start(job.id, now_s=spool.now.wall_s)
    (spool.inbox / "IMG.jpg").unlink()
    spool.end(job, "failed", "It is too dark.")

    assert (spool.inbox / "failed/IMG.jpg").read_bytes() == accepted


def test_a_link_to_the_same_bytes_is_no_restored_photograph(spool: Spool, elsewhere: Path) -> None:
    """Who made it can take it away; the accepted copy must lie there itself."""
    spool.drop("IMG.jpg")
    spool.settle()
    job = spool.only("queued")
    spool.journal.start(job.id, now_s=spool.now.wall_s)
    (spool.inbox / "IMG.jpg").rename(elsewhere / "IMG.jpg")
    (spool.inbox / "failed").mkdir()
    (spool.inbox / "failed/IMG.jpg").symlink_to(elsewhere / "IMG.jpg")
    spool.end(job, "failed", "It is too dark.")

    assert not (spool.inbox / "failed/IMG--2.jpg").is_symlink()
    assert (spool.inbox / "failed/IMG--2.jpg").is_file()


def test_names_that_differ_only_in_case_get_two_results(spool: Spool, tmp_path: Path) -> None:
    """On Windows and most Macs the second would replace the first."""
    spool.drop("IMG.jpg", seed=1)
    spool.drop("img.jpg", seed=2)
    spool.settle()
    publishing = Publishing(spool.journal, spool.work, Outbox(tmp_path / "outbox"))
    names = []
    for job in spool.jobs("queued"):
        names.append(publishing.free_name(job, ()))
        spool.journal.finish(job.id, (), facts_json="{}", output=names[-1])

    assert names == [("", "IMG--waves"), ("", "img--waves--2")]


@pytest.mark.parametrize("plant", ["link", "dangling link", "file"])
def test_a_link_in_the_outbox_is_not_published_through(
    spool: Spool, tmp_path: Path, elsewhere: Path, plant: str
) -> None:
    """Not one that was there, and not one that was planted after the name was chosen."""
    outbox = Outbox(tmp_path / "outbox")
    outbox.root.mkdir()
    source = put_picture(tmp_path / "result.jpg")
    way = outbox.root / "smith"
    if plant == "file":
        way.write_text("a file")
    else:
        way.symlink_to(elsewhere if plant == "link" else elsewhere / "none")

    assert outbox.free_folder("smith/day 1") == "smith--2/day 1"
    with pytest.raises(NameTakenError):
        outbox.publish(
            source, folder="smith/day 1", name="a.jpg", sha256=sha256_of(source), job_id="1"
        )
    assert list(elsewhere.iterdir()) == []


def test_a_linked_style_library_is_not_read(spool: Spool, elsewhere: Path) -> None:
    """Neither the library, nor a folder or a picture in it, may be a link."""
    put_picture(elsewhere / "secret.jpg")
    put_picture(elsewhere / "folder" / "secret.jpg")
    (spool.inbox / "styles" / "by-link.jpg").symlink_to(elsewhere / "secret.jpg")
    (spool.inbox / "styles" / "folder-link").symlink_to(elsewhere / "folder")
    spool.drop("a.jpg", manifest="style: by-link\n")
    spool.drop("b.jpg", seed=1, manifest="style: folder-link\n")
    spool.settle()
    assert [job.reason and "allowed are night-sky, waves" in job.reason
            for job in spool.jobs("failed")] == [True, True]  # fmt: skip

    (spool.inbox / "styles").rename(elsewhere / "styles")
    (spool.inbox / "styles").symlink_to(elsewhere / "styles")
    spool.drop("c.jpg", seed=2)
    spool.settle()
    assert "is empty, or a link" in (spool.jobs("failed")[-1].reason or "")


@pytest.mark.parametrize(
    ("inbox", "outbox"),
    [
        ("studio", "studio/out"),
        ("studio/in", "studio"),
        ("studio", "studio"),
        ("studio", "link/out"),
        ("link/in", "studio"),
        ("studio/../studio", "studio/./out"),
    ],
)
def test_inbox_and_outbox_do_not_lie_in_each_other(tmp_path: Path, inbox: str, outbox: str) -> None:
    """Results would come back as photographs; links and dots hide nothing."""
    (tmp_path / "studio").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "studio")
    path = tmp_path / "config.yaml"
    path.write_text(f"inbox: {inbox}\noutbox: {outbox}\n")
    with pytest.raises(ConfigError, match="lies inside"):
        load_config(path)
