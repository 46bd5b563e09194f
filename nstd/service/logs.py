"""The log: JSON lines for machines, words for a terminal."""

import logging
import sys
from typing import Literal

import structlog

from nstd.printable import printable


def set_up_logging(form: Literal["auto", "json", "console"]) -> None:
    """Configure structlog once, for this process."""
    terminal = sys.stderr.isatty()
    renderer: structlog.types.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    clock = structlog.processors.TimeStamper(fmt="iso", utc=True)
    if form == "console" or (form == "auto" and terminal):
        renderer = structlog.dev.ConsoleRenderer(colors=terminal)
        clock = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            clock,
            structlog.processors.format_exc_info,
            without_acting_characters,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def without_acting_characters(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Escape what strangers' names and sentences hold: one event is one line, and obeys nobody.

    A traceback keeps its lines, which JSON writes as one.
    """
    return {
        key: printable(value, keep="\n" if key == "exception" else "")
        if isinstance(value, str)
        else value
        for key, value in event.items()
    }
