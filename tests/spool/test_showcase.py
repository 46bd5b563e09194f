"""The outbox's hidden folder: what is put into it, found in it, and never written through."""

import os
from functools import partial
from pathlib import Path

import pytest

from nstd.orders import THUMB_SUFFIXES
from nstd.spool.rights import Rights
from nstd.spool.showcase import Showcase

JOB, OTHER = "0badcafe", "12345678"


@pytest.fixture
def showcase(tmp_path: Path) -> Showcase:
    return Showcase(tmp_path / "outbox")


def lying(showcase: Showcase) -> dict[str, bytes]:
    found = (path for path in showcase.outbox.rglob("*") if path.is_file())
    return {path.relative_to(showcase.outbox).as_posix(): path.read_bytes() for path in found}


def test_a_live_picture_takes_the_place_of_the_one_before(showcase: Showcase) -> None:
    """Under one name, in a folder that is made when it is needed."""
    for data in (b"early", b"late"):
        showcase.show_live(JOB, data)

    assert lying(showcase) == {f".nstd/live/{JOB}.jpg": b"late"}


def test_thumbs_lie_under_the_jobs_id(showcase: Showcase) -> None:
    """Where the gallery's pages look for them; put there again, they are the same."""
    for _ in range(2):
        for suffix in THUMB_SUFFIXES:
            showcase.show_thumb(JOB, suffix, suffix.encode())

    assert lying(showcase) == {
        f".nstd/thumbs/{JOB}-before.jpg": b"-before.jpg",
        f".nstd/thumbs/{JOB}-after.jpg": b"-after.jpg",
    }


def test_nobody_ever_sees_half_a_picture(
    showcase: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser may look at any moment: it sees the picture before, or the new one."""
    showcase.show_live(JOB, b"early")
    showcase.show_thumb(JOB, "-after.jpg", b"early")
    write, seen = os.write, []

    def watch(descriptor: int, data: bytes) -> int:
        seen.append(sorted(p for p in lying(showcase).items() if p[0].endswith(".jpg")))
        return write(descriptor, data[:2])

    monkeypatch.setattr(os, "write", watch)
    for show in (showcase.show_live, partial(showcase.show_thumb, suffix="-after.jpg")):
        before = sorted(lying(showcase).items())
        show(JOB, data=b"late")
        assert seen == [before, before]
        seen.clear()


def test_what_is_there_is_told_by_job_also_what_a_crash_has_left(showcase: Showcase) -> None:
    """Files of other people are none of ours, and stay."""
    showcase.show_live(JOB, b"picture")
    showcase.show_thumb(JOB, "-after.jpg", b"picture")
    (showcase.outbox / f".nstd/live/.{OTHER}.jpg.part").write_bytes(b"pic")
    (showcase.outbox / f".nstd/thumbs/.{OTHER}-before.jpg.part").write_bytes(b"pic")
    for name in ("holiday.jpg", "0BADCAFE.jpg", "0badcafe.png", "0badcafe-between.jpg"):
        for shelf in ("live", "thumbs"):
            (showcase.outbox / ".nstd" / shelf / name).write_bytes(b"theirs")

    assert showcase.jobs_on("live") == {JOB, OTHER}
    assert showcase.jobs_on("thumbs") == {JOB, OTHER}
    for job_id in (JOB, OTHER):
        showcase.hide_live(job_id)
        showcase.hide_thumbs(job_id)
    assert set(lying(showcase).values()) == {b"theirs"}


def test_nothing_is_there_before_anything_was_shown(showcase: Showcase) -> None:
    """And to look, or to take it away, makes no folder."""
    assert showcase.jobs_on("live") == showcase.jobs_on("thumbs") == set()
    showcase.hide_live(JOB)
    showcase.hide_thumbs(JOB)

    assert not showcase.outbox.exists()


@pytest.mark.parametrize("place", [".nstd", ".nstd/live", ".nstd/thumbs"])
@pytest.mark.parametrize("kind", ["link", "dead link", "file"])
def test_nothing_is_written_or_removed_through_what_is_no_folder(
    showcase: Showcase, tmp_path: Path, place: str, kind: str
) -> None:
    """A link might lead anywhere: the error names it, and says what to do."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "live").mkdir(parents=True)
    (elsewhere / "thumbs").mkdir()
    for path in (f"{JOB}.jpg", f"{JOB}-after.jpg", f"live/{JOB}.jpg", f"thumbs/{JOB}-after.jpg"):
        (elsewhere / path).write_bytes(b"theirs")
    before = {path: path.read_bytes() for path in elsewhere.rglob("*.jpg")}
    way = showcase.outbox / place
    way.parent.mkdir(parents=True)
    if kind == "file":
        way.write_bytes(b"theirs")
    else:
        way.symlink_to(elsewhere if kind == "link" else tmp_path / "nowhere")
    if place != ".nstd/thumbs":
        with pytest.raises(NotADirectoryError, match="nstd writes through none"):
            showcase.show_live(JOB, b"ours")
        with pytest.raises(NotADirectoryError, match="take it away"):
            showcase.hide_live(JOB)
    if place != ".nstd/live":
        with pytest.raises(NotADirectoryError, match="nstd writes through none"):
            showcase.show_thumb(JOB, "-after.jpg", b"ours")
        with pytest.raises(NotADirectoryError, match="take it away"):
            showcase.jobs_on("thumbs")

    assert {path: path.read_bytes() for path in elsewhere.rglob("*.jpg")} == before
    assert not (tmp_path / "nowhere").exists()


def test_who_may_see_results_may_see_small_pictures(tmp_path: Path) -> None:
    """On a share the gallery is read by others."""
    showcase = Showcase(tmp_path / "outbox", Rights(mode=0o640))
    showcase.show_live("0123abcd", b"now")
    showcase.show_thumb("0123abcd", "-after.jpg", b"after")

    files = list((tmp_path / "outbox/.nstd").rglob("*.jpg"))
    assert [path.stat().st_mode & 0o777 for path in files] == [0o640, 0o640]
    assert (tmp_path / "outbox/.nstd/live").stat().st_mode & 0o777 == 0o750
