"""What subscribers are told: what everybody may read, once, and only what they asked for."""

from datetime import timedelta

import pytest_asyncio
from sqlalchemy import select, update

from collector.core.database import Database
from collector.domain.incidents.tables import incident as incidents
from collector.domain.maintenance.tables import maintenance
from collector.domain.statuspage import mailing, rules
from collector.domain.statuspage.mailing import Letter, Sent
from collector.domain.statuspage.tables import status_mail, status_news, subscriber
from common.clock import utc_now
from tests.collector.api.public.making import Site, enable, incident, say, site
from tests.collector.statuspage.posting import happened, subscribe


@pytest_asyncio.fixture
async def acme(database: Database) -> Site:
    return await site(database)


async def claimed(db: Database) -> list[Letter]:
    while await db.write(mailing.spread, utc_now()):
        pass
    return await db.write(mailing.claim, "tests", utc_now(), 100)


async def finished(db: Database, letters: list[Letter], outcome: mailing.Outcome = "sent") -> None:
    await db.write(mailing.finish, "tests", [Sent(one, outcome) for one in letters], utc_now())


async def news(db: Database) -> list[str]:
    rows = await db.read(lambda conn: conn.execute(select(status_news.c.event).order_by(status_news.c.id)).all())
    return [row.event for row in rows]


