"""The log, where names from strangers arrive."""

import io
import json

import pytest
import structlog

from nstd.service.logs import set_up_logging

HOSTILE = "a\nb \x1b[2J \u202egpj.exe"


@pytest.fixture(autouse=True)
def forget_configuration():
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_name_from_a_stranger_is_one_harmless_line(form: str, monkeypatch) -> None:
    """It forges no second line, moves no cursor and turns no writing around."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    set_up_logging(form)
    structlog.get_logger().warning("refused", title=HOSTILE)
    text = stream.getvalue()

    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert not {"\x1b", "\u202e"} & set(text)
    title = json.loads(text)["title"] if form == "json" else text.replace("\\\\", "\\")
    assert r"a\nb \x1b[2J \u202egpj.exe" in title


def test_a_traceback_keeps_its_lines(monkeypatch) -> None:
    """In JSON they are one line of the log all the same."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    set_up_logging("json")
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        structlog.get_logger().exception("broken")
    trace = json.loads(stream.getvalue())["exception"]

    assert "Traceback" in trace.splitlines()[0]
    assert "\x1b" not in trace
