"""Runs in a child process of its own: opens one picture, decodes it to its end, and says why not.

What it looks at is hostile, so this process is limited before it looks, can write nothing, and is
believed in nothing but its exit code, the picture's size and a sentence.
"""

import json
import math
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from nstd.pictures.opening import HEAD_BYTES, heif_is_installed, is_heif, opened
from nstd.pictures.tiff_kinds import kind_in_words
from nstd.spool.decode import DECODED, REFUSED, UNFINISHED, DecodeLimits

if TYPE_CHECKING:
    from PIL import Image

READABLE = "JPEG, PNG, TIFF, WebP and AVIF can be read"

# What photographers have, by its first bytes, and at which of them.
FOREIGN_KINDS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "an EPS or PostScript drawing"),
    (0, b"\xc5\xd0\xd3\xc6", "an EPS drawing"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a Windows bitmap"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an SVG drawing or another XML text"),
    (0, b"<!", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"FUJIFILMCCD-RAW", "a raw file of a Fujifilm camera"),
    (8, b"CR\x02\x00", "a raw file of a Canon camera"),
    (4, b"ftypcrx ", "a raw file of a Canon camera"),
    (4, b"ftypqt", "a film"),
    (4, b"ftypmp4", "a film"),
    (4, b"ftypisom", "a film"),
    (4, b"jP  ", "a JPEG 2000 picture"),
    (4, b"JXL ", "a JPEG XL picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
)

TIFF_NEW_SUBFILE_TYPE, TIFF_DNG_VERSION = 254, 50706
TIFF_PREVIEW_OR_MASK = 1 | 4
MOST_PAGES_LOOKED_AT = 64
UNREAD_MODES = ("I", "F")  # Pillow's names for numbers with a sign, fractions, and 32 bits


class RefusedError(Exception):
    """The picture will never do; the message is the rest of a sentence that its name begins."""


class UnfinishedError(Exception):
    """The picture does not decode: damaged, or still on its way."""


def examine(path: Path, limits: DecodeLimits) -> tuple[int, int]:
    """Decode a picture to its end and return its width and height in pixels.

    Raises:
        RefusedError: as it says.
        UnfinishedError: as it says.
    """
    with path.open("rb") as file:
        _refuse_foreign(file.read(HEAD_BYTES))
    try:
        with opened(path) as picture:
            width, height = picture.size
            if width * height > limits.pixels:
                raise RefusedError(
                    f"has {width} × {height} pixels; "
                    f"at most {limits.pixels / 1e6:g} megapixels are allowed. Export it smaller."
                )
            _refuse_more_than_one(picture)
            if picture.mode in UNREAD_MODES:
                raise _refused_tiff(kind_in_words(path) or "32 bits a channel")
            _decode(path, picture)
    except RefusedError:
        raise
    except (MemoryError, ImportError) as error:  # a library for which there was no room, too
        mebibytes = limits.memory_bytes >> 20
        raise RefusedError(
            f"needs more than {mebibytes} MiB of memory to decode, which is what is allowed."
        ) from error
    # Decoders stumble over damage in every way there is; this process does nothing but stumble.
    except Exception as error:
        raise _judged(error, path) from error
    return width, height


def _decode(path: Path, picture: "Image.Image") -> None:
    """Decode as the worker will: with another library than Pillow, and a profile, where it does."""
    profile = picture.info.get("icc_profile")
    if not profile and picture.format in ("JPEG", "MPO", "WEBP"):
        picture.load()
        return
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each would take its share of the address space
    from nstd.pictures.beyond_pillow import is_beyond_pillow, samples_beyond_pillow
    from nstd.pictures.color_space import usable
    from nstd.pictures.heif import HEIF_FORMATS, colors_of
    from nstd.pictures.samples import model_of

    data = path.read_bytes()
    if picture.format in HEIF_FORMATS and not profile and (curve := colors_of(data).hdr):
        raise RefusedError(
            f"is an HDR picture ({curve}), for screens that are brighter than white; pictures for "
            "ordinary screens can be painted. Export it as a JPEG or as a TIFF."
        )
    if is_beyond_pillow(picture, data):
        model = samples_beyond_pillow(picture, data).model
    else:
        picture.load()
        model = model_of(picture)
    usable(model, profile)


