"""Tickets and alerts: lists with filters, what led to one, several acknowledged at once."""

import re
from collections.abc import AsyncIterator

import pytest

from collector.core.database import Database
from collector.domain.tickets import search
from collector.domain.tickets.search import Query
from common.clock import utc_now
from tests.collector import accounts, builders
from tests.collector.web import databases
from tests.collector.web.databases import Estate
from tests.collector.web.visiting import Visiting, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])


@pytest.fixture
async def estate(database: Database) -> Estate:
    return await databases.estate(database, (await accounts.account(database)).tenant)


@pytest.fixture
async def owner(database: Database, estate: Estate) -> AsyncIterator[Visiting]:
    async with visiting(database, tenant=estate.tenant) as made:
        yield made


async def numbers(db: Database, estate: Estate) -> dict[str, int]:
    """The tickets of the database in trouble, by check."""
    wanted = Query(now=utc_now(), connection_id=estate.bad)
    _, rows = await db.read(search.page, estate.tenant, wanted, 0, 50)
    return {row.ticket.check_id: row.ticket.id for row in rows}


def listed(text: str) -> list[str]:
    return re.findall(r'<tr id="[ta]-(\d+)"', text)


async def test_open_tickets_are_listed_worst_first_with_their_figures(owner: Visiting, estate: Estate) -> None:
    text = await owner.page("/ui/tickets")
    assert text.index("No recent full backup") < text.index("Redo logs switch too often")
    assert len(listed(text)) == 4
    assert databases.LONG in text
    assert f'href="/ui/connections/{estate.bad}"' in text


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("severity=critical", 2),
        ("category=backup", 1),
        ("check=redolog_size", 2),
        ("q=96.4", 1),
        ("q=%25", 1),
        ("state=resolved", 0),
        ("state=all&severity=&category=&check=&q=", 4),
        ("unhandled=yes", 4),
        ("connection=999999", 0),
    ],
)
async def test_tickets_are_filtered(owner: Visiting, query: str, number: int) -> None:
    assert len(listed(await owner.page(f"/ui/tickets?{query}"))) == number


@pytest.mark.parametrize("query", ["severity=bad", "state=gone", "connection=x", "page=0", "q=" + "a" * 200, "q=%00"])
async def test_filters_that_make_no_sense_are_named(owner: Visiting, query: str) -> None:
    for path in ("/ui/tickets", "/ui/alerts"):
        assert f"{query.partition('=')[0]}: " in await owner.page(f"{path}?{query}", status=400)


async def test_several_findings_are_acknowledged_at_once(owner: Visiting, estate: Estate, database: Database) -> None:
    known = await numbers(database, estate)
    chosen = [str(known["BACKUP_AGE"]), str(known["REDOLOG_SIZE"]), "999999"]
    answer = await owner.send("/ui/tickets?q=re", {"ticket": chosen, "reason": "storage team is on it"})
    assert answer.headers["location"] == "/ui/tickets?q=re"
    text = await owner.page("/ui/tickets")
    assert "2 findings acknowledged; 1 not open any more." in text
    assert text.count("storage team is on it") == 2
    assert len(listed(await owner.page("/ui/tickets?unhandled=yes"))) == 2


@pytest.mark.parametrize(
    ("form", "words"),
    [({"reason": "on it"}, "No ticket is chosen."), ({"ticket": ["1"], "reason": "a" * 501}, "1 to 500 printable")],
)
async def test_what_cannot_be_acknowledged_is_shown_again(
    owner: Visiting, form: dict[str, str | list[str]], words: str
) -> None:
    answer = await owner.send("/ui/tickets", form)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{form["reason"]}"' in answer.text
    assert answer.text.count("checked") == len(form.get("ticket", []))


