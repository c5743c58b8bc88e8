"""Structured logs: one event a line, on stderr; what looks like a secret never gets there."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_FIELD = re.compile(
    r"(password|secret|token|api_key|authorization|cookie|pepper|signature|private|mnemonic)", re.IGNORECASE
)
_SECRET_TEXT = re.compile(r"(moltmotionpictures_|moltsession_)[0-9A-Za-z]{8}[0-9A-Za-z]*|://[^/\s:@]+:[^/\s@]+@")
_SAFE_FIELDS = frozenset({"token_type"})


def configure(*, level: str, form: str) -> None:
    """For the whole process, standard library loggers included."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Any = structlog.dev.ConsoleRenderer() if form == "console" else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for quiet in ("uvicorn.access", "httpx", "httpcore", "apscheduler", "procrastinate"):
        logging.getLogger(quiet).setLevel(logging.WARNING)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Fields with a secret's name, and keys, sessions and URL passwords inside any text."""
    return {name: _shown(name, value) for name, value in event.items()}


def _shown(name: str, value: Any) -> Any:
    if name not in _SAFE_FIELDS and _SECRET_FIELD.search(name):
        return "[redacted]"
    if isinstance(value, str):
        return _SECRET_TEXT.sub(lambda found: f"{found[1] or '://'}[redacted]", value)
    if isinstance(value, dict):
        return {key: _shown(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(name, inner) for inner in value]
    return value
