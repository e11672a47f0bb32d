"""What people read: subject and text of a mail, from what a rule tells. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAX_LINES = 100
_MAX_SUBJECT = 150


def mail(body: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and text of a message of the outbox; every type can be read, the ones that rules make read best."""
    data = body["data"]
    if body["event"] != "notification":
        return _one_line(f"Fieldpost: {body['event']}"), f"{data.get('message', body['event'])}\n"
    alerts: Sequence[Mapping[str, Any]] = data["alerts"]
    lines = [*_lines(alerts[:MAX_LINES])]
    if data["count"] > len(lines):
        lines.append(f"… and {data['count'] - len(lines)} more")
    foot = f"Told by rule {data['rule']}, {body['timestamp']}."
    return _subject(data, alerts), "\n".join([*lines, "", foot, ""])


def _subject(data: Mapping[str, Any], alerts: Sequence[Mapping[str, Any]]) -> str:
    open_ones = [alert for alert in alerts if "resolved_at" not in alert]
    mark = {"escalation": "[Fieldpost] Not acknowledged: ", "digest": "[Fieldpost] Summary: "}
    begin = mark.get(data["reason"], "[Fieldpost] Still open: " if data["again"] == data["count"] else "[Fieldpost] ")
    if data["count"] == 1:
        state = alerts[0]["severity"] if open_ones else "resolved"
        return _one_line(f"{begin}{state}: {_about(alerts[0])}")
    critical = sum(alert["severity"] == "critical" for alert in open_ones)
    over = len(alerts) - len(open_ones)
    counts = ((critical, "critical"), (len(open_ones) - critical, "warning"), (over, "resolved"))
    return _one_line(begin + ", ".join(f"{number} {name}" for number, name in counts if number))


def _lines(alerts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for alert in alerts:
        until = f" to {alert['resolved_at']}" if "resolved_at" in alert else ""
        state = "resolved" if until else alert["severity"]
        line = f"{state.upper():9} {_about(alert)}"
        measured = alert.get("metric_line") or _measured(alert)
        yield _clean(f"{line}: {measured} ({alert['triggered_at']}{until})" if measured else line)


def _about(alert: Mapping[str, Any]) -> str:
    place = alert.get("connection")
    return f"{place['name']}: {alert['title']}" if place else str(alert["title"])


def _measured(alert: Mapping[str, Any]) -> str:
    if alert.get("value") is None:
        return ""
    limit = "" if alert.get("threshold") is None else f", threshold {alert['threshold']:g}{alert['unit']}"
    return f"{alert['value']:g}{alert['unit']}{limit}"


def _one_line(text: str) -> str:
    """A subject is one line of bounded length: what a database calls itself must not become a header."""
    return _clean(text)[:_MAX_SUBJECT]


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
