"""config.yaml, its defaults, and what is said when it is wrong."""

from pathlib import Path

import pytest
import yaml
from config_table import config_table

from nstd.config import Settings, find_config, find_weights_folder, load_config
from nstd.config_groups import Limits
from nstd.config_text import HEADINGS, config_text
from nstd.errors import ConfigError

ROOT = Path(__file__).parent.parent


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return path


def test_the_shipped_configuration_is_generated_from_the_settings() -> None:
    """`make pages` writes it: every key with its default and its description."""
    assert (ROOT / "config.yaml").read_text() == config_text()


def test_the_generated_configuration_is_the_defaults(tmp_path: Path) -> None:
    """It says every key, and loading it changes nothing."""
    text = config_text()
    said = yaml.safe_load(text)

    assert load_config(config(tmp_path, text)).settings == Settings()
    assert said.keys() == Settings.model_fields.keys()
    assert said["limits"].keys() == Limits.model_fields.keys()


def test_every_heading_of_the_configuration_stands_above_a_key() -> None:
    """One whose key is gone would vanish unseen."""
    assert all(f"\n\n# {words}\n" in config_text() for words in HEADINGS.values())


def test_the_pages_table_is_generated_from_the_settings() -> None:
    """A key is described once, in the code."""
    assert config_table() in (ROOT / "docs/configuration.md").read_text()


def test_a_mode_is_octal_digits(tmp_path: Path) -> None:
    """With the leading zero or without."""
    for text in ("'0664'", "'640'"):
        path = config(tmp_path, f"result_mode: {text}\nresult_group: studio\n")
        settings = load_config(path).settings
        assert (settings.result_mode, settings.result_group) == (text.strip("'"), "studio")


def test_folders_are_beside_the_file(tmp_path: Path) -> None:
    """Relative names do not depend on where the daemon was started."""
    loaded = load_config(config(tmp_path, "inbox: in\nwork: /var/lib/nstd\n"))

    assert loaded.inbox == tmp_path / "in"
    assert loaded.work == Path("/var/lib/nstd")
    assert loaded.weights == Path("/var/lib/nstd/weights")
    assert load_config(config(tmp_path, "weights: nets\n")).weights == tmp_path / "nets"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("setle_s: 3", "setle_s: unknown key"),
        ("settle_s: -3", "settle_s: found -3; it should be greater than or equal to 0"),
        ("settle_s: soon", "settle_s: found 'soon'; a number is expected"),
        ("recipe: studoi", "recipe: found 'studoi'; allowed are"),
        ("outbox: inbox/results", "outbox"),
        ("outbox: inbox", "lies inside"),
        ("weights: inbox/nets", "weights"),
        ("limits: {picture_px: 0}", "limits.picture_px: found 0"),
        ("result_mode: 0664", "result_mode: found the number 436; a mode needs quotes"),
        ("result_mode: '0464'", "result_mode: found '0464'; octal digits are expected"),
        ("result_mode: '0775'", "and nobody execute"),
        ("result_mode: rw-rw-r--", "result_mode: found 'rw-rw-r--'; octal"),
        ("result_group: 100", "result_group: found 100; text is expected"),
        ("metrics_port: 70000", "metrics_port: found 70000; it should be less than or equal to"),
        ("metrics_address: everybody", "metrics_address: 'everybody' does not appear to be an IP"),
        ("originals: burn", "'move', 'keep' or 'delete' is expected"),
    ],
)
def test_a_wrong_configuration_is_named_and_exits_with_78(
    tmp_path: Path, text: str, words: str
) -> None:
    """The file, the key, what was found and what is allowed; an outbox in the inbox is refused."""
    with pytest.raises(ConfigError) as caught:
        load_config(config(tmp_path, text))

    assert words in str(caught.value)
    assert str(tmp_path / "config.yaml") in str(caught.value)
    assert caught.value.exit_code == 78


def test_the_configuration_is_looked_for_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one named, the environment's, the folder's."""
    here, named, other = (tmp_path / name for name in ("config.yaml", "a.yaml", "b.yaml"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NSTD_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="--config FILE"):
        find_config(None)
    for path in (here, named, other):
        path.write_text("")
    assert find_config(None) == Path("config.yaml")
    monkeypatch.setenv("NSTD_CONFIG", str(other))
    assert find_config(None) == other
    assert find_config(str(named)) == named
    with pytest.raises(ConfigError, match=r"nothere\.yaml does not exist"):
        find_config("nothere.yaml")


def test_the_weights_folder_needs_no_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the user's own where there is none, and else the configuration's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NSTD_CONFIG", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert find_weights_folder(None) == tmp_path / "data/nstd/weights"
    config(tmp_path, "work: state\n")
    assert find_weights_folder(None) == tmp_path / "state/weights"
    with pytest.raises(ConfigError, match="does not exist"):
        find_weights_folder("nothere.yaml")
