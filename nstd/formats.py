"""The picture formats that are read and written: vocabulary shared by the spool and the worker."""

from typing import Literal

PictureFormat = Literal["jpeg", "png", "tiff", "webp"]

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
PICTURE_SUFFIXES = frozenset(FORMAT_OF_SUFFIX)
LONGEST_SIDE_PX: dict[PictureFormat, int] = {"jpeg": 65_500, "webp": 16_383}
DECODERS = ("JPEG", "PNG", "TIFF", "WEBP")  # Pillow's names
