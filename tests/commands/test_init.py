"""`nstd init`: a studio folder that works, and nothing written over."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from studio_folders import files_below

from nstd.commands.studio_folder import SHIPPED_STYLES, lay_out, studio_files
from nstd.config import Settings, load_config
from nstd.errors import ConfigError
from nstd.spool.check import check_manifest
from nstd.spool.styles import list_styles

ROOT = Path(__file__).parents[2]


def init(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nstd", "init", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_a_studio_is_laid_out_and_says_what_comes_next(tmp_path: Path) -> None:
    """A configuration that loads, styles, words for the photographer, and an outbox."""
    done = init("studios/first", cwd=tmp_path)
    studio = tmp_path / "studios/first"

    assert done.returncode == 0, done.stderr
    assert "cd studios/first\n" in done.stdout
    assert load_config(studio / "config.yaml").settings == Settings()
    assert load_config(studio / "config.yaml").inbox == studio / "inbox"
    assert set(list_styles(studio / "inbox/styles")) == {"flow-strokes", "ink-hatching", "mosaic"}
    assert "failed/" in (studio / "inbox/README.txt").read_text()
    assert (studio / "outbox").is_dir()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """What is there is named, and not even the rest is written."""
    (tmp_path / "inbox/styles").mkdir(parents=True)
    (tmp_path / "inbox/styles/mosaic.jpg").write_text("mine")
    (tmp_path / "config.yaml").symlink_to("nowhere")
    before = files_below(tmp_path)
    done = init(".", cwd=tmp_path)

    assert done.returncode == 64
    assert "has these already: config.yaml, inbox/styles/mosaic.jpg." in done.stderr
    assert files_below(tmp_path) == before


def test_a_folder_with_other_things_is_laid_out_too(tmp_path: Path) -> None:
    """An inbox that is a share already in use keeps its photographs."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox/IMG_1.jpg").write_text("mine")
    lay_out(tmp_path, studio_files(example=False))

    assert (tmp_path / "inbox/IMG_1.jpg").read_text() == "mine"
    assert (tmp_path / "config.yaml").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """With its name, not with a traceback."""
    (tmp_path / "file").write_text("")

    with pytest.raises(
        ConfigError, match=r"file/studio cannot be laid out: File exists \(.*/file\)"
    ):
        lay_out(tmp_path / "file/studio", {"config.yaml": b""})


def test_the_example_is_a_photograph_that_can_be_painted(tmp_path: Path) -> None:
    """And its manifest is good. (The README's commands paint it.)"""
    lay_out(tmp_path, studio_files(example=True))
    styles = list_styles(tmp_path / "inbox/styles")

    with Image.open(tmp_path / "inbox/example.jpg") as picture:
        assert min(picture.size) > 256
    assert check_manifest(tmp_path / "inbox/example.yaml", styles, default_recipe="studio") is None


def test_every_line_of_the_example_manifest_can_be_used(tmp_path: Path) -> None:
    """As it stands, and with the `#` taken away from any of its lines."""
    lay_out(tmp_path, studio_files(example=False))
    styles = list_styles(tmp_path / "inbox/styles")
    text = (tmp_path / "inbox/example-manifest.txt").read_text()
    plain = re.sub(r"^style: .*\n", "", text, flags=re.MULTILINE)
    offered = re.findall(r"^# (\w+: .*)$", text, re.MULTILINE)
    manifests = [text] + [
        f"{plain if line.startswith('style:') else text}\n{line}\n" for line in offered
    ]

    assert len(offered) >= 6
    for manifest in manifests:
        (tmp_path / "copy.yaml").write_text(manifest)
        assert check_manifest(tmp_path / "copy.yaml", styles, default_recipe="studio") is None


def test_the_package_carries_the_styles_of_the_repository() -> None:
    """They are the same files, by a link."""
    assert all((ROOT / "inbox/styles" / name).is_file() for name in SHIPPED_STYLES)
    assert (ROOT / "nstd/data/styles").resolve() == ROOT / "inbox/styles"


def test_init_loads_no_torch(tmp_path: Path) -> None:
    """Nor a decoder: it answers at once."""
    words = (
        "import sys; from nstd.cli import main; main(['init', 'studio']);"
        "sys.exit(bool({'torch', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", words], cwd=tmp_path, check=False)

    assert done.returncode == 0
