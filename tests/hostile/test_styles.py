"""The style library in hostile hands, and what a job makes of it."""

import os
from pathlib import Path

import pytest
from hostile.bad_pictures import png_head, saved
from pictures import draw, picture_bytes, put_picture
from spool_rig import PATIENCE, Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


def judged(spool: Spool, manifest: str = "style: odd\n") -> str:
    """Drop a pair, let it settle, and return what is said about it."""
    spool.drop("IMG.jpg", manifest=manifest)
    spool.settle()
    spool.look(PATIENCE.give_up_after_s)
    return spool.only("failed").reason or ""


def test_a_style_of_too_many_pixels_fails_the_job_that_names_it(spool: Spool) -> None:
    """With the style's name; others are painted meanwhile."""
    (spool.inbox / "styles/odd.png").write_bytes(png_head(50_000, 50_000))

    assert "styles/odd.png has 50000 × 50000 pixels; at most 10 megapixels" in judged(spool)
    spool.drop("other.jpg", seed=1)
    spool.settle()
    assert len(spool.jobs("queued")) == 1


def test_a_style_that_is_a_line_fails_the_job(spool: Spool) -> None:
    """There is nothing to learn from it."""
    data = saved(draw(width=1, height=3000), "PNG")
    (spool.inbox / "styles/odd.png").write_bytes(data)

    assert "styles/odd.png has 1 × 3000 pixels; both sides must have at least 16" in judged(spool)


def test_a_style_folder_of_ten_thousand_pictures_is_refused_unread(spool: Spool) -> None:
    """None of them is copied or decoded."""
    folder = spool.inbox / "styles" / "odd"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"{number}.jpg").touch()

    reason = judged(spool)
    assert "style: found 10000 pictures in odd; at most 64 are allowed in a job's styles" in reason
    assert list(spool.work.styles.iterdir()) == []


def test_a_style_named_often_is_copied_once(spool: Spool) -> None:
    """A blend may name a style sixteen times."""
    decoded: list[str] = []
    check = spool.reception.check_picture

    def counting(path: Path, name: str) -> object:
        decoded.append(name)
        return check(path, name)

    object.__setattr__(spool.reception, "check_picture", counting)
    spool.drop("IMG.jpg", manifest="style: [" + "{name: waves}, " * 16 + "]\n")
    spool.settle()

    assert len(spool.only("queued").order.styles) == 16
    assert decoded == ["IMG.jpg", "styles/waves.jpg"]


@pytest.mark.parametrize("content", ["nothing", "text", "folders"])
def test_a_style_folder_without_pictures_is_no_style(spool: Spool, content: str) -> None:
    """The sentence names those there are."""
    folder = spool.inbox / "styles" / "odd"
    folder.mkdir()
    if content == "text":
        (folder / "notes.txt").write_text("x")
    elif content == "folders":
        (folder / "more.jpg").mkdir()

    assert "style: found 'odd'; allowed are night-sky, waves" in judged(spool)


def test_a_pipe_is_no_style(spool: Spool) -> None:
    """Neither as a picture nor as the defaults, which must not be waited for."""
    os.mkfifo(spool.inbox / "styles/odd.jpg")
    os.mkfifo(spool.inbox / "styles/waves.yaml")
    assert "style: found 'odd'" in judged(spool)

    spool.drop("other.jpg", seed=1)
    spool.settle()
    assert len(spool.jobs("queued")) == 1


@pytest.mark.parametrize(
    ("defaults", "words"),
    [
        (b"style: night-sky", "styles/waves.yaml has one problem:\n  - style: not allowed"),
        (b"size: huge", "styles/waves.yaml has one problem:\n  - size: found 'huge'"),
        (b"strength: 1:" + b"1:" * 400 + b"1.5", "styles/waves.yaml has one problem"),
        (b"# " + b"x" * 100_000, "styles/waves.yaml has one problem:\n  - longer than allowed"),
        (b"\xff\xfe", "styles/waves.yaml has one problem:\n  - not UTF-8 text"),
        (b"a: &a [*a]", "styles/waves.yaml has one problem:\n  - line 1: aliases"),
    ],
)
def test_wrong_defaults_are_blamed_by_their_own_name(
    spool: Spool, defaults: bytes, words: str
) -> None:
    """Not the manifest, in which the photographer would look in vain."""
    (spool.inbox / "styles/waves.yaml").write_bytes(defaults)

    assert words in judged(spool, "style: waves\n")


def test_defaults_of_a_hundred_megabytes_are_not_read_whole(spool: Spool) -> None:
    """A sparse file of zeros: only the beginning is looked at."""
    with (spool.inbox / "styles/waves.yaml").open("wb") as file:
        file.truncate(100_000_000)

    assert "longer than allowed: at most 65536 bytes" in judged(spool, "style: waves\n")


def test_ten_thousand_styles_do_not_make_a_sentence_of_a_megabyte(spool: Spool) -> None:
    """The first are named, and how many there are besides."""
    for number in range(10_000):
        (spool.inbox / f"styles/style-{number}.jpg").touch()
    reason = judged(spool, "style: wave\n")

    assert "and 9972 more (did you mean 'waves'?)" in reason
    assert len(reason) < 2000


def test_a_style_whose_name_acts_is_escaped(spool: Spool) -> None:
    """In the sentence that lists the styles there are."""
    put_picture(spool.inbox / "styles" / "a\x1b[2J\u202eb.jpg")
    reason = judged(spool, "style: none\n")

    assert r"a\x1b[2J\u202eb" in reason


def test_a_style_is_found_in_either_unicode_form(spool: Spool) -> None:
    """A Mac stores `é` as two characters, the manifest holds one."""
    (spool.inbox / "styles/cafe\u0301.jpg").write_bytes(picture_bytes(seed=9))
    spool.drop("a.jpg", manifest="style: caf\u00e9\n")
    spool.drop("b.jpg", seed=1, manifest="style: cafe\u0301\n")
    spool.drop("c.jpg", seed=2, manifest="style: [{name: cafe\u0301}]\n")
    spool.settle()

    assert len(spool.jobs("queued")) == 3


@pytest.mark.parametrize("other", ["odd.png", "odd/a.jpg"])
def test_two_styles_of_one_name_are_an_error_that_names_both(spool: Spool, other: str) -> None:
    """Which painting is meant is not ours to guess."""
    put_picture(spool.inbox / "styles" / "odd.jpg", seed=8)
    put_picture(spool.inbox / "styles" / other, seed=9)

    reason = judged(spool)
    assert "there are several named 'odd'" in reason
    assert "odd.jpg" in reason
    assert other.partition("/")[0] in reason


def test_styles_that_differ_in_case_are_two(spool: Spool) -> None:
    """As on the file system they come from; the other case is guessed."""
    put_picture(spool.inbox / "styles" / "Waves.jpg", seed=9)
    spool.drop("a.jpg", manifest="style: Waves\n")
    spool.drop("b.jpg", seed=1, manifest="style: waves\n")
    spool.drop("c.jpg", seed=2, manifest="style: WAVES\n")
    spool.settle()
    hashes = {job.order.styles[0].pictures for job in spool.jobs("queued")}

    assert len(hashes) == 2
    assert "allowed are Waves, night-sky, waves" in (spool.jobs("failed")[0].reason or "")
