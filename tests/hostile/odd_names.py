"""Names that POSIX allows and nobody expects."""

from pathlib import Path

from hostile.case import GOOD_MANIFEST, GOOD_PICTURE, Case, End, named

BROKEN = GOOD_PICTURE[:-300]

TABLE: dict[str, tuple[str | bytes, End]] = {
    "newline": ("a\nb", "queued"),
    "escape": ("a\x1b[2Jb", "queued"),
    "bidi": ("photo\u202egpj", "queued"),
    "quotes": ('it\'s "it"; DROP TABLE jobs; --', "queued"),
    "format": ("%s%n{0}{job}", "queued"),
    "glob": ("IMG[1]*?", "queued"),
    "dash": ("-rf", "queued"),
    "spaces": (" two  spaces ", "queued"),
    "dots": ("a.b..c", "queued"),
    "windows-device": ("con", "queued"),
    "windows-signs": ('a:b<c>|"d"', "queued"),
    "backslash": ("up\\..\\etc", "queued"),
    "up-and-away": ("..\\..\\etc", "ignored"),
    "emoji": ("👩\u200d👧 Hochzeit", "queued"),
    "longest": ("n" * 251, "queued"),
    "longest-of-four-bytes": ("𝔫" * 62, "queued"),
    "hidden": (".IMG", "ignored"),
    "resource-fork": ("._IMG", "ignored"),
}


def composed_and_not(folder: Path) -> None:
    """A photograph from a Mac, its manifest from Windows."""
    (folder / "cafe\u0301.jpg").write_bytes(GOOD_PICTURE)
    (folder / "caf\u00e9.yaml").write_bytes(GOOD_MANIFEST)


def twins_to_the_eye(folder: Path) -> None:
    """Two files whose names look the same."""
    (folder / "cafe\u0301.jpg").write_bytes(GOOD_PICTURE)
    composed_and_not(folder)
    (folder / "caf\u00e9.jpg").write_bytes(GOOD_PICTURE)


def upper_case(folder: Path) -> None:
    (folder / "IMG.JPG").write_bytes(GOOD_PICTURE)
    (folder / "IMG.YAML").write_bytes(GOOD_MANIFEST)


def two_pictures(folder: Path) -> None:
    named("IMG")(folder)
    (folder / "IMG.png").write_bytes(GOOD_PICTURE)


def two_manifests(folder: Path) -> None:
    named("IMG")(folder)
    (folder / "IMG.yaml").write_bytes(GOOD_MANIFEST)


def members_from_a_mac(folder: Path) -> None:
    """The list is typed on Windows, the photograph comes from a Mac."""
    (folder / "cafe\u0301.jpg").write_bytes(GOOD_PICTURE)
    (folder / "all.yaml").write_text("style: waves\ncontent: [caf\u00e9.jpg]\n")


NAMES = (
    Case("name-members-from-a-mac", members_from_a_mac, "queued"),
    *(Case(f"name-{name}", named(stem), end) for name, (stem, end) in TABLE.items()),
    *(
        Case(f"name-{name}-broken", named(stem, picture=BROKEN), "failed", "damaged or not comp")
        for name, (stem, end) in TABLE.items()
        if end == "queued"
    ),
    Case("name-undecodable", named(b"caf\xe9"), "waiting", "not UTF-8, as an old program"),
    Case("name-undecodable-litter", named(b".caf\xe9"), "ignored"),
    Case("name-composed-and-not", composed_and_not, "queued"),
    Case("name-twins-to-the-eye", twins_to_the_eye, "failed", "stored in two ways"),
    Case("name-upper-case", upper_case, "queued"),
    Case("name-two-pictures", two_pictures, "failed", "IMG.jpg and IMG.png"),
    Case("name-two-manifests", two_manifests, "failed", "IMG.yaml and IMG.yml"),
)
