"""The log: JSON lines for machines, words for a terminal."""

import logging
import sys
from typing import Literal

import structlog


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
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
