"""Logs are events with facts as fields, on stderr: JSON for machines, or a line for eyes."""

import logging
import sys
from typing import Literal, TextIO, cast

import structlog


class _Stderr:
    """Whatever `sys.stderr` is at that moment: a progress bar takes its place while it is drawn."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(log_format: Literal["json", "console"], level: str) -> None:
    """For the whole process; `level` is a name that `logging` knows, in lower case."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Stderr())),
    )
