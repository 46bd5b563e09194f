"""The picture formats that are read and written: vocabulary shared by the spool and the worker."""

from typing import Literal

PictureFormat = Literal["jpeg", "png", "tiff", "webp"]
Subsampling = Literal[444, 422, 420]  # of a JPEG: how much of its colours, 4:4:4 is all

FORMAT_OF_SUFFIX: dict[str, PictureFormat] = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "webp",
}
SUFFIX_OF_FORMAT: dict[PictureFormat, str] = {
    "jpeg": ".jpg",
    "png": ".png",
    "tiff": ".tif",
    "webp": ".webp",
}
# Of what is read and never written: a result of it is a JPEG unless another format is asked for.
READ_ONLY_SUFFIXES = frozenset({".avif", ".heic", ".heif"})
PICTURE_SUFFIXES = READ_ONLY_SUFFIXES.union(FORMAT_OF_SUFFIX)
LONGEST_SIDE_PX: dict[PictureFormat, int] = {"jpeg": 65_500, "webp": 16_383}
DECODERS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF")  # Pillow's names
HEIF_DECODER = "HEIF"  # pillow-heif's


def result_format(suffix: str) -> PictureFormat:
    """Return the format of a result that shall have its photograph's (`output.format: same`)."""
    return FORMAT_OF_SUFFIX.get(suffix, "jpeg")
