"""Windows begin and end by the clock: at their scheduled times, told once, also after an outage and by two replicas."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from collector.core.database import Database
from collector.domain.maintenance import clock
from tests.collector.conftest import Postgres
from tests.collector.maintenance.desk import HOUR, MINUTE, T0, Desk
from tests.collector.maintenance.desk import desk as desk_in
from tests.collector.webhooks.receiving import vault_in

END = T0 + 2 * HOUR
SECOND = timedelta(seconds=1)


async def kinds(desk: Desk) -> list[str]:
    return [kind.removeprefix("maintenance.") for kind, _ in await desk.events()]


async def test_a_window_begins_and_ends_by_itself_and_each_is_told_once(desk: Desk) -> None:
    number = await desk.schedule()
    for at in (T0 - SECOND, T0 + 10 * SECOND, T0 + 20 * SECOND, END - SECOND, END + 5 * SECOND, END + HOUR):
        await desk.turn(at)
    assert await kinds(desk) == ["scheduled", "started", "completed"]
    found = await desk.window(number)
    assert (found.status, found.actual_start, found.actual_end) == ("completed", T0, END)
    assert [(one.step, one.at) for one in await desk.steps(number)] == [
        ("scheduled", T0 - HOUR),
        ("started", T0),
        ("completed", END),
    ]
    assert [data["late_by_s"] for _, data in (await desk.events())[1:]] == [10, 5]
    assert await desk.activity() == ["maintenance_scheduled", "maintenance_started", "maintenance_completed"]


async def test_an_outage_over_the_beginning_changes_no_time(desk: Desk) -> None:
    number = await desk.schedule()
    await desk.turn(T0 + HOUR)
    found = await desk.window(number)
    assert (found.status, found.actual_start, found.actual_end) == ("active", T0, None)
    kind, data = (await desk.events())[-1]
    assert (kind, data["late_by_s"], data["actual_start"]) == ("maintenance.started", 3600, "2026-06-01T02:00:00Z")
    assert "while_offline" not in data


async def test_an_outage_over_the_end_changes_no_time(desk: Desk) -> None:
    number = await desk.schedule()
    await desk.turn(T0)
    await desk.turn(END + 24 * HOUR)
    assert (await desk.window(number)).actual_end == END
    kind, data = (await desk.events())[-1]
    assert (kind, data["late_by_s"]) == ("maintenance.completed", 24 * 3600)
    assert "while_offline" not in data


async def test_a_window_wholly_inside_an_outage_is_noted_and_told_once_by_its_end(desk: Desk) -> None:
    number = await desk.schedule()
    await desk.turn(END + HOUR)
    await desk.turn(END + HOUR)
    assert await kinds(desk) == ["scheduled", "completed"]
    _, data = (await desk.events())[-1]
    assert (data["while_offline"], data["late_by_s"], data["status"]) == (True, 3600, "completed")
    assert [(one.step, one.at, one.noted_at) for one in await desk.steps(number)][1:] == [
        ("started", T0, END + HOUR),
        ("completed", END, END + HOUR),
    ]


@pytest.mark.parametrize("back_to", [T0 - 24 * HOUR, T0 - MINUTE, T0 + MINUTE])
async def test_a_clock_that_goes_backwards_undoes_and_tells_nothing(desk: Desk, back_to: datetime) -> None:
    number = await desk.schedule(at=T0 - 48 * HOUR)
    await desk.turn(T0)
    begun = await desk.window(number)
    await desk.turn(back_to)
    assert await desk.window(number) == begun
    await desk.turn(END)
    over = await desk.window(number)
    for at in (back_to, T0, END, END + HOUR):
        await desk.turn(at)
    assert await desk.window(number) == over
    assert await kinds(desk) == ["scheduled", "started", "completed"]


async def test_one_that_was_begun_early_ends_as_scheduled(desk: Desk) -> None:
    number = await desk.schedule()
    await desk.move(number, "start", T0 - 30 * MINUTE)
    await desk.turn(T0)
    assert (await desk.window(number)).actual_start == T0 - 30 * MINUTE
    await desk.turn(END)
    assert (await desk.window(number)).actual_end == END
    assert await kinds(desk) == ["scheduled", "started", "completed"]


async def test_one_that_is_to_be_begun_and_completed_by_hand_waits(desk: Desk) -> None:
    number = await desk.schedule(auto_start=False, auto_complete=False)
    await desk.turn(T0 + MINUTE)
    assert (await desk.window(number)).status == "scheduled"
    await desk.move(number, "start", T0 + 5 * MINUTE)
    await desk.turn(END + 30 * 24 * HOUR)
    assert (await desk.window(number)).status == "active"
    await desk.move(number, "complete", END + 31 * 24 * HOUR)
    assert await kinds(desk) == ["scheduled", "started", "completed"]


async def test_cancelled_windows_are_left_alone(desk: Desk) -> None:
    number = await desk.schedule()
    await desk.move(number, "cancel", T0 - MINUTE)
    await desk.turn(T0)
    await desk.turn(END)
    assert (await desk.window(number)).status == "cancelled"
    assert await kinds(desk) == ["scheduled", "cancelled"]


async def test_a_turn_takes_so_many_at_most_and_the_next_ones_the_rest(desk: Desk) -> None:
    for _ in range(5):
        await desk.schedule()
    assert [await desk.db.write(clock.turn, END, 3) for _ in range(4)] == [3, 2, 0, 0]
    assert sorted(await kinds(desk)) == ["completed"] * 5 + ["scheduled"] * 5


@pytest_asyncio.fixture
async def replicas(postgres: Postgres) -> AsyncIterator[tuple[Database, Database]]:
    name = postgres.new()
    pair = Database.open(postgres.url_of(name)), Database.open(postgres.url_of(name))
    yield pair
    for database in pair:
        await database.close()
    postgres.drop(name)


@pytest.mark.slow
async def test_two_replicas_note_and_tell_each_step_once(replicas: tuple[Database, Database], tmp_path: Path) -> None:
    desk = await desk_in(replicas[0], vault_in(tmp_path))
    numbers = [await desk.schedule() for _ in range(20)]
    for at in (T0, T0 + MINUTE, END, END + MINUTE):
        await asyncio.gather(*(db.write(clock.turn, at, 7) for _ in range(4) for db in replicas))
    told = [(kind, data["id"]) for kind, data in await desk.events()]
    assert sorted(told) == sorted(
        (f"maintenance.{step}", number) for step in ("scheduled", "started", "completed") for number in numbers
    )
    assert {(await desk.window(number)).status for number in numbers} == {"completed"}


@pytest.mark.slow
async def test_who_completes_by_hand_at_the_end_and_the_clock_agree(
    replicas: tuple[Database, Database], tmp_path: Path
) -> None:
    desk = await desk_in(replicas[0], vault_in(tmp_path))
    numbers = [await desk.schedule() for _ in range(10)]
    await desk.turn(T0)
    before = END - SECOND
    await asyncio.gather(
        *(desk.move(number, "complete", before) for number in numbers),
        *(replicas[1].write(clock.turn, END, 3) for _ in range(5)),
        return_exceptions=True,
    )
    await desk.turn(END)
    told = [data["id"] for kind, data in await desk.events() if kind == "maintenance.completed"]
    assert sorted(told) == numbers
    assert {(await desk.window(number)).actual_end for number in numbers} <= {before, END}
