"""The style library."""

from pathlib import Path

from pictures import put_picture

from nstd.spool.styles import list_styles


def test_a_picture_is_a_style_and_so_is_a_folder_of_pictures(tmp_path: Path) -> None:
    """Named by the file's stem or the folder; a folder without pictures is none."""
    put_picture(tmp_path / "starry-night.jpg")
    put_picture(tmp_path / "monet" / "b.png")
    put_picture(tmp_path / "monet" / "a.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden.jpg").write_text("x")
    (tmp_path / "starry-night.yaml").write_text("strength: 2\n")
    styles = list_styles(tmp_path)

    assert sorted(styles) == ["monet", "starry-night"]
    assert [path.name for path in styles["monet"].pictures] == ["a.jpg", "b.png"]
    assert styles["starry-night"].defaults == tmp_path / "starry-night.yaml"


def test_an_absent_library_is_empty(tmp_path: Path) -> None:
    """No folder, no styles, no error."""
    assert list_styles(tmp_path / "none") == {}