async def test_a_ticket_tells_its_story(owner: Visiting, estate: Estate, database: Database) -> None:
    known = await numbers(database, estate)
    path = f"/ui/tickets/{known['TABLESPACE_USED_PCT']}"
    await owner.send(f"{path}/acknowledge", {"reason": "disk ordered"})
    await owner.send(f"{path}/mute", {"reason": "until it is here", "span": "always"})
    text = await owner.page(path)
    events = re.findall(r"<li class=\"\w+\">\s*<strong>([^<]+)", text)
    assert events == [
        f"Muted by {owner.email}",
        f"Acknowledged by {owner.email}",
        "Became critical",
        "Began as warning",
        "First seen",
    ]
    assert "PDB1.USERS 88.0 % full" in text, "what it was then"
    assert "PDB1.USERS 96.4 % full" in text, "what it is now"
    assert "<svg" in text
    for change in ("unmute", "unacknowledge"):
        assert (await owner.send(f"{path}/{change}")).headers["location"] == path
    assert (await owner.send(f"{path}/mute", {"reason": "x", "until": "yesterday"})).status_code == 422
    assert (await owner.send(f"{path}/acknowledge", {})).status_code == 422


async def test_a_resolved_ticket_says_how_long_it_took(owner: Visiting, estate: Estate, database: Database) -> None:
    known = await numbers(database, estate)
    await estate.sender.visit(utc_now(), builders.outcome("REDOLOG_SIZE"))
    text = await owner.page(f"/ui/tickets/{known['REDOLOG_SIZE']}")
    assert "after 8 h" in text
    assert "Acknowledge…" not in text
    assert listed(await owner.page("/ui/tickets?state=resolved")) == [str(known["REDOLOG_SIZE"])]


async def test_alerts_say_what_is_told_and_what_is_held_back_and_why(
    owner: Visiting, estate: Estate, database: Database
) -> None:
    known = await numbers(database, estate)
    assert len(listed(await owner.page("/ui/alerts"))) == 4
    assert len(listed(await owner.page("/ui/alerts?state=resolved"))) == 1
    assert len(listed(await owner.page("/ui/alerts?state=all&q=tablespace&severity=critical"))) == 1
    await owner.send(f"/ui/tickets/{known['BACKUP_AGE']}/mute", {"reason": "tape robot"})
    text = await owner.page("/ui/alerts?state=suppressed")
    assert "Held back: muted by hand" in text
    (number,) = listed(text)
    text = await owner.page(f"/ui/alerts/{number}")
    assert "Held back: muted by hand" in text
    assert f'href="/ui/tickets/{known["BACKUP_AGE"]}"' in text
    assert f'href="/ui/connections/{estate.bad}/findings#BACKUP_AGE"' in text


async def test_nothing_to_show_says_what_would_be_here(database: Database) -> None:
    async with visiting(database) as owner:
        assert "A ticket opens by itself" in await owner.page("/ui/tickets")
        assert "No open alerts" in await owner.page("/ui/alerts")


async def test_a_viewer_reads_and_acknowledges_nothing(database: Database, estate: Estate) -> None:
    number = (await numbers(database, estate))["BACKUP_AGE"]
    async with visiting(database, tenant=estate.tenant, role="viewer") as viewer:
        for path in ("/ui/tickets", f"/ui/tickets/{number}"):
            assert 'method="post"' not in (await viewer.page(path)).partition("<main")[2]
        assert (await viewer.send("/ui/tickets", {"ticket": [str(number)], "reason": "x"})).status_code == 403
        for change in ("acknowledge", "unacknowledge", "mute", "unmute"):
            assert (await viewer.send(f"/ui/tickets/{number}/{change}", {"reason": "x"})).status_code == 403


async def test_another_tenants_tickets_and_alerts_are_not_there(database: Database, estate: Estate) -> None:
    number = (await numbers(database, estate))["BACKUP_AGE"]
    async with visiting(database) as stranger:
        await stranger.page(f"/ui/tickets/{number}", status=404)
        await stranger.page("/ui/alerts/1", status=404)
        assert (await stranger.send(f"/ui/tickets/{number}/mute", {"reason": "x"})).status_code == 404
        await stranger.send("/ui/tickets", {"ticket": [str(number)], "reason": "not mine"})
    async with visiting(database, tenant=estate.tenant) as owner:
        assert "not mine" not in await owner.page("/ui/tickets")
