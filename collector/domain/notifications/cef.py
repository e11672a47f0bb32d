"""Alerts as SIEMs read them: a CEF body in an RFC 5424 line, framed for its transport. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

MAX_UDP = 2048
VENDOR = "Fieldpost"
VERSION = "1"

_FACILITY = 16  # local0
_SYSLOG_SEVERITY = {"critical": 2, "warning": 4}
_SYSLOG_NOTICE = 5
_CEF_SEVERITY = {"critical": 9, "warning": 6}
_CEF_LOW = 3
_MAX_HEADER_FIELD = 48


def line(body: Mapping[str, Any], *, host: str, at: datetime) -> str:
    """One RFC 5424 message without framing."""
    severity = _SYSLOG_SEVERITY.get(_severity(body), _SYSLOG_NOTICE)
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    head = f"<{_FACILITY * 8 + severity}>1 {stamp} {_word(host)} fieldpost - {_word(body['event'])} -"
    return f"{head} {cef(body)}"


def cef(body: Mapping[str, Any]) -> str:
    """`CEF:0|vendor|product|version|signature|name|severity|extension`."""
    data = body["data"]
    signature, name = str(data.get("metric", body["event"])), str(data.get("title", data.get("message", "")))
    severity = _CEF_SEVERITY.get(_severity(body), _CEF_LOW)
    head = (VENDOR, VENDOR, VERSION, signature, name, str(severity))
    extension = " ".join(f"{key}={escape_value(value)}" for key, value in _extension(body) if value)
    return "|".join(["CEF:0", *(escape_header(field) for field in head), extension])


def escape_header(text: str) -> str:
    return _flat(text).replace("\\", "\\\\").replace("|", "\\|")


def escape_value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return "".join(_printable(character) for character in escaped)


def datagram(text: str) -> bytes:
    """What fits into a datagram that every receiver takes; a character is never cut in two."""
    return text.encode()[:MAX_UDP].decode(errors="ignore").encode()


def frame(text: str) -> bytes:
    """Octet counting, as TLS (RFC 5425) demands and TCP (RFC 6587) understands."""
    content = text.encode()
    return f"{len(content)} ".encode() + content


def _extension(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    data = body["data"]
    place = data.get("connection") or {}
    return [
        ("act", str(body["event"]).rpartition(".")[2]),
        ("externalId", _text(data.get("alert_id"))),
        ("dhost", _text(place.get("host"))),
        ("cs1Label", "connection" if place else ""),
        ("cs1", _text(place.get("name"))),
        ("cs2Label", "value" if data.get("value") is not None else ""),
        ("cs2", _text(data.get("value"))),
        ("cs3Label", "threshold" if data.get("threshold") is not None else ""),
        ("cs3", _text(data.get("threshold"))),
        ("cs4Label", "unit" if data.get("unit") else ""),
        ("cs4", _text(data.get("unit"))),
        ("start", _millis(data.get("triggered_at"))),
        ("end", _millis(data.get("resolved_at"))),
        ("msg", _text(data.get("metric_line") or data.get("message"))),
    ]


def _severity(body: Mapping[str, Any]) -> str:
    return "resolved" if str(body["event"]).endswith("resolved") else str(body["data"].get("severity", ""))


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _millis(stamp: str | None) -> str:
    return "" if stamp is None else str(int(datetime.fromisoformat(stamp).timestamp() * 1000))


def _word(text: str) -> str:
    """A header field of RFC 5424: printable ASCII without blanks."""
    plain = "".join(character if "!" <= character <= "~" else "_" for character in text)
    return plain[:_MAX_HEADER_FIELD] or "-"


def _flat(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _printable(character: str) -> str:
    if character in "\n\r":
        return "\\n" if character == "\n" else "\\r"
    return character if character.isprintable() else " "
