"""Pure: the feed of a page, as RFC 4287 wants it; an entry is an incident or a window, and keeps its id for ever."""

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple
from uuid import UUID, uuid5
from xml.etree.ElementTree import Element, SubElement, tostring

from collector.api.public.auth import PAGES, PREFIX
from collector.domain.statuspage.rules import Page, PublicIncident, PublicWindow
from collector.domain.statuspage.wording import STATUS, when
from common.clock import iso

MEDIA_TYPE = "application/atom+xml; charset=utf-8"
NAMESPACE = "http://www.w3.org/2005/Atom"
MOST = 50
MOST_UPDATES = 20
"""Of one incident, the newest: where an entry leads has all of them."""

_UNFIT = re.compile(r"[^\t\n\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")  # as XML 1.0 says it

Item = PublicIncident | PublicWindow


class Ways(NamedTuple):
    """Where a feed leads: to itself, to the page, to its maintenance, and to an incident with `suffix` after its id."""

    feed: str
    page: str
    maintenance: str
    incidents: str
    suffix: str = ""


def ways(page: Page, url: str) -> Ways:
    """`url`: where the collector is reached; empty: links are relative to its host."""
    base = f"{url}{PAGES}/{page.slug}"
    return Ways(f"{url}{PREFIX}/{page.slug}/feed.atom", base, f"{base}/maintenance", f"{base}/incidents/")


IN_FOLDER = Ways("feed.atom", "index.html", "maintenance.html", "incidents/", ".html")


def feed(page: Page, items: Sequence[Item], to: Ways) -> bytes:
    """The newest first."""
    shown = sorted(items, key=lambda one: one.changed_at, reverse=True)[:MOST]
    root = Element("feed", {"xmlns": NAMESPACE, "xml:lang": "en"})
    _add(root, "id", f"urn:uuid:{page.feed_id}")
    _add(root, "title", page.title)
    if page.description:
        _add(root, "subtitle", page.description)
    _add(root, "updated", iso(max([page.updated_at, *(one.changed_at for one in shown)])))
    _add(SubElement(root, "author"), "name", page.title)
    _add(root, "generator", "Fieldpost")
    _link(root, "self", to.feed, "application/atom+xml")
    _link(root, "alternate", to.page, "text/html")
    for one in shown:
        _entry(root, page, one, to)
    body: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _entry(root: Element, page: Page, one: Item, to: Ways) -> None:
    kind = "incident" if isinstance(one, PublicIncident) else "maintenance"
    entry = SubElement(root, "entry")
    _add(entry, "id", f"urn:uuid:{uuid5(UUID(page.feed_id), f'{kind}/{one.id}')}")
    _add(entry, "title", f"{one.status.capitalize()}: {one.title}")
    _add(entry, "published", iso(one.created_at))
    _add(entry, "updated", iso(one.changed_at))
    SubElement(entry, "category", {"term": kind})
    target = f"{to.incidents}{one.id}{to.suffix}" if kind == "incident" else to.maintenance
    _link(entry, "alternate", target, "text/html")
    content = SubElement(entry, "content", {"type": "html"})
    content.text = _clean(_of_incident(one) if isinstance(one, PublicIncident) else _of_window(one))


def _of_incident(one: PublicIncident) -> str:
    named = ", ".join(
        f"{found.name} ({STATUS[found.impact]})" if found.impact else found.name for found in one.services
    )
    shown = one.updates[-MOST_UPDATES:]
    said = "".join(_said(update.created_at, update.status, update.message) for update in reversed(shown))
    first = "" if one.description in {update.message for update in shown} else _paragraph(one.description)
    return first + (_paragraph(f"Services: {named}") if named else "") + said


def _of_window(one: PublicWindow) -> str:
    named = ", ".join(found.name for found in one.services)
    begin, end = one.actual_start or one.scheduled_start, one.actual_end or one.scheduled_end
    times = _paragraph(f"{when(begin)} to {when(end)}")
    return _paragraph(one.description) + times + (_paragraph(f"Services: {named}") if named else "")


def _said(at: datetime, status: str, message: str) -> str:
    return f"<p><b>{escape(when(at))}, {escape(status)}</b><br>{_lines(message)}</p>"


def _paragraph(text: str) -> str:
    return f"<p>{_lines(text)}</p>" if text else ""


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = _clean(text)


def _link(parent: Element, rel: str, href: str, media_type: str) -> None:
    SubElement(parent, "link", {"rel": rel, "href": href, "type": media_type})


def _clean(text: str) -> str:
    """Without the characters that no XML document can hold."""
    return _UNFIT.sub(" ", text.replace("\r\n", "\n"))
