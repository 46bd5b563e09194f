"""What makes a job, as a function of names alone."""

from nstd.spool.inbox import Entry, Sighting
from nstd.spool.pairing import Look, Questions, Sorted, pair_up

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
