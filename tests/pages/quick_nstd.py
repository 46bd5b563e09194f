"""`nstd` as the pages' shell finds it: the real one, but a studio that it lays out is a quick one.

Waits are short, and each style's defaults ask for three steps at 64 pixels: what is tried is that
the words of a page do what it says, not the painting.
"""

import re
import sys
from pathlib import Path

from nstd.cli import main

QUICK = {
    "devices": "[cpu]",
    "threads": "1",
    "scan_interval_s": "0.2",
    "settle_s": "0.2",
    "pair_wait_s": "0.5",
    "min_free_bytes": "0",
}
DEFAULTS = "size: 64\noverrides: {steps: 3, pyramid: null, refine: null}\n"


def make_quick(studio: Path) -> None:
    """Shorten what a studio takes to paint."""
    config = studio / "config.yaml"
    text = config.read_text()
    for key, value in QUICK.items():
        text = re.sub(rf"^{key}: \S+", f"{key}: {value}", text, flags=re.MULTILINE)
    config.write_text(text)
    styles = studio / "inbox" / "styles"
    for picture in sorted(styles.glob("*.jpg")):
        picture.with_suffix(".yaml").write_text(DEFAULTS)


if __name__ == "__main__":
    code = main()
    if code == 0 and sys.argv[1] == "init":
        make_quick(next(Path(word) for word in sys.argv[2:] if not word.startswith("-")))
    sys.exit(code)
