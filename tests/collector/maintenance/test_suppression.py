"""Work that suppresses alerts: what is found is stored, nobody is told; afterwards what still stands is told, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest_asyncio

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.alerts.tables import alert
from collector.domain.maintenance import changes, clock, releasing, suppression
from collector.domain.maintenance.changes import Wanted
from collector.domain.maintenance.tables import alert_hold
from collector.domain.mutes import store as mutes
from collector.domain.mutes.rules import FindingMark
from collector.domain.results import marking, silence
from collector.domain.results.rules import AGENT_STALE
from collector.domain.results.tables import connection
from collector.domain.tickets.tables import ticket
from common.wire import Status
from tests.collector.builders import T0, outcome
from tests.collector.domain import sending
from tests.collector.domain.sending import MINUTE, Sender
from tests.collector.services.making import add_service

HOUR = timedelta(hours=1)
BEGIN, END = T0 + HOUR, T0 + 2 * HOUR
GRACE = 5 * MINUTE
TOLD = {"alert_triggered", "alert_resolved"}


@dataclass(frozen=True, slots=True)
class Site:
    """A connection with its service."""

    sender: Sender
    place: int
    service: int

    @property
    def db(self) -> Database:
        return self.sender.db

    @property
    def tenant(self) -> int:
        return self.sender.here.tenant

    async def work(self, *services: int, begin: datetime = BEGIN, end: datetime = END, **changed: Any) -> int:
        given: dict[str, Any] = {
            "title": "Patching",
            "description": "",
            "visibility": "internal",
            "scheduled_start": begin,
            "scheduled_end": end,
            "services": services or (self.service,),
            "exclude_from_sla": False,
            "suppress_alerts": True,
        }
        made = await self.db.write(changes.schedule, self.tenant, Wanted(**{**given, **changed}), Act("ana", T0))
        return made.window.id

    async def change(self, number: int, at: datetime, **fields: Any) -> None:
        await self.db.write(changes.change, self.tenant, number, fields, Act("ana", at))

    async def find(self, at: datetime, status: Status, check: str = "REDOLOG_SIZE", *, interval_s: int = 3600) -> None:
        """One outcome: enough where checks run seldom."""
        await self.sender.visit(at, outcome(check, status=status, interval_s=interval_s))

    async def sweep(self, at: datetime) -> None:
        for chore in (clock.turn, releasing.release):
            await self.db.write(chore, at, 50)

    async def alerts(self) -> list[tuple[str, str, datetime | None]]:
        return [(row.check_id, row.state, row.sent_at) for row in await self.sender.all(alert)]

    async def told(self) -> list[str]:
        return [one for one in await self.sender.activity() if one in TOLD]

    async def holds(self) -> int:
        return len(await self.sender.all(alert_hold))


@pytest_asyncio.fixture
async def site(database: Database) -> Site:
    sender = await sending.sender(database)
    place = await sender.connection_id()
    service = await add_service(database, sender.here.tenant, T0, source=f"connection/{place}", name="PROD")
    return Site(sender, place, service)


async def test_what_is_found_during_the_work_is_stored_and_nobody_is_told(site: Site) -> None:
    await site.work()
    await site.find(BEGIN + MINUTE, "critical")
    assert await site.alerts() == [("REDOLOG_SIZE", "suppressed", None)]
    assert await site.told() == []
    assert [row.status for row in await site.sender.all(ticket)] == ["open"]


async def test_what_still_stands_after_the_grace_is_told_once(site: Site) -> None:
    await site.work()
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    for at in (END, END + GRACE - MINUTE):
        await site.sweep(at)
        assert await site.told() == []
    for at in (END + GRACE, END + GRACE + MINUTE, END + 2 * HOUR):
        await site.sweep(at)
    assert await site.told() == ["alert_triggered"]
    assert await site.alerts() == [("REDOLOG_SIZE", "open", END + GRACE)]
    assert await site.holds() == 0


async def test_checks_get_two_intervals_to_show_that_it_is_over(site: Site) -> None:
    await site.work()
    await site.find(BEGIN + MINUTE, "critical", interval_s=1800)
    await site.find(BEGIN + MINUTE, "critical", "FRA_USED_PCT", interval_s=0)
    await site.sweep(END)
    await site.sweep(END + GRACE)
    assert sorted(await site.alerts()) == [
        ("FRA_USED_PCT", "open", END + GRACE),
        ("REDOLOG_SIZE", "suppressed", None),
    ]
    await site.sweep(END + 59 * MINUTE)
    assert await site.holds() == 1
    await site.sweep(END + HOUR)
    assert await site.told() == ["alert_triggered", "alert_triggered"]
    assert await site.holds() == 0


async def test_what_has_cleared_by_then_is_never_told(site: Site) -> None:
    await site.work()
    await site.find(BEGIN + MINUTE, "critical")
    await site.find(END + 2 * MINUTE, "ok")
    for at in (END + 3 * MINUTE, END + GRACE + 3 * MINUTE, END + 3 * HOUR):
        await site.sweep(at)
    assert await site.told() == []
    assert [state for _, state, _ in await site.alerts()] == ["resolved"]


async def test_what_was_told_before_the_work_is_resolved_aloud_during_it(site: Site) -> None:
    await site.work()
    await site.find(T0 + MINUTE, "critical")
    await site.find(BEGIN + MINUTE, "ok")
    assert await site.told() == ["alert_triggered", "alert_resolved"]


async def test_what_was_told_before_and_goes_on_is_not_told_again(site: Site) -> None:
    await site.work()
    await site.find(T0 + MINUTE, "critical")
    for at in (BEGIN, END, END + GRACE, END + 3 * HOUR):
        await site.sweep(at)
    assert await site.told() == ["alert_triggered"]


async def test_no_way_in_and_a_silent_agent_are_held_back_and_its_own_set_up_is_not(site: Site) -> None:
    await site.work()
    await site.find(BEGIN + MINUTE, "critical", "AGENT_LOGIN")
    await site.find(BEGIN + MINUTE, "critical", "AGENT_CHECK_ERRORS")
    await site.find(BEGIN + MINUTE, "ok")
    quiet = BEGIN + 30 * MINUTE
    await site.db.write(silence.look(60, T0), quiet, 50)
    told = {check: state for check, state, _ in await site.alerts()}
    assert told == {"AGENT_LOGIN": "suppressed", AGENT_STALE: "suppressed", "AGENT_CHECK_ERRORS": "open"}


async def test_work_without_suppression_holds_nothing_back(site: Site) -> None:
    await site.work(suppress_alerts=False)
    await site.find(BEGIN + MINUTE, "critical")
    assert await site.told() == ["alert_triggered"]


async def test_other_connections_and_other_times_are_told_of(site: Site) -> None:
    elsewhere = await add_service(site.db, site.tenant, T0, source="connection/999")
    await site.work(elsewhere)
    await site.work(begin=END, end=END + HOUR)
    await site.find(BEGIN + MINUTE, "critical")
    assert await site.told() == ["alert_triggered"]


async def test_work_on_a_whole_holds_back_what_its_parts_show(site: Site) -> None:
    whole = await add_service(site.db, site.tenant, T0, parts=[site.service])
    await site.work(whole)
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    assert await site.told() == []
    await site.sweep(END)
    await site.sweep(END + GRACE)
    assert await site.told() == ["alert_triggered"]


async def test_nothing_is_told_while_any_of_several_windows_runs(site: Site) -> None:
    await site.work()
    await site.work(begin=BEGIN + 30 * MINUTE, end=END + HOUR)
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    for at in (END, END + GRACE, END + HOUR - MINUTE):
        await site.sweep(at)
        assert await site.told() == []
    await site.sweep(END + HOUR)
    await site.sweep(END + HOUR + GRACE - MINUTE)
    assert await site.told() == []
    await site.sweep(END + HOUR + GRACE)
    assert await site.told() == ["alert_triggered"]


async def test_completing_early_looks_again(site: Site) -> None:
    number = await site.work()
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    over = BEGIN + 10 * MINUTE
    await site.db.write(changes.move, site.tenant, number, "complete", Act("ana", over))
    await site.sweep(over + GRACE)
    assert await site.told() == ["alert_triggered"]


async def test_shortening_looks_again(site: Site) -> None:
    number = await site.work()
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    await site.change(number, BEGIN + 2 * MINUTE, scheduled_end=BEGIN + 10 * MINUTE)
    await site.sweep(BEGIN + 10 * MINUTE)
    await site.sweep(BEGIN + 10 * MINUTE + GRACE)
    assert await site.told() == ["alert_triggered"]


async def test_taking_a_service_out_of_the_window_looks_again(site: Site) -> None:
    other = await add_service(site.db, site.tenant, T0)
    number = await site.work(site.service, other)
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    await site.sweep(BEGIN + 2 * MINUTE)
    await site.change(number, BEGIN + 3 * MINUTE, services=(other,))
    await site.sweep(BEGIN + 3 * MINUTE + GRACE)
    assert await site.told() == ["alert_triggered"]


async def test_suppressing_no_longer_looks_again(site: Site) -> None:
    number = await site.work()
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    await site.change(number, BEGIN + 3 * MINUTE, suppress_alerts=False)
    await site.sweep(BEGIN + 3 * MINUTE + GRACE)
    assert await site.told() == ["alert_triggered"]


async def test_what_a_whole_stood_for_is_not_forgotten_when_that_changes(site: Site) -> None:
    whole = await add_service(site.db, site.tenant, T0, source="account/123456789012", parts=[site.service])
    await site.work(whole)
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    await add_service(site.db, site.tenant, T0, source="account/123456789012", parts=[])
    await site.sweep(END)
    await site.sweep(END + GRACE)
    assert await site.told() == ["alert_triggered"]


async def test_what_is_muted_is_told_neither_at_the_end_nor_when_the_mute_ends_during_the_work(site: Site) -> None:
    await site.work()
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    mute = FindingMark(site.place, "REDOLOG_SIZE", "mute", "ana", "known", BEGIN, BEGIN + 10 * MINUTE)
    await site.db.write(mutes.put, site.tenant, mute)
    await site.db.write(marking.expire, BEGIN + 11 * MINUTE, 50)
    assert await site.told() == []
    await site.sweep(END)
    await site.db.write(mutes.put, site.tenant, mute._replace(expires_at=END + HOUR))
    await site.sweep(END + GRACE)
    assert await site.told() == []
    await site.db.write(marking.expire, END + HOUR, 50)
    assert await site.told() == ["alert_triggered"]


async def test_a_mute_that_ends_in_the_grace_tells_nothing_early(site: Site) -> None:
    await site.work()
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    mute = FindingMark(site.place, "REDOLOG_SIZE", "mute", "ana", "known", BEGIN, END + MINUTE)
    await site.db.write(mutes.put, site.tenant, mute)
    await site.sweep(END)
    await site.db.write(marking.expire, END + 2 * MINUTE, 50)
    assert await site.told() == []
    await site.sweep(END + GRACE)
    assert await site.told() == ["alert_triggered"]


async def test_a_finding_that_comes_after_the_end_is_told_at_once(site: Site) -> None:
    await site.work()
    await site.sweep(END)
    await site.find(END + MINUTE, "critical")
    assert await site.told() == ["alert_triggered"]


async def test_an_outage_over_the_end_of_the_work_loses_nothing(site: Site) -> None:
    await site.work()
    await site.find(BEGIN + MINUTE, "critical", interval_s=0)
    late = END + 24 * HOUR
    await site.sweep(late)
    await site.sweep(late + MINUTE)
    assert await site.told() == ["alert_triggered"]


async def test_holds_of_a_connection_that_is_gone_are_dropped(site: Site) -> None:
    await site.work()
    await site.find(BEGIN + MINUTE, "critical")
    await site.sweep(END)
    await site.sender.inventory("OTHER", at=END + MINUTE)
    await site.sweep(END + GRACE)
    assert await site.holds() == 0
    assert await site.told() == []


async def test_another_tenants_work_means_nothing_here(site: Site) -> None:
    stranger = await sending.sender(site.db)
    theirs = await add_service(site.db, stranger.here.tenant, T0, source=f"connection/{site.place}")
    given: Sequence[object] = (stranger.here.tenant, [site.place], BEGIN + MINUTE)
    wanted = Wanted(
        title="Theirs",
        description="",
        visibility="internal",
        scheduled_start=BEGIN,
        scheduled_end=END,
        services=(theirs,),
        exclude_from_sla=False,
        suppress_alerts=True,
    )
    await site.db.write(changes.schedule, stranger.here.tenant, wanted, Act("eve", T0))
    assert await site.db.read(suppression.suppressed, *given) == {site.place}
    assert await site.db.read(suppression.suppressed, site.tenant, *given[1:]) == set()
    await site.find(BEGIN + MINUTE, "critical")
    assert await site.told() == ["alert_triggered"]


async def test_the_agents_of_a_release_are_looked_after_one_by_one(database: Database) -> None:
    one = await sending.sender(database)
    await one.inventory("PROD", "TEST", at=T0 + MINUTE)
    places = sorted(row.id for row in await one.all(connection))
    services = [await add_service(database, one.here.tenant, T0, source=f"connection/{place}") for place in places]
    site = Site(one, places[0], services[0])
    await site.work(*services)
    for name in ("PROD", "TEST"):
        await one.visit(BEGIN + MINUTE, outcome(status="critical", interval_s=0), connection=name)
    await site.sweep(END)
    assert await database.write(releasing.release, END + GRACE, 50) == 2
    assert await site.told() == ["alert_triggered", "alert_triggered"]
