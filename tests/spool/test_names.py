"""Names that are ignored, paired and made safe."""

import pytest

from nstd.spool.names import is_ignored, safe_folder, safe_name, split_name


@pytest.mark.parametrize(
    ("name", "ignored"),
    [
        (".DS_Store", True),
        ("._IMG.jpg", True),
        ("~$IMG.yaml", True),
        ("IMG.jpg.filepart", True),
        ("IMG.jpg.crdownload", True),
        ("THUMBS.DB", True),
        ("desktop.ini", True),
        ("@eaDir", True),
        ("bad\udcff.jpg", True),
        ("IMG.jpg", False),
        ("partly.jpg", False),
        ("тест.jpg", False),
    ],
)
def test_litter_is_known_by_its_name(name: str, ignored: bool) -> None:
    """Hidden files, other programs' temporary files, and names that are not UTF-8."""
    assert is_ignored(name) is ignored


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("IMG.JPG", ("IMG", ".jpg")),
        ("a.b.yaml", ("a.b", ".yaml")),
        ("none", ("none", "")),
        ("cafe\u0301.png", ("caf\u00e9", ".png")),
    ],
)
def test_names_are_split_for_pairing(name: str, parts: tuple[str, str]) -> None:
    """The stem in one Unicode form, the suffix in lower case."""
    assert split_name(name) == parts


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("IMG_1--waves", "IMG_1--waves"),
        ('a:b*c?"d', "a_b_c__d"),
        ("con", "_con"),
        ("ends. ", "ends"),
        (".hidden", "_.hidden"),
        ("...", "_"),
        ("line\nbreak", "line_break"),
    ],
)
def test_results_get_names_that_every_system_takes(name: str, safe: str) -> None:
    """The outbox may be a Windows share."""
    assert safe_name(name) == safe


def test_long_names_are_cut_between_characters() -> None:
    """File systems count bytes; a character is never cut in two."""
    assert len(safe_name("é" * 200).encode()) <= 150


def test_a_folders_parts_are_made_safe_one_by_one() -> None:
    """The root stays the root."""
    assert safe_folder("smith: wedding/day 1") == "smith_ wedding/day 1"
    assert safe_folder("") == ""