async def test_each_subscriber_gets_what_is_public_and_nothing_else(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana", "ben")
    await subscribe(database, acme.tenant, "cleo", state="pending")
    await happened(database, acme.tenant, "incident.created", acme.outage)
    letters = await claimed(database)
    assert sorted(one.email for one in letters) == ["ana@example.com", "ben@example.com"]
    body = letters[0].news
    assert (body["headline"], body["title"], body["text"]) == ("Incident", "Slow", "We are looking into it.")
    assert ["Services", "Web (degraded performance)"] in body["lines"]
    assert "secret" not in str(body).lower()


async def test_nothing_is_told_twice_and_internal_notes_are_not_told_at_all(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana")
    for _ in range(2):
        await happened(database, acme.tenant, "incident.created", acme.outage)
    await say(database, acme.tenant, acme.outage, "secret", is_public=False)
    await happened(database, acme.tenant, "incident.updated", acme.outage)
    assert await news(database) == ["incident.created"]
    await say(database, acme.tenant, acme.outage, "Found it", status="identified")
    await happened(database, acme.tenant, "incident.updated", acme.outage)
    over = update(incidents).where(incidents.c.id == acme.outage).values(status="resolved", resolved_at=utc_now())
    await database.write(lambda conn: conn.execute(over))
    await happened(database, acme.tenant, "incident.resolved", acme.outage)
    assert await news(database) == ["incident.created", "incident.updated", "incident.resolved"]


async def test_what_is_internal_is_no_news(database: Database, acme: Site) -> None:
    hidden = await incident(database, acme.tenant, [acme.web], utc_now(), visibility="internal")
    await happened(database, acme.tenant, "incident.created", hidden)
    await happened(database, acme.tenant, "alert.triggered", acme.outage)
    await enable(database, acme.tenant, enabled=False)
    await happened(database, acme.tenant, "incident.created", acme.outage)
    assert await news(database) == []


async def test_windows_are_told_as_they_come_and_go(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana")
    await happened(database, acme.tenant, "maintenance.scheduled", acme.window)
    now = utc_now()
    begun = update(maintenance).where(maintenance.c.id == acme.window)
    begun = begun.values(status="active", scheduled_start=now, actual_start=now)
    await database.write(lambda conn: conn.execute(begun))
    for _ in range(2):
        await happened(database, acme.tenant, "maintenance.started", acme.window, now)
    assert await news(database) == ["maintenance.scheduled", "maintenance.started"]


async def test_wishes_are_kept(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana", services=[acme.web])
    await subscribe(database, acme.tenant, "ben", services=[acme.web + 1000])
    await subscribe(database, acme.tenant, "cleo", events=["maintenance"])
    await happened(database, acme.tenant, "incident.created", acme.outage)
    assert [one.subscriber_id for one in await claimed(database)] == ["ana"]
    await happened(database, acme.tenant, "maintenance.scheduled", acme.window)
    assert sorted(one.subscriber_id for one in await claimed(database)) == ["ana", "cleo"]


async def test_many_are_written_to_in_steps_each_once(database: Database, acme: Site) -> None:
    many = mailing.SPREAD + 7
    await subscribe(database, acme.tenant, *(f"s{number:05}" for number in range(many)))
    await happened(database, acme.tenant, "incident.created", acme.outage)
    steps = 0
    while await database.write(mailing.spread, utc_now()):
        steps += 1
    assert steps == 2
    rows = await database.read(lambda conn: conn.execute(select(status_mail.c.subscriber_id)).all())
    assert len({row.subscriber_id for row in rows}) == len(rows) == many


async def test_news_that_nobody_could_send_for_a_day_is_none(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana")
    await happened(database, acme.tenant, "incident.created", acme.outage, utc_now() - mailing.STALE)
    assert await database.read(mailing.has_work, utc_now())
    assert await claimed(database) == []
    assert not await database.read(mailing.has_work, utc_now())


async def test_a_claimed_mail_is_nobody_elses_until_its_lease_ends(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana")
    await happened(database, acme.tenant, "incident.created", acme.outage)
    letters = await claimed(database)
    assert await database.write(mailing.claim, "other", utc_now(), 10) == []
    later = utc_now() + mailing.LEASE
    assert len(await database.write(mailing.claim, "other", later, 10)) == 1
    await finished(database, letters, "refused")  # too late: it is another one's now
    assert await database.read(lambda conn: conn.execute(select(status_mail.c.state)).scalar_one()) == "pending"


async def test_an_address_that_bounces_for_days_is_left_alone(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana")
    for days, state in ((0, "confirmed"), (4, "confirmed"), (6, "quarantined")):
        await say(database, acme.tenant, acme.outage, f"day {days}")
        await happened(database, acme.tenant, "incident.updated", acme.outage)
        [letter] = await claimed(database)
        at = utc_now() + timedelta(days=days)
        await database.write(mailing.finish, "tests", [Sent(letter, "refused", "550")], at)
        found = await database.read(lambda conn: conn.execute(select(subscriber.c.state)).scalar_one())
        assert found == state, days
    await happened(database, acme.tenant, "maintenance.scheduled", acme.window)
    assert await claimed(database) == []


async def test_a_mail_server_that_is_away_is_nobodys_fault(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana")
    await happened(database, acme.tenant, "incident.created", acme.outage)
    [letter] = await claimed(database)
    await finished(database, [letter], "later")
    row = await database.read(lambda conn: conn.execute(select(status_mail)).one())
    assert (row.state, row.tries) == ("pending", 1)
    assert row.due_at > utc_now()
    assert await database.read(lambda conn: conn.execute(select(subscriber.c.failing_since)).scalar_one()) is None
    assert not await database.read(mailing.has_work, utc_now())


async def test_old_mails_are_forgotten_and_a_page_that_is_disabled_sends_none(database: Database, acme: Site) -> None:
    await subscribe(database, acme.tenant, "ana")
    await happened(database, acme.tenant, "incident.created", acme.outage)
    letters = await claimed(database)
    await happened(database, acme.tenant, "maintenance.scheduled", acme.window)
    await enable(database, acme.tenant, enabled=False)
    assert await claimed(database) == []
    await finished(database, letters)
    await database.write(mailing.retire, utc_now() + timedelta(days=1), 50)
    assert await news(database) == []


def test_addresses_are_masked() -> None:
    assert rules.masked("ana@example.com") == "a…@e….com"
    assert rules.masked("x@localhost") == "x…@l…"
