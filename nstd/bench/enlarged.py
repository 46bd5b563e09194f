"""A photograph of any size, made of the one that there is."""

import io

from PIL import Image, ImageOps

from nstd.pictures.opening import opened

JPEG_QUALITY = 90


def enlarged(photograph: bytes, *, width: int, height: int) -> bytes:
    """Return a photograph's middle, scaled to width × height, as a JPEG."""
    with opened(io.BytesIO(photograph)) as picture:
        sized = ImageOps.fit(picture.convert("RGB"), (width, height), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    sized.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
