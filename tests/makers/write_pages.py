"""Write what is generated from the settings: config.yaml, and the table of docs/configuration.md.

Run as ``python tests/makers/write_pages.py``, or `make pages`.
"""

import re
import sys
from pathlib import Path

from nstd.config_text import config_text

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from config_table import config_table  # noqa: E402

page = ROOT / "docs" / "configuration.md"
table = re.compile(r"^\| key \|.*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
text, count = table.subn(lambda _: config_table() + "\n", page.read_text())
if count != 1:
    sys.exit(f"{page} has {count} tables of keys; one is expected")
page.write_text(text.rstrip() + "\n")
(ROOT / "config.yaml").write_text(config_text())
