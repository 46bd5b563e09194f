"""Very many files at once: nothing is skipped, nobody is held up, nothing is done twice.

The decoder is faked: here it is counted what the spool does, not how long a picture takes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pictures import picture_bytes
from spool_rig import PATIENCE, Spool

from nstd.errors import UnfinishedPictureError
from nstd.spool.decode import PictureSize
from nstd.spool.inbox import Listing, list_inbox
from nstd.spool.lines import LOOKS_PER_TURN
from nstd.spool.rota import Ahead, Room
from nstd.spool.turns import MOST_FOLDERS, Turns
from nstd.spool.urgency import Urgency

PICTURE = picture_bytes()
AHEAD = Ahead(in_all=100, of_a_folder=30)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return a spool whose decoder takes no time."""
    found = Spool(tmp_path)
    without_decoder(found)
    return found


def without_decoder(spool: Spool) -> None:
    """Take every picture for whole; let few be queued, to be quick; count, and look at no clock."""
    object.__setattr__(spool.reception, "check_picture", lambda path, name: PictureSize(64, 48))
    spool.intake.ahead, spool.intake.turn_s = AHEAD, float("inf")


def flood(spool: Spool, folder: str, count: int, manifest: str = "style: waves\n") -> set[str]:
    """Drop pairs that differ by name only, and return the names of the photographs."""
    (spool.inbox / folder).mkdir(parents=True, exist_ok=True)
    names = {f"{folder}/IMG_{index:05}.jpg" for index in range(count)}
    for name in names:
        (spool.inbox / name).write_bytes(PICTURE)
        (spool.inbox / name).with_suffix(".yaml").write_text(manifest)
    return names


def titles(spool: Spool, *states: str) -> list[str]:
    return [job.title for job in spool.jobs(*states)]


def in_line(spool: Spool) -> Iterator[str]:
    for line in spool.intake.lines:
        yield from (offer.picture.path for offer in line.found.offers)
        yield from (offer.picture.path for offer in line.found.unread_pairs)


def fill(spool: Spool) -> None:
    """Scan until no more is accepted."""
    before = -1
    while (now := len(spool.jobs("queued"))) != before:
        before = now
        spool.look(1)


def test_of_two_thousand_pairs_none_is_skipped(spool: Spool) -> None:
    """Each is a job or stands in line; when jobs are done, the next come, first come first."""
    names = flood(spool, "wedding", 2000)
    spool.settle()
    fill(spool)
    accepted = titles(spool, "queued")
    assert accepted == sorted(names)[: AHEAD.of_a_folder]
    assert sorted([*accepted, *in_line(spool)]) == sorted(names)

    for job in spool.jobs("queued")[:10]:
        spool.end(job, "done")
    spool.look(1)
    accepted = titles(spool, "queued", "done")
    assert accepted == sorted(names)[: AHEAD.of_a_folder + 10]
    assert sorted([*accepted, *in_line(spool)]) == sorted(names)


def test_every_pair_is_done_in_the_end(spool: Spool) -> None:
    """Drained turn by turn, also over a restart in the middle."""
    names = flood(spool, "a", 70) | flood(spool, "b", 20)
    spool.settle()
    for turn in range(100):
        for job in spool.jobs("queued")[:20]:
            spool.end(job, "done")
        if turn == 2:
            spool.start()
            without_decoder(spool)
        if not spool.look(PATIENCE.settle_s) and not spool.jobs("queued"):
            break

    assert set(titles(spool, "done")) == names
    assert len(spool.jobs("done")) == len(names)


def test_a_folders_ten_are_accepted_while_anothers_flood_is_in_line(spool: Spool) -> None:
    """A folder has so much room and no more: what another one drops finds its own."""
    flood(spool, "flood", AHEAD.of_a_folder + 100)
    spool.settle()
    fill(spool)
    ten = flood(spool, "ten", 10)
    spool.settle()

    assert ten <= set(titles(spool, "queued"))


def test_folders_take_turns_at_being_accepted(spool: Spool) -> None:
    """Who dropped ten thousand, and first, is served no more often than the others."""
    flood(spool, "a-flood", 100)
    flood(spool, "b", 5)
    flood(spool, "c", 5)
    spool.settle()

    first = [title.partition("/")[0] for title in titles(spool, "queued")[:15]]
    assert sorted(first) == ["a-flood"] * 5 + ["b"] * 5 + ["c"] * 5


