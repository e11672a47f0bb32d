"""One line per event on standard error: logfmt for people and journald, JSON on request; secrets never pass.

Where the journal reads standard error, lines begin with their severity as sd-daemon(3) has it and say no time: the
journal keeps both as fields of its own.
"""

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec
import structlog

from common import tokens

Format = Literal["logfmt", "json"]
Level = Literal["debug", "info", "warning", "error"]

_HIDDEN = "[hidden]"
_LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_PLAIN = re.compile(r"[!#-<>-\[\]-~]*")  # printable ASCII without blank, ", = and backslash
_SEVERITIES = {"debug": "<7>", "info": "<6>", "warning": "<4>", "error": "<3>", "critical": "<2>"}
_in_use: dict[str, Format] = {"form": "logfmt"}
_journal: dict[str, bool] = {"reads": False}
_SECRET_KEY = re.compile(r"password|passwd|secret|authorization|cookie|private_key|api_key|token$", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    "|".join(rf"{kind.prefix}[0-9A-Za-z]{{8}}(?=[0-9A-Za-z])[0-9A-Za-z]+" for kind in tokens.KINDS)
    + r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)


class Lines:
    """Lines of one event that comes so often that the way of all others is too long for it.

    They look as any other line and end in the same place; secrets are looked for in values that are texts.
    """

    def __init__(self, name: str, event: str) -> None:
        self._name = name
        self._event = event

    def write(self, level: Level, fields: Mapping[str, str | int | float]) -> None:
        root = logging.getLogger()
        number = _LEVELS[level]
        if not root.isEnabledFor(number):
            return
        said = {} if _journal["reads"] else {"timestamp": _now()}
        head = {**said, "level": level, "logger": self._name, "event": self._event}
        line = severity(level) + _render({**head, **_hidden(fields)})
        for handler in root.handlers:
            if isinstance(handler, logging.StreamHandler) and number >= handler.level:
                with handler.lock or nullcontext():
                    handler.stream.write(line)
                    handler.flush()


def configure(*, level: Level = "info", form: Format = "logfmt", stream: TextIO | None = None) -> None:
    """Set up logging of the process; standard-library loggers come out in the same form."""
    target = stream or sys.stderr
    _journal["reads"] = read_by_journal(target)
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
    _in_use["form"] = form
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def read_by_journal(stream: TextIO) -> bool:
    """Whether this is the stream that the service manager connected with the journal."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def last_words(program: str, message: str) -> None:
    """Why a program ends, on standard error, also before logging is set up."""
    mark = _SEVERITIES["error"] if read_by_journal(sys.stderr) else ""
    sys.stderr.write(f"{mark}{program}: {message}\n")


def severity(level: str) -> str:
    """What a line of this level begins with, "" where the journal does not read it."""
    return _SEVERITIES[level] if _journal["reads"] else ""


def get(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def hide_secrets(text: str) -> str:
    """Replace whatever looks like one of our secrets, a JWT or a password in a URL."""
    return _SECRET_TEXT.sub(_HIDDEN, text)


def _hidden(fields: Mapping[str, str | int | float]) -> Mapping[str, str | int | float]:
    """As `hide_secrets` of each text; all are looked through in one go, as hardly ever there is one."""
    if not _SECRET_TEXT.search("\n".join([value for value in fields.values() if isinstance(value, str)])):
        return fields
    return {key: hide_secrets(value) if isinstance(value, str) else value for key, value in fields.items()}


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _render(fields: Mapping[str, str | int | float]) -> str:
    if _in_use["form"] == "json":
        return msgspec.json.encode(fields).decode() + "\n"
    return " ".join([f"{key}={_logfmt(value)}" for key, value in fields.items()]) + "\n"


def _logfmt(given: str | float) -> str:
    value = str(given)
    if not isinstance(given, str) or _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", " | ")
    return f'"{"".join(each if each.isprintable() else "?" for each in escaped)}"'


def _processors(form: Format) -> list[structlog.typing.Processor]:
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
        _redact,
    ]
    if not _journal["reads"]:
        chain.insert(0, structlog.processors.TimeStamper(fmt="iso", utc=True))
    if form == "logfmt":
        chain.append(_one_line)
    return chain


def _renderer(form: Format) -> structlog.typing.Processor:
    render = _form(form)
    if not _journal["reads"]:
        return render

    def with_severity(logger: object, method: str, event: MutableMapping[str, object]) -> str:
        return f"{severity(str(event['level']))}{render(logger, method, event)!s}"

    return with_severity


def _form(form: Format) -> structlog.typing.Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    head = ["level", "logger", "event"] if _journal["reads"] else ["timestamp", "level", "logger", "event"]
    return structlog.processors.LogfmtRenderer(key_order=head, bool_as_flag=False)


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
