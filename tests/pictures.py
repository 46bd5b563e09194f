"""Pictures for tests, drawn here: small, different from each other, of any format."""

import io
from pathlib import Path

from PIL import Image, ImageDraw


def draw(*, width: int = 64, height: int = 48, seed: int = 0) -> Image.Image:
    """Draw a gradient with a disc; another seed gives other colours."""
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    disc = ImageDraw.Draw(picture)
    color = ((seed * 67 + 200) % 256, (seed * 131 + 80) % 256, (seed * 29 + 30) % 256)
    disc.ellipse((width // 4, height // 4, 3 * width // 4, 3 * height // 4), fill=color)
    return picture


def picture_bytes(
    *, format: str = "JPEG", seed: int = 0, width: int = 64, height: int = 48
) -> bytes:
    """Return an encoded picture."""
    out = io.BytesIO()
    draw(width=width, height=height, seed=seed).save(out, format=format)
    return out.getvalue()


def put_picture(path: Path, *, seed: int = 0, width: int = 64, height: int = 48) -> Path:
    """Write a picture whose format its suffix tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(width=width, height=height, seed=seed).save(path)
    return path