def test_folders_take_turns_at_being_started(spool: Spool) -> None:
    """At equal priority; inside a folder first come, first served."""
    flood(spool, "a-flood", 20)
    spool.settle()
    flood(spool, "ten", 3)
    spool.settle()
    turns, started = Turns(), []
    for _ in range(8):
        job = spool.journal.next_queued(spool.now.wall_s, turns)
        assert job is not None
        turns.took(job.folder)
        spool.journal.start(job.id, now_s=spool.now.wall_s)
        started.append(job.title)

    assert [title for title in started if title.startswith("ten")] == [
        f"ten/IMG_{index:05}.jpg" for index in range(3)
    ]
    assert [title.partition("/")[0] for title in started[:6]] == ["a-flood", "ten"] * 3
    assert started[6:] == ["a-flood/IMG_00003.jpg", "a-flood/IMG_00004.jpg"]


def test_what_is_urgent_is_accepted_and_started_before_a_full_queue(spool: Spool) -> None:
    """Only jobs of its own priority or a higher one stand in its way, in its own folder too."""
    flood(spool, "flood", AHEAD.of_a_folder + 50)
    spool.settle()
    fill(spool)
    (spool.inbox / "flood/urgent.jpg").write_bytes(PICTURE)
    (spool.inbox / "flood/urgent.yaml").write_text("style: waves\npriority: 5\n")
    spool.settle()

    job = spool.journal.next_queued(spool.now.wall_s)
    assert job is not None
    assert job.title == "flood/urgent.jpg"


def test_a_proof_is_accepted_and_started_before_a_full_queue_of_finals(spool: Spool) -> None:
    """Somebody waits for it; nobody has to give it a priority, or to look at every manifest twice.

    Finals of a higher priority still go first.
    """
    flood(spool, "flood", AHEAD.of_a_folder + 50)
    (spool.inbox / "flood/y.jpg").write_bytes(PICTURE)
    (spool.inbox / "flood/y.yaml").write_text("style: waves\npriority: 1\n")
    spool.settle()
    fill(spool)
    for name in ("z1.jpg", "z2.jpg"):
        (spool.inbox / "flood" / name).write_bytes(PICTURE)
        manifest = "proof: true\nstyle: [waves, night-sky]\n"
        (spool.inbox / "flood" / name).with_suffix(".yaml").write_text(manifest)
    spool.settle()

    started = []
    for _ in range(3):
        job = spool.journal.next_queued(spool.now.wall_s)
        assert job is not None
        started.append(job.title)
        spool.journal.start(job.id, now_s=spool.now.wall_s)
    assert started == ["flood/y.jpg", "flood/z1.jpg", "flood/z2.jpg"]


def test_a_folder_of_proofs_is_not_all_copied_at_once(spool: Spool) -> None:
    """They are bounded as finals are: a standing order may ask for ten thousand."""
    flood(spool, "flood", AHEAD.of_a_folder + 20, "proof: true\nstyle: waves\n")
    spool.settle()
    fill(spool)
    assert len(spool.jobs("queued")) == AHEAD.of_a_folder
    flood(spool, "other", 3)
    spool.settle()

    assert len(spool.jobs("queued")) == AHEAD.of_a_folder + 3


def test_urgent_ones_at_the_end_of_a_flood_are_found_when_they_are_read(spool: Spool) -> None:
    """Manifests are read some at a time; from then on their priority counts."""
    flood(spool, "flood", LOOKS_PER_TURN + 50)
    (spool.inbox / "flood/z.jpg").write_bytes(PICTURE)
    (spool.inbox / "flood/z.yaml").write_text("style: waves\npriority: 1\n")
    spool.settle()
    assert "flood/z.jpg" not in titles(spool, "queued")
    spool.look(1)

    assert "flood/z.jpg" in titles(spool, "queued")


def test_an_unchanged_folder_is_not_sorted_again(spool: Spool) -> None:
    """A scan costs a look at each file's status; its listing and its line are as they were."""
    flood(spool, "wedding", 400)
    spool.settle()
    fill(spool)
    listing = list_inbox(spool.inbox, Listing(), 1.0)
    again = list_inbox(spool.inbox, listing, 2.0)
    assert again.folders["wedding"] is listing.folders["wedding"]

    line = spool.intake.lines.find("wedding")
    spool.look(60)
    assert spool.intake.lines.find("wedding") is line


