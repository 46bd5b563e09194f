"""What makes a job, as a function of names alone."""

import pytest

from nstd.spool.inbox import Entry, Sighting
from nstd.spool.offers import Look, Questions, Sorted
from nstd.spool.pairing import pair_up

EVERYTHING_SETTLED = Questions(
    settled=lambda _: True, lone_enough=lambda _: True, look=lambda _: Look()
)


def sort(*paths: str, ask: Questions = EVERYTHING_SETTLED) -> Sorted:
    entries = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        entries.append(Entry(folder, name, 1, 1, 1, Sighting(1, 0.0)))
    return pair_up(entries, ask)


def test_the_suffix_may_be_written_in_any_case() -> None:
    """Cameras write IMG.JPG."""
    assert len(sort("IMG.JPG", "IMG.YAML").offers) == 1


def test_two_manifests_of_one_stem_are_refused() -> None:
    """`.yaml` and `.yml` of one name: not clear which one is meant."""
    (refusal,) = sort("IMG.jpg", "IMG.yaml", "IMG.yml").refusals

    assert "IMG.yaml and IMG.yml" in refusal.sentence
    assert len(refusal.entries) == 3


def test_a_batch_of_two_pictures_of_one_stem_is_refused() -> None:
    """Their results would have the same name."""
    ask = Questions(lambda _: True, lambda _: True, lambda _: Look(("*",)))
    (refusal,) = sort("all.yaml", "a.jpg", "a.png", ask=ask).refusals

    assert "a.jpg and a.png" in refusal.sentence


def test_a_batch_waits_until_its_folder_has_settled() -> None:
    """Another picture that matches may still be on its way."""
    ask = Questions(lambda entry: entry.name != "b.jpg", lambda _: True, lambda _: Look(("*.jpg",)))
    found = sort("all.yaml", "a.jpg", "b.jpg", ask=ask)

    assert found.batches == []
    assert "still filling" in next(w.reason for w in found.waiting if w.entry.name == "all.yaml")


def test_two_standing_orders_of_one_folder_are_refused() -> None:
    """folder.yaml and folder.yml."""
    (refusal,) = sort("x/folder.yaml", "x/folder.yml").refusals

    assert "two standing orders" in refusal.sentence


def raw_questions(*painted: str) -> Questions:
    return Questions(lambda _: True, lambda _: True, lambda _: Look(), lambda: set(painted))


def test_a_raw_file_beside_a_picture_is_left_alone() -> None:
    """RAW + JPEG, as cameras write them: the JPEG is painted, the raw file waits for nothing."""
    found = sort("IMG.CR3", "IMG.JPG", "IMG.yaml", "b.NEF", "b.jpg", "b.xmp")

    assert [offer.picture.name for offer in found.offers] == ["IMG.JPG"]
    assert [entry.name for entry in found.left_alone] == ["IMG.CR3", "b.NEF"]
    assert [waiting.entry.name for waiting in found.waiting] == ["b.jpg"]
    assert found.refusals == []


def test_a_raw_file_whose_picture_was_painted_stays_where_it_is() -> None:
    """Its JPEG lies in `done` by now; not even a new manifest takes the raw file with it."""
    found = sort("IMG.CR3", ask=raw_questions("IMG"))
    assert ([entry.name for entry in found.left_alone], found.waiting) == (["IMG.CR3"], [])

    found = sort("IMG.CR3", "IMG.yaml", ask=raw_questions("IMG"))
    (refusal,) = found.refusals
    assert [entry.name for entry in refusal.entries] == ["IMG.yaml"]
    assert [entry.name for entry in found.left_alone] == ["IMG.CR3"]


@pytest.mark.parametrize(
    "name",
    ["a.CR2", "a.CR3", "a.NEF", "a.ARW", "a.DNG", "a.RAF", "a.ORF", "a.RW2", "a.PEF", "a.SRW"],
)
def test_a_raw_file_with_a_manifest_is_refused_at_once(name: str) -> None:
    """The sentence names what to export, and under which name."""
    (refusal,) = sort(name, "a.yaml").refusals

    assert [entry.name for entry in refusal.entries] == [name, "a.yaml"]
    assert refusal.sentence.startswith(f"{name} is a camera's raw file")
    assert "a.jpg or a.tif" in refusal.sentence


def test_a_raw_file_with_a_manifest_waits_while_its_folder_fills() -> None:
    """Its JPEG may be the next file that is copied."""
    ask = Questions(lambda entry: entry.name != "b.jpg", lambda _: True, lambda _: Look())
    found = sort("a.CR3", "a.yaml", "b.jpg", ask=ask)

    assert found.refusals == []
    assert "still filling" in next(w.reason for w in found.waiting if w.entry.name == "a.CR3")


def test_a_raw_file_alone_waits_as_pictures_do() -> None:
    """Without a manifest of its own it is an orphan, also under a standing order."""
    for files in (("a.CR3",), ("a.CR3", "folder.yaml")):
        (waiting,) = sort(*files).waiting

        assert waiting.orphan
        assert "export it as a JPEG or TIFF" in waiting.reason


def test_a_batch_that_lists_raw_files_is_refused_at_once() -> None:
    """By name or by pattern; what it lists can never be painted."""
    ask = Questions(lambda _: True, lambda _: True, lambda _: Look(("a.jpg", "*.CR3")))
    (refusal,) = sort("all.yaml", "a.jpg", "b.CR3", ask=ask).refusals

    assert [entry.name for entry in refusal.entries] == ["all.yaml"]
    assert "*.CR3. Export them" in refusal.sentence


def test_sidecar_files_are_nobodys_matter() -> None:
    """What an editor wrote beside a raw file or a picture is neither waited for nor shown."""
    found = sort("a.xmp", "a.CR3.xmp", "b.yaml", "b.xmp")

    assert [waiting.entry.name for waiting in found.waiting] == ["b.yaml"]
    assert "xmp" not in found.waiting[0].reason
