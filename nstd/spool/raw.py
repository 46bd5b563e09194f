"""Raw files of cameras, which are not developed here: their names, and what their owners are told.

Beside a picture of their name they are left alone, as the sidecar files of editors are.
"""

from collections.abc import Collection

from nstd.printable import listed, shown

RAW_SUFFIXES = frozenset(
    {
        ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq",
        ".k25", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw",
        ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
    }
)  # fmt: skip
SIDECAR_SUFFIX = ".xmp"
LONE_RAW = "a camera's raw file, of which nothing is painted: export it as a JPEG or TIFF"


def orders_raw(name: str, stem: str) -> str:
    """Say what to do with a raw file that has a manifest."""
    return (
        f"{shown(name)} is a camera's raw file, which is not developed here. Export it as a JPEG "
        f"or TIFF named {shown(stem)}.jpg or {shown(stem)}.tif, and drop that with its manifest. "
        "The raw file may lie beside it: it is left alone then."
    )


def names_raw(names: Collection[str]) -> str:
    """Say what to do with a batch that lists raw files."""
    return (
        f"It lists raw files of cameras, which are not developed here: {listed(names)}. "
        "Export them as JPEG or TIFF and list those."
    )


def left_alone(count: int) -> str:
    """Say what is done with raw files whose pictures are, or were, here: nothing."""
    if count == 1:
        return "a raw file, which lies beside a picture of its name, is left alone"
    return f"{count:,} raw files, which lie beside pictures of their names, are left alone"
