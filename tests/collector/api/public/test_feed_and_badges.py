"""Feeds are what RFC 4287 asks for, badges are small pictures that say in words what they show."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.api.public import atom, badges
from collector.core.database import Database
from collector.domain.services.rules import STATUSES
from collector.domain.statuspage.rules import Affected, Page, PublicIncident, PublicUpdate, PublicWindow
from common.clock import utc_now
from tests.collector.api.public.making import Site, say
from tests.collector.services.making import add_work

AT = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
PAGE = Page(1, "acme", True, "Acme", "How we do", "1b4e28ba-2fa1-11d2-883f-0016d3cca427", AT)
ATOM = f"{{{atom.NAMESPACE}}}"
SVG = "{http://www.w3.org/2000/svg}"


def incident(number: int = 1, title: str = "Slow", message: str = "Looking", **changes: Any) -> PublicIncident:
    said = PublicUpdate(1, "investigating", message, AT + timedelta(hours=number))
    affected = [Affected("web", "Web", "degraded_performance")]
    made = PublicIncident(number, title, "", "degraded", "investigating", affected, [said], AT, None, AT)
    return made._replace(**changes)


def window(number: int = 1) -> PublicWindow:
    return PublicWindow(number, "Patch", "", "scheduled", [], AT, AT + timedelta(hours=1), None, None, AT)


def parsed(items: list[atom.Item], *, url: str = "") -> ET.Element:
    return read(atom.feed(PAGE, items, atom.ways(PAGE, url)))


def read(document: bytes) -> ET.Element:
    return ET.fromstring(document)  # noqa: S314 - what we have made ourselves


def text(element: ET.Element, name: str) -> str:
    [found] = element.findall(f"{ATOM}{name}")
    assert found.text is not None
    return found.text


def test_a_feed_has_what_the_standard_requires() -> None:
    feed = parsed([incident(1), incident(2), window(1)], url="https://status.example")
    assert text(feed, "id") == f"urn:uuid:{PAGE.feed_id}"
    assert text(feed, "title") == "Acme"
    entries = feed.findall(f"{ATOM}entry")
    assert text(feed, "updated") == max(text(entry, "updated") for entry in entries) == "2026-05-14T05:00:00Z"
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links["self"] == "https://status.example/status/api/acme/feed.atom"
    assert links["alternate"] == "https://status.example/status/acme"
    assert [text(entry, "title") for entry in entries] == [
        "Investigating: Slow",
        "Investigating: Slow",
        "Scheduled: Patch",
    ]
    ids = [text(entry, "id") for entry in entries]
    assert len(set(ids)) == 3
    for entry in entries:
        UUID(text(entry, "id").removeprefix("urn:uuid:"))
        datetime.fromisoformat(text(entry, "updated"))
        assert entry.find(f"{ATOM}content") is not None


def test_an_entry_keeps_its_id_whatever_becomes_of_it() -> None:
    before = parsed([incident(1)])
    over: dict[str, Any] = {"status": "resolved", "resolved_at": AT + timedelta(hours=5), "title": "Slow storage"}
    after = parsed([incident(1, **over)], url="https://other.example")
    [first], [second] = before.findall(f"{ATOM}entry"), after.findall(f"{ATOM}entry")
    assert text(first, "id") == text(second, "id")
    assert (text(first, "updated"), text(second, "updated")) == ("2026-05-14T04:00:00Z", "2026-05-14T08:00:00Z")


def test_an_empty_feed_is_one_too() -> None:
    assert text(parsed([]), "updated") == "2026-05-14T03:00:00Z"


@settings(max_examples=100)
@given(st.text(), st.text())
def test_whatever_people_write_stays_text(title: str, message: str) -> None:
    feed = parsed([incident(1, title, message)])
    [entry] = feed.findall(f"{ATOM}entry")
    assert {found.tag for found in entry} <= {
        f"{ATOM}{name}" for name in ("id", "title", "published", "updated", "category", "link", "content")
    }
    picture = read(badges.svg(badges.of_status(title, "operational")))
    assert {found.tag for found in picture.iter()} == {f"{SVG}{name}" for name in ("svg", "title", "rect", "g", "text")}


def test_an_entry_has_the_newest_updates_of_an_incident_that_goes_on_for_long() -> None:
    said = [PublicUpdate(n, "monitoring", f"({n})", AT + timedelta(minutes=n)) for n in range(1, 301)]
    [entry] = parsed([incident(updates=said, description="Disk full")]).findall(f"{ATOM}entry")
    assert "Disk full" in text(entry, "content")
    told = re.findall(r"\((\d+)\)", text(entry, "content"))
    assert [int(n) for n in told] == list(range(300, 300 - atom.MOST_UPDATES, -1))


def test_a_badge_says_in_words_what_it_shows() -> None:
    for status in STATUSES:
        picture = read(badges.svg(badges.of_status("Web", status)))
        label = picture.get("aria-label")
        assert label is not None
        assert label.startswith("Web: ")
        assert picture.get("role") == "img"
        assert picture.findtext(f"{SVG}title") == label
    assert badges.of_uptime("Web", None).value == "no data"
    assert badges.of_uptime("Web", 99.999).value == "99.999% in 30 days"
    assert len({badges.of_uptime("Web", percent).colour for percent in (100.0, 99.5, 96.0, 10.0)}) == 4


def _luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_white_text_is_legible_on_every_badge() -> None:
    for colour in (*badges._COLOURS.values(), badges._GREY):
        assert 1.05 / (_luminance(colour) + 0.05) >= 4.5, colour


async def test_the_feed_of_a_page_tells_what_is_public(http: httpx.AsyncClient, acme: Site, database: Database) -> None:
    await say(database, acme.tenant, acme.outage, "Found <it> & mended", status="monitoring")
    answer = await http.get(f"{acme.path}/feed.atom")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = read(answer.content)
    titles = [text(entry, "title") for entry in feed.findall(f"{ATOM}entry")]
    assert sorted(titles) == ["Investigating: Slow", "Scheduled: Upgrade"]
    [content] = [entry for entry in feed.findall(f"{ATOM}entry") if "Slow" in text(entry, "title")]
    assert "Found &lt;it&gt; &amp; mended" in text(content, "content")
    badge = await http.get(f"{acme.path}/badge/web.svg")
    assert badge.headers["content-type"] == "image/svg+xml"
    assert badge.headers["content-security-policy"].startswith("default-src 'none'")
    assert "Web: degraded performance" in badge.text


async def test_what_recurs_daily_pushes_nothing_that_goes_on_out_of_the_feed(
    http: httpx.AsyncClient, acme: Site, database: Database
) -> None:
    now, day = utc_now(), timedelta(days=1)
    going_on = {"status": "active", "actual_end": None, "visibility": "public", "title": "Move"}
    await add_work(database, acme.tenant, [acme.web], (now - timedelta(hours=1), now + timedelta(hours=1)), **going_on)
    coming = {"status": "scheduled", "actual_start": None, "actual_end": None, "visibility": "public"}
    for number in range(1, atom.MOST + 10):
        times = (now + number * day, now + number * day + timedelta(hours=1))
        made = {"created_at": now - day, "updated_at": now - day, "title": f"Backup {number}"}
        await add_work(database, acme.tenant, [acme.web], times, **coming, **made)
    feed = read((await http.get(f"{acme.path}/feed.atom")).content)
    titles = [text(entry, "title") for entry in feed.findall(f"{ATOM}entry")]
    assert len(titles) == atom.MOST
    assert {"Active: Move", "Scheduled: Backup 1"} <= set(titles)