def _refuse_foreign(head: bytes) -> None:
    if not head:
        raise UnfinishedError("is empty: it has 0 bytes.")
    if len(head) == HEAD_BYTES and not any(head):
        raise UnfinishedError("holds nothing but zeros where a picture begins. Copy it again.")
    for at, magic, kind in FOREIGN_KINDS:
        if head[at:].lower().startswith(magic.lower()):
            raise RefusedError(
                f"is {kind}, whatever its name says; {READABLE}. Export it as one of these."
            )
    if is_heif(head) and not heif_is_installed():
        raise RefusedError(
            "is a HEIC picture, as telephones make them; nstd can read it once its extra is there: "
            "pip install 'nstd[heif]'. Or export it as a JPEG."
        )


def _refuse_more_than_one(picture: "Image.Image") -> None:
    """Refuse an animation, pages, or a preview: which picture is meant is not ours to guess.

    A JPEG with further pictures behind it (MPO) is one photograph: telephones keep depth there.
    """
    if picture.format in ("PNG", "WEBP", "AVIF") and getattr(picture, "is_animated", False):
        frames = getattr(picture, "n_frames", 0)
        raise RefusedError(f"is an animation of {frames} frames; a single picture is expected.")
    if picture.format != "TIFF":
        return
    tags = getattr(picture, "tag_v2", {})
    if TIFF_DNG_VERSION in tags or _is_preview(picture):
        raise RefusedError(
            "holds only a small preview as a picture, as raw files do. Export it as a TIFF or JPEG."
        )
    try:
        for page in range(1, MOST_PAGES_LOOKED_AT):
            picture.seek(page)
            if not _is_preview(picture):
                raise RefusedError(
                    "has several pages; a single picture is expected. Save each page as a file."
                )
    except EOFError:
        picture.seek(0)
        return
    raise RefusedError(f"has more than {MOST_PAGES_LOOKED_AT} pages; a single picture is expected.")


def _is_preview(picture: "Image.Image") -> bool:
    """Tell whether the current page of a TIFF is a smaller copy or a mask of another."""
    kind = getattr(picture, "tag_v2", {}).get(TIFF_NEW_SUBFILE_TYPE, 0)
    return isinstance(kind, int) and bool(kind & TIFF_PREVIEW_OR_MASK)


def _refused_tiff(kind: str) -> RefusedError:
    return RefusedError(
        f"is a TIFF of a kind that cannot be read: {kind}. Save it as RGB, grey, CMYK or Lab with "
        "8 or 16 bits a channel, not compressed or with LZW or ZIP."
    )


def _judged(error: Exception, path: Path) -> RefusedError | UnfinishedError:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        if kind := kind_in_words(path):
            return _refused_tiff(kind)
        return UnfinishedError(f"is not a picture that can be read; {READABLE}.")
    words = " ".join(str(error).split()) or type(error).__name__
    if "MAX_TEXT" in words:
        return RefusedError(
            "carries more text than pictures do (captions and the like unpack to many megabytes). "
            "Save it again without metadata."
        )
    return UnfinishedError(f"is damaged or not complete ({words[:200]}). Copy or export it again.")


def limit_this_process(limits: DecodeLimits) -> None:
    """Take from this process what it does not need, for good (setrlimit(2))."""
    amounts = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: math.ceil(limits.seconds),
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for kind, amount in amounts.items():
        _, most = resource.getrlimit(kind)
        allowed = amount if most == resource.RLIM_INFINITY else min(amount, most)
        resource.setrlimit(kind, (allowed, allowed))


def main(limits_text: str, path: str = "") -> int:
    """Examine a picture; print its size or the words. Without a path: tell that it could."""
    limits = DecodeLimits(**json.loads(limits_text))
    limit_this_process(limits)
    warnings.simplefilter("ignore")
    if not path:
        return DECODED
    try:
        width, height = examine(Path(path), limits)
    except RefusedError as refused:
        print(refused)
        return REFUSED
    except UnfinishedError as unfinished:
        print(unfinished)
        return UNFINISHED
    print(width, height)
    return DECODED


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
