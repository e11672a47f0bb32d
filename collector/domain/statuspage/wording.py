"""Pure: what subscribers are told, in plain words and in a little HTML; times are UTC."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple

import msgspec

from collector.domain.statuspage.rules import PublicIncident, PublicWindow

_SUBJECT = 160

STATUS = {
    "operational": "operational",
    "under_maintenance": "under maintenance",
    "degraded_performance": "degraded performance",
    "partial_outage": "partial outage",
    "major_outage": "major outage",
}
_OF_WINDOW = {
    "scheduled": "Maintenance scheduled",
    "active": "Maintenance started",
    "completed": "Maintenance completed",
    "cancelled": "Maintenance cancelled",
}


class News(msgspec.Struct, frozen=True):
    """What is told of an incident or a window, as everybody could read it then. `lines`: name and value."""

    event: str
    item: str
    headline: str
    title: str
    lines: list[tuple[str, str]]
    text: str


class Mail(NamedTuple):
    """A mail without its envelope."""

    subject: str
    text: str
    html: str


class Ways(NamedTuple):
    """Where a mail leads: one link to act on, where the page is, and how to get out."""

    act: str
    page: str
    out: str = ""


def news_of(item: PublicIncident | PublicWindow, *, first: bool) -> News:
    return _of_incident(item, first=first) if isinstance(item, PublicIncident) else _of_window(item)


def mail_of(news: News, page: str, ways: Ways) -> Mail:
    subject = _line(f"[{page}] {news.headline}: {news.title}")
    facts = "\n".join(f"{name}: {value}" for name, value in news.lines)
    text = "\n\n".join(part for part in (f"{news.headline}: {news.title}", news.text, facts, ways.act) if part)
    rows = "".join(f"<tr><th align=left>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in news.lines)
    html = (
        f"<h2>{escape(news.headline)}: {escape(news.title)}</h2>{_paragraphs(news.text)}<table>{rows}</table>"
        f'<p><a href="{escape(ways.act)}">{escape(page)}</a></p>'
    )
    return Mail(subject, f"{text}\n{_footer(page, ways)}", _document(html + _html_footer(page, ways)))


def question(page: str, ways: Ways) -> Mail:
    """Ask an address whether it wants to be written to."""
    why = f"Somebody, hopefully you, asked for mails about {page} to this address."
    how = "Open this link and press the button to confirm. It is good for 48 hours."
    ignore = "If it was not you, ignore this mail: without the button nothing more is sent."
    text = f"{why}\n\n{how}\n\n{ways.act}\n\n{ignore}\n"
    html = (
        f"<p>{escape(why)}</p><p>{escape(how)}</p>"
        f'<p><a href="{escape(ways.act)}">Confirm the subscription</a></p><p>{escape(ignore)}</p>'
    )
    return Mail(_line(f"[{page}] Please confirm your subscription"), text, _document(html))


def when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _of_incident(one: PublicIncident, *, first: bool) -> News:
    over = one.status == "resolved"
    event = "incident.resolved" if over else "incident.created" if first else "incident.updated"
    headline = "Resolved" if over else "Incident" if first else "Update"
    lines = [("Status", one.status), *_services(one), ("Since", when(one.started_at))]
    if one.resolved_at:
        lines.append(("Until", when(one.resolved_at)))
    said = one.updates[-1].message if one.updates else one.description
    return News(event, f"incidents/{one.id}", headline, one.title, lines, said)


def _of_window(one: PublicWindow) -> News:
    event = "maintenance.started" if one.status == "active" else f"maintenance.{one.status}"
    begin, end = one.actual_start or one.scheduled_start, one.actual_end or one.scheduled_end
    lines = [*_services(one), ("From", when(begin)), ("To", when(end))]
    return News(event, "maintenance", _OF_WINDOW[one.status], one.title, lines, one.description)


def _services(one: PublicIncident | PublicWindow) -> Sequence[tuple[str, str]]:
    named = [f"{found.name} ({STATUS[found.impact]})" if found.impact else found.name for found in one.services]
    return [("Services", ", ".join(named))] if named else []


def _footer(page: str, ways: Ways) -> str:
    return f"\n-- \nYou get this because you subscribed to {page}, {ways.page}\nUnsubscribe: {ways.out}\n"


def _html_footer(page: str, ways: Ways) -> str:
    link = f'<a href="{escape(ways.out)}">Unsubscribe</a>'
    return f"<hr><p><small>You get this because you subscribed to {escape(page)}. {link}</small></p>"


def _document(body: str) -> str:
    return f"<!doctype html><html lang=en><head><meta charset=utf-8></head><body>{body}</body></html>\n"


def _paragraphs(text: str) -> str:
    parts = [part for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    return "".join(f"<p>{escape(part)}</p>".replace("\n", "<br>") for part in parts)


def _line(text: str) -> str:
    """One line of a header, whatever people have written."""
    flat = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return flat if len(flat) <= _SUBJECT else f"{flat[: _SUBJECT - 1]}…"
