"""Texts that were meant as manifests, and whose endings the owner's computer hides."""

import pytest
from spool_rig import PATIENCE, Spool

from nstd.spool.lines import SHOWN_OF_A_KIND
from nstd.spool.misnamed import name_meant


def write(spool: Spool, name: str) -> None:
    path = spool.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("style: waves\n")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("IMG_1.yaml.txt", "IMG_1.yaml"),
        ("IMG_1.YML.TXT", "IMG_1.YML"),
        ("folder.yaml.txt", "folder.yaml"),
        ("README.txt", None),
        ("IMG_1.yaml", None),
        ("IMG_1.jpg.txt", None),
        ("yaml.txt", None),
    ],
)
def test_a_name_says_what_was_meant(name: str, meant: str | None) -> None:
    """Whatever the case of its endings; other texts are nobody's matter."""
    assert name_meant(name) == meant


def test_it_waits_with_its_photograph_until_it_is_renamed(spool: Spool) -> None:
    """Both say what to do; nothing is renamed for anybody, and no `once` waits for it."""
    spool.drop("smith/IMG_1.jpg", manifest=None)
    write(spool, "smith/IMG_1.yaml.txt")
    spool.look()
    assert not spool.settle()
    assert spool.waiting() == {
        "smith/IMG_1.jpg": "no manifest IMG_1.yaml; IMG_1.yaml.txt beside it is to be renamed to "
        "IMG_1.yaml",
        "smith/IMG_1.yaml.txt": "no manifest, for its name ends in .txt: rename it to IMG_1.yaml",
    }
    assert sorted(path.name for path in (spool.inbox / "smith").iterdir()) == [
        "IMG_1.jpg", "IMG_1.yaml.txt",
    ]  # fmt: skip
    (spool.inbox / "smith/IMG_1.yaml.txt").rename(spool.inbox / "smith/IMG_1.yaml")
    spool.settle()

    assert spool.only("queued").content_name == "IMG_1.jpg"
    assert spool.waiting() == {}


def test_a_standing_order_that_is_none_is_named_by_every_photograph(spool: Spool) -> None:
    """They wait for it as for manifests of their own."""
    for number in range(2):
        spool.drop(f"tour/{number}.jpg", seed=number, manifest=None)
    write(spool, "tour/folder.yml.txt")
    spool.settle()

    for number in range(2):
        assert spool.waiting()[f"tour/{number}.jpg"].endswith(
            "folder.yml.txt beside it is to be renamed to folder.yml"
        )


def test_a_photograph_that_waited_in_vain_is_told_of_it(spool: Spool) -> None:
    """In its `.error.txt`; the text itself stays where it is, however long."""
    spool.drop("IMG_1.jpg", manifest=None)
    write(spool, "IMG_1.yaml.txt")
    spool.settle()
    spool.look(PATIENCE.orphan_after_s + 1)
    spool.tidying.tidy(spool.only("failed"))
    spool.look(PATIENCE.orphan_after_s + 1)

    words = (spool.inbox / "failed" / "IMG_1.error.txt").read_text()
    assert "IMG_1.yaml.txt beside it is to be renamed to IMG_1.yaml" in words
    assert (spool.inbox / "IMG_1.yaml.txt").exists()
    assert list(spool.waiting()) == ["IMG_1.yaml.txt"]


def test_beside_the_manifest_itself_it_is_nobodys_matter(spool: Spool) -> None:
    """As any other text is that lies in the inbox."""
    spool.drop("IMG_1.jpg")
    write(spool, "IMG_1.yaml.txt")
    write(spool, "README.txt")
    spool.settle()

    assert spool.only("queued").content_name == "IMG_1.jpg"
    assert spool.waiting() == {}


def test_of_many_some_are_named_and_all_are_counted(spool: Spool) -> None:
    """A studio that saves all of them so is not told of each."""
    count = SHOWN_OF_A_KIND + 5
    for number in range(count):
        write(spool, f"{number}.yml.txt")
    spool.settle()
    waiting = spool.waiting()

    assert len(waiting) == SHOWN_OF_A_KIND + 1
    assert f"{count} files: no manifests, for their names end in .txt" in waiting["./"]