def test_a_turn_asks_the_journal_as_often_for_many_files_as_for_few(tmp_path: Path) -> None:
    """Of an unchanged inbox: counted in statements, for 20 pairs in line and for 500."""

    def statements(count: int) -> int:
        spool = Spool(tmp_path / str(count))
        without_decoder(spool)
        flood(spool, "a", AHEAD.of_a_folder + count)
        spool.settle()
        fill(spool)
        asked: list[str] = []
        spool.journal._db.set_trace_callback(asked.append)
        spool.look(1)
        return len(asked)

    (tmp_path / "20").mkdir()
    (tmp_path / "500").mkdir()
    assert statements(20) == statements(500) <= 20


def test_what_waits_in_crowds_is_shown_in_a_line(spool: Spool) -> None:
    """Nobody reads a hundred thousand lines, and the journal does not keep them."""
    flood(spool, "wedding", 300)
    spool.look()
    assert spool.waiting()["wedding/"].startswith("300 files: still arriving")
    spool.look(PATIENCE.settle_s)
    fill(spool)

    assert spool.waiting() == {"wedding/": "270 files: in line to be accepted"}


def test_pictures_that_do_not_decode_hold_no_other_up(spool: Spool) -> None:
    """A whole flood of them: what has not been tried yet goes first."""
    flood(spool, "a", 80)
    broken = {f"IMG_{index:05}.jpg" for index in range(70)}

    def check(path: Path, name: str) -> PictureSize:
        if name in broken:
            raise UnfinishedPictureError(f"{name} is damaged")
        return PictureSize(64, 48)

    object.__setattr__(spool.reception, "check_picture", check)
    spool.settle()
    spool.look(60)

    assert titles(spool, "queued") == [f"a/IMG_{index:05}.jpg" for index in range(70, 80)]


def test_taking_a_flood_back_leaves_nothing(spool: Spool) -> None:
    """What was accepted is cancelled at once, what was in line is no longer there."""
    names = flood(spool, "wedding", 300)
    spool.settle()
    fill(spool)
    for name in names:
        (spool.inbox / name).unlink()
        (spool.inbox / name).with_suffix(".yaml").unlink()
    assert not spool.look(1)

    assert len(titles(spool, "cancelled")) == AHEAD.of_a_folder
    assert titles(spool, "queued") == []
    assert spool.waiting() == {}


def test_a_large_batch_takes_turns_with_other_folders(spool: Spool) -> None:
    """Its pictures stand in the line of their folder like all others."""
    (spool.inbox / "batch").mkdir()
    for index in range(50):
        (spool.inbox / f"batch/IMG_{index:05}.jpg").write_bytes(PICTURE)
    (spool.inbox / "batch/all.yaml").write_text('style: waves\ncontent: ["*.jpg"]\n')
    spool.settle()
    assert len(spool.jobs("waiting")) == 50
    flood(spool, "pairs", 10)
    spool.settle()

    accepted = [title.partition("/")[0] for title in titles(spool, "queued")]
    assert (accepted.count("batch"), accepted.count("pairs")) == (AHEAD.of_a_folder, 10)
    for job in spool.jobs("queued"):
        spool.end(job, "done")
    fill(spool)
    assert spool.jobs("waiting") == []


def test_room_is_bounded_over_all_folders_too() -> None:
    """Many folders at once do not fill the disk either; what is more urgent has room of its own."""
    final, proof, higher = Urgency(0), Urgency(0, is_proof=True), Urgency(1)
    room = Room({(f"folder-{n}", final): 25 for n in range(4)}, AHEAD)

    assert not room.has("another", final)
    for urgency in (proof, higher):
        assert room.has("another", urgency)
        for _ in range(AHEAD.of_a_folder):
            room.take("another", urgency)
        assert not room.has("another", urgency)
        assert room.has("a-third", urgency)


def test_turns_remember_a_bounded_number_of_folders() -> None:
    """The one served longest ago is forgotten first: it is the next to be served anyway."""
    turns = Turns()
    for number in range(MOST_FOLDERS + 1):
        turns.took(str(number))

    assert turns.last("0") == 0
    assert 0 < turns.last("1") < turns.last(str(MOST_FOLDERS))
