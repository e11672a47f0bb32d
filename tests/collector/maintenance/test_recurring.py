"""Rules make windows some weeks ahead, each once; what people did to one stays; ending a rule calls off the rest."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.maintenance import recurring
from collector.domain.maintenance.recurring import NoSuchRule, Rule
from collector.domain.maintenance.rules import Unfit
from collector.domain.maintenance.tables import maintenance
from tests.collector import builders
from tests.collector.conftest import Postgres
from tests.collector.maintenance.desk import HOUR, T0, Desk
from tests.collector.maintenance.desk import desk as desk_in
from tests.collector.maintenance.test_recurrence import WEEKLY
from tests.collector.services.making import add_service
from tests.collector.webhooks.receiving import vault_in

DAY = timedelta(days=1)
NOW = T0  # Monday 1 June 2026, 02:00 UTC


async def recur(desk: Desk, **changed: Any) -> Rule:
    given = {"timezone": "UTC", "first_start": "2026-06-01T03:00", "services": (desk.service,), **changed}
    wanted = await asyncio.to_thread(recurring.checked, replace(WEEKLY, **given))
    return await desk.db.write(recurring.create, desk.tenant, wanted, Act("ana", NOW))


async def extend(desk: Desk, at: datetime) -> int:
    return await desk.db.write(recurring.extend, at, 50)


async def windows(desk: Desk) -> list[tuple[str, str]]:
    wanted = select(maintenance.c.scheduled_start, maintenance.c.status).order_by(maintenance.c.scheduled_start)
    rows = await desk.db.read(lambda conn: conn.execute(wanted).all())
    return [(row.scheduled_start.strftime("%m-%dT%H"), row.status) for row in rows]


async def test_the_windows_of_the_first_weeks_are_made_at_once(desk: Desk) -> None:
    made = await recur(desk)
    assert [start for start, _ in await windows(desk)] == ["06-07T03", "06-14T03", "06-21T03", "06-28T03"]
    (first, *_) = await desk.db.read(recurring.windows, desk.tenant, made.id, NOW)
    assert (first.title, first.visibility, first.exclude_from_sla, first.suppress_alerts) == (
        "Patch night",
        "internal",
        True,
        True,
    )
    assert (first.recurrence_id, first.occurrence) == (made.id, first.scheduled_start)
    assert first.scheduled_end - first.scheduled_start == timedelta(minutes=90)
    assert {data["recurrence_id"] for _, data in await desk.events()} == {made.id}
    assert await desk.activity() == ["recurrence_created", "maintenance_scheduled"]


async def told(desk: Desk) -> list[str]:
    return [f"{kind} {data['scheduled_start'][5:13]}" for kind, data in await desk.events()]


async def test_a_rule_announces_its_windows_a_week_ahead_and_not_thirty_at_once(desk: Desk) -> None:
    await recur(desk, rule="FREQ=DAILY", first_start="2026-06-01T03:00")
    assert len(await windows(desk)) == 30
    first = [f"maintenance.scheduled 06-{day:02}T03" for day in range(1, 8)]
    assert await told(desk) == first
    await extend(desk, NOW + DAY + HOUR / 2)
    await extend(desk, NOW + DAY + HOUR / 2)
    assert await told(desk) == [*first, "maintenance.scheduled 06-08T03"]


async def test_the_next_window_is_announced_however_far_it_is(desk: Desk) -> None:
    await recur(desk, rule="FREQ=WEEKLY;BYDAY=SU", first_start="2026-06-14T03:00")
    assert await told(desk) == ["maintenance.scheduled 06-14T03"]


async def test_what_was_never_announced_is_called_off_without_a_word(desk: Desk) -> None:
    made = await recur(desk, rule="FREQ=DAILY", first_start="2026-06-01T03:00")
    await desk.db.write(recurring.end, desk.tenant, made.id, Act("ana", NOW))
    assert {status for _, status in await windows(desk)} == {"cancelled"}
    kinds = [one.partition(" ")[0] for one in await told(desk)]
    assert (kinds.count("maintenance.scheduled"), kinds.count("maintenance.cancelled")) == (7, 7)
    assert (await desk.activity()).count("maintenance_cancelled") == 30


async def test_what_comes_into_reach_is_made_once_a_day_and_only_once(desk: Desk) -> None:
    await recur(desk)
    assert await extend(desk, NOW + HOUR) == 0
    assert await extend(desk, NOW + 5 * DAY) == 1
    assert await extend(desk, NOW + 5 * DAY) == 0
    await extend(desk, NOW + 12 * DAY)
    starts = [start for start, _ in await windows(desk)]
    assert starts == ["06-07T03", "06-14T03", "06-21T03", "06-28T03", "07-05T03", "07-12T03"]


async def test_a_clock_that_goes_backwards_makes_nothing_twice(desk: Desk) -> None:
    await recur(desk)
    await extend(desk, NOW + 10 * DAY)
    was = await windows(desk)
    for at in (NOW, NOW - 10 * DAY, NOW + 10 * DAY):
        await extend(desk, at)
    assert await windows(desk) == was


async def test_what_people_did_to_one_window_stays(desk: Desk) -> None:
    made = await recur(desk)
    moved, cancelled, *_ = await desk.db.read(recurring.windows, desk.tenant, made.id, NOW)
    await desk.change(
        moved.id, NOW, scheduled_start=moved.scheduled_start + DAY, scheduled_end=moved.scheduled_end + DAY
    )
    await desk.move(cancelled.id, "cancel", NOW)
    await desk.db.write(recurring.follow, replace(made, expanded_until=NOW), Act("ana", NOW))
    assert await windows(desk) == [
        ("06-08T03", "scheduled"),
        ("06-14T03", "cancelled"),
        ("06-21T03", "scheduled"),
        ("06-28T03", "scheduled"),
    ]


async def test_ending_a_rule_calls_off_what_has_not_begun(desk: Desk) -> None:
    made = await recur(desk)
    running = datetime.fromisoformat("2026-06-07T03:30:00Z")
    ended = await desk.db.write(recurring.end, desk.tenant, made.id, Act("ana", running))
    assert ended.ended_at == running
    await desk.turn(running)
    assert [status for _, status in await windows(desk)] == ["active", "cancelled", "cancelled", "cancelled"]
    assert await extend(desk, running + 60 * DAY) == 0
    again = await desk.db.write(recurring.end, desk.tenant, made.id, Act("ana", running + DAY))
    assert again.ended_at == running
    assert (await desk.activity()).count("recurrence_ended") == 1


async def test_what_nobody_announced_is_not_made_up_for_after_an_outage(desk: Desk) -> None:
    await recur(desk)
    await extend(desk, NOW + 100 * DAY)
    starts = [start for start, _ in await windows(desk)]
    assert starts[:4] == ["06-07T03", "06-14T03", "06-21T03", "06-28T03"]
    assert starts[4] == "09-13T03"


async def test_a_rule_that_is_over_makes_no_more(desk: Desk) -> None:
    await recur(desk, rule="FREQ=WEEKLY;BYDAY=SU;COUNT=2")
    await extend(desk, NOW + 20 * DAY)
    assert len(await windows(desk)) == 2


async def test_a_rule_ends_when_none_of_its_services_is_left(desk: Desk) -> None:
    gone = await add_service(desk.db, desk.tenant, T0)
    made = await recur(desk, services=(gone,))
    await desk.db.write(_remove, gone)
    await extend(desk, NOW + 10 * DAY)
    found = await desk.db.read(recurring.find, desk.tenant, made.id)
    assert found.ended_at == NOW + 10 * DAY
    assert len(await windows(desk)) == 4


def _remove(conn: Any, service_id: int) -> None:
    conn.exec_driver_sql(f"UPDATE service SET removed_at = 1 WHERE id = {service_id}")


async def test_services_of_others_and_rules_of_others_are_unknown(desk: Desk) -> None:
    stranger = await builders.tenant(desk.db)
    foreign = await add_service(desk.db, stranger, T0)
    with pytest.raises(Unfit, match="service_ids"):
        await recur(desk, services=(foreign,))
    made = await recur(desk)
    with pytest.raises(NoSuchRule):
        await desk.db.read(recurring.find, stranger, made.id)
    with pytest.raises(NoSuchRule):
        await desk.db.write(recurring.end, stranger, made.id, Act("eve", NOW))
    assert await desk.db.read(recurring.all_of, stranger) == []


@pytest_asyncio.fixture
async def replicas(postgres: Postgres) -> AsyncIterator[tuple[Database, Database]]:
    name = postgres.new()
    pair = Database.open(postgres.url_of(name)), Database.open(postgres.url_of(name))
    yield pair
    for database in pair:
        await database.close()
    postgres.drop(name)


@pytest.mark.slow
async def test_two_replicas_make_each_window_once(replicas: tuple[Database, Database], tmp_path: Path) -> None:
    desk = await desk_in(replicas[0], vault_in(tmp_path))
    await recur(desk, rule="FREQ=DAILY")
    for day in range(2, 20, 3):
        await asyncio.gather(*(db.write(recurring.extend, NOW + day * DAY, 5) for _ in range(3) for db in replicas))
    starts = [start for start, _ in await windows(desk)]
    assert len(starts) == len(set(starts)) == 30 + 17
