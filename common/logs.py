"""One line per event on standard error: logfmt for people and journald, JSON on request; secrets never pass."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Literal, TextIO

import structlog

from common import tokens

Format = Literal["logfmt", "json"]
Level = Literal["debug", "info", "warning", "error"]

_HIDDEN = "[hidden]"
_SECRET_KEY = re.compile(r"password|passwd|secret|authorization|cookie|private_key|api_key|token$", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    "|".join(rf"{kind.prefix}[0-9A-Za-z]{{8}}(?=[0-9A-Za-z])[0-9A-Za-z]+" for kind in tokens.KINDS)
    + r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)


def configure(*, level: Level = "info", form: Format = "logfmt", stream: TextIO | None = None) -> None:
    """Set up logging of the process; standard-library loggers come out in the same form."""
    target = stream or sys.stderr
    shared = _processors(form)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(form)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def get(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def hide_secrets(text: str) -> str:
    """Replace whatever looks like one of our secrets, a JWT or a password in a URL."""
    return _SECRET_TEXT.sub(_HIDDEN, text)


def _processors(form: Format) -> list[structlog.typing.Processor]:
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    if form == "logfmt":
        chain.append(_one_line)
    return chain


def _renderer(form: Format) -> structlog.typing.Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False)


def _redact(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    for key, value in event.items():
        if _SECRET_KEY.search(key):
            event[key] = _HIDDEN
        elif isinstance(value, str):
            event[key] = hide_secrets(value)
    return event


def _one_line(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    for key, value in event.items():
        if isinstance(value, str) and ("\n" in value or "\r" in value):
            event[key] = value.replace("\r", "").replace("\n", " | ")
    return event
