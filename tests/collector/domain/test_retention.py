"""What is forgotten when, and what is left of it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.database import Database
from collector.core.room import Terms
from collector.domain.activity.tables import activity_entry
from collector.domain.agents.tables import bundle_import
from collector.domain.alerts.tables import alert
from collector.domain.bundles import store as bundles
from collector.domain.bundles.rules import LOOK_BACK
from collector.domain.history import reading
from collector.domain.history.reading import Wanted
from collector.domain.history.rules import Step
from collector.domain.history.tables import metric_day, metric_hour, metric_point, status_interval
from collector.domain.results.tables import gap, received_range, run, unknown_record
from collector.domain.retention import dividing, rules, store, thinning
from collector.domain.retention.rules import Keep
from collector.domain.schedules import executions
from collector.domain.schedules.executions import Done
from collector.domain.schedules.tables import aws_execution
from collector.domain.services.tables import baseline_span, coverage_span
from collector.domain.tickets.tables import ticket
from common.wire import Gap, Kind
from tests.collector.builders import T0, outcome
from tests.collector.domain import sending
from tests.collector.domain.sending import MINUTE, Sender

KEEP = Keep(raw=14, hourly=90, daily=1095, runs=90, records=90, findings=1095, executions=400, services=400)
DAY = timedelta(days=1)


@pytest.fixture
async def sender(database: Database) -> Sender:
    return await sending.sender(database)


async def forget(db: Database, now: datetime) -> None:
    while await db.write(store.forgetting(KEEP), now, 50) == 50:
        pass
    await db.write(dividing.keeping(KEEP), now, 50)


async def spans(sender: Sender, step: Step, begin: datetime, end: datetime) -> list[tuple[int, float, float, float]]:
    wanted = Wanted(metric="REDOLOG_SIZE", begin=begin, end=end, step=step)
    found = await sender.db.read(reading.history, sender.here.tenant, await sender.connection_id(), wanted)
    assert found is not None
    return [(one.points, one.low, one.average, one.high) for one in found.spans]


async def test_values_become_hours_and_hours_become_days(sender: Sender) -> None:
    for minute, value in ((0, 1.0), (10, 3.0), (90, 8.0)):
        await sender.visit(T0 + minute * MINUTE, outcome(value=value))
    await sender.visit(T0 + 20 * DAY, outcome(value=5.0))
    assert await spans(sender, "raw", T0, T0 + DAY) == [(1, 1.0, 1.0, 1.0), (1, 3.0, 3.0, 3.0), (1, 8.0, 8.0, 8.0)]
    await forget(sender.db, T0 + 20 * DAY)
    assert await spans(sender, "raw", T0, T0 + DAY) == []
    assert len(await sender.all(metric_point)) == 2  # the last value, and its score
    assert await spans(sender, "hour", T0, T0 + DAY) == [(2, 1.0, 2.0, 3.0), (1, 8.0, 8.0, 8.0)]
    assert await spans(sender, "day", T0, T0 + 30 * DAY) == [(3, 1.0, 4.0, 8.0), (1, 5.0, 5.0, 5.0)]
    await forget(sender.db, T0 + 100 * DAY)
    assert await spans(sender, "hour", T0, T0 + DAY) == []
    assert await spans(sender, "day", T0, T0 + 30 * DAY) == [(3, 1.0, 4.0, 8.0), (1, 5.0, 5.0, 5.0)]
    await forget(sender.db, T0 + 1200 * DAY)
    assert [len(await sender.all(table)) for table in (metric_point, metric_hour, metric_day)] == [0, 0, 0]


async def test_a_value_that_comes_after_its_day_was_made_is_in_it(sender: Sender) -> None:
    await sender.visit(T0, outcome(value=4.0))
    await forget(sender.db, T0 + 100 * DAY)
    late = sender.run(T0 + MINUTE, outcome(value=8.0))
    await sender.send(late, now=T0 + 101 * DAY)
    assert await spans(sender, "day", T0, T0 + DAY) == [(2, 4.0, 6.0, 8.0)]
    await forget(sender.db, T0 + 102 * DAY)
    assert await spans(sender, "day", T0, T0 + DAY) == [(2, 4.0, 6.0, 8.0)]
    assert await sender.all(metric_hour) == []


async def test_runs_go_and_the_newest_one_stays(sender: Sender) -> None:
    for day in range(3):
        await sender.visit(T0 + day * DAY, outcome())
    await forget(sender.db, T0 + 91.5 * DAY)
    assert [row.ended_at for row in await sender.all(run)] == [T0 + 2 * DAY]
    await forget(sender.db, T0 + 500 * DAY)
    assert len(await sender.all(run)) == 1


async def test_executions_go_after_a_year_and_a_month(sender: Sender) -> None:
    for day in (0, 1):
        done = Done(
            tenant_id=sender.here.tenant,
            schedule_id="sched_1",
            edge=T0 + day * DAY,
            action="STOP",
            at=T0 + day * DAY,
            status="SUCCEEDED",
            results={},
        )
        await sender.db.write(executions.save, sender.here.tenant, done)
    await forget(sender.db, T0 + 400.5 * DAY)
    assert [row.edge for row in await sender.all(aws_execution)] == [T0 + DAY]


async def test_resolved_findings_go_after_years_and_open_ones_never(sender: Sender) -> None:
    await sender.visit(T0, outcome("A", "critical"), outcome("B", "critical"))
    await sender.visit(T0 + DAY, outcome("A", "ok"))
    await forget(sender.db, T0 + 1000 * DAY)
    assert [len(await sender.all(table)) for table in (ticket, alert)] == [2, 2]
    await forget(sender.db, T0 + 1100 * DAY)
    assert [row.check_id for row in await sender.all(ticket)] == ["B"]
    assert [row.check_id for row in await sender.all(alert)] == ["B"]


async def test_what_services_were_like_goes_and_what_goes_on_stays(sender: Sender) -> None:
    await sender.visit(T0, outcome("A", "critical"), outcome("B", "critical"))
    await sender.visit(T0 + DAY, outcome("A", "ok"))
    assert [len(await sender.all(table)) for table in (baseline_span, coverage_span)] == [2, 1]
    await forget(sender.db, T0 + 401 * DAY)
    assert [len(await sender.all(table)) for table in (baseline_span, coverage_span)] == [2, 0]
    await forget(sender.db, T0 + 402 * DAY)
    assert [row.check_id for row in await sender.all(baseline_span)] == ["B"]


async def test_the_present_status_stays_however_old_it_is(sender: Sender) -> None:
    await sender.visit(T0, outcome("A", "critical", cap=50))
    await sender.visit(T0 + DAY, outcome("A", "ok"))
    await forget(sender.db, T0 + 2000 * DAY)
    assert [row.status for row in await sender.all(status_interval)] == ["healthy"]


async def test_a_forgotten_gap_is_not_asked_for_again(sender: Sender) -> None:
    lost = Gap(stream="live", first=3, last=9, reason="spool_full", count=7)
    await sender.send((Kind.GAP, T0, lost), ("sunspots", T0, {"count": 1}))
    sender._next = 10
    ack = await sender.send(sender.run(T0, outcome()))
    assert ack.gaps == ()
    await forget(sender.db, T0 + 91 * DAY)
    assert [len(await sender.all(table)) for table in (gap, unknown_record)] == [0, 0]
    assert (await sender.send(sender.run(T0 + 91 * DAY, outcome()), now=T0 + 91 * DAY)).gaps == ()
    assert [(row.first, row.last) for row in await sender.all(received_range)] == [(1, 11)]


async def test_all_connections_have_their_turn_in_slices(sender: Sender) -> None:
    names = [f"C{number}" for number in range(2 * store.AT_ONCE + 1)]
    await sender.inventory(*names, at=T0 + MINUTE)
    visits = [sender.run(T0 + MINUTE, outcome(value=1.0), connection=name.lower()) for name in names]
    await sender.send(*visits, now=T0 + MINUTE)
    assert await sender.db.write(store.forgetting(KEEP), T0 + 100 * DAY, 50) == 50
    left = {row.series_id for row in await sender.all(metric_hour)}
    assert 0 < len(left) < 2 * len(names)
    await forget(sender.db, T0 + 100 * DAY)
    assert await sender.all(metric_hour) == []
    assert await sender.db.write(store.forgetting(KEEP), T0 + 100 * DAY + MINUTE, 50) == 0


async def test_it_rests_between_rounds(sender: Sender) -> None:
    now = T0 + 20 * DAY
    await forget(sender.db, now)
    await sender.visit(T0, outcome(value=1.0))
    await forget(sender.db, now + 59 * MINUTE)
    assert len(await sender.all(metric_point)) == 2
    await forget(sender.db, now + 61 * MINUTE)
    assert await sender.all(metric_point) == []


async def test_bundles_go_but_not_those_among_which_it_is_told_what_is_missing(sender: Sender) -> None:
    tenant, agent = sender.here.tenant, sender.here.id
    for number, day in ((1, 0), (2, 95), (3, 0), (LOOK_BACK + 3, 96)):
        at = T0 + day * DAY
        one = bundles.Imported("e", number, "digest", at, at, records=1, fresh=1)
        await sender.db.write(bundles.save, tenant, agent, one)
    await forget(sender.db, T0 + 91 * DAY)
    assert sorted(row.number for row in await sender.all(bundle_import)) == [2, 3, LOOK_BACK + 3]
    await forget(sender.db, T0 + 200 * DAY)
    assert sorted(row.number for row in await sender.all(bundle_import)) == [3, LOOK_BACK + 3]


async def test_a_database_that_is_too_large_forgets_old_values_first_and_nothing_but_values(sender: Sender) -> None:
    for day in (*range(14), 13.5):
        await sender.visit(T0 + day * DAY, outcome("A", "critical", value=float(day)))
    kept = [ticket, alert, run, metric_hour, status_interval, activity_entry]
    before = [len(await sender.all(table)) for table in kept]
    thin, now = thinning.thinning(KEEP, Terms(budget=1)), T0 + 14 * DAY
    left = len(await sender.all(metric_point))
    for turn in range(40):
        at = now + turn * thinning.EVERY
        assert await sender.db.write(thin, at, 50) == 0
        await forget(sender.db, at)
        assert len(await sender.all(metric_point)) <= left
        left = len(await sender.all(metric_point))
    assert left == (2 if sender.db.name == "sqlite" else 16), "the last day's value and its score, or the last week's"
    assert [len(await sender.all(table)) for table in kept] == before


async def test_a_database_that_is_not_too_large_keeps_its_values(sender: Sender) -> None:
    await sender.visit(T0, outcome(value=1.0))
    await sender.db.write(thinning.thinning(KEEP, Terms(budget=2**40, reserve=0)), T0 + 13 * DAY, 50)
    await forget(sender.db, T0 + 13 * DAY)
    assert len(await sender.all(metric_point)) == 2


@given(st.floats(0, 5000), st.integers(1, 400))
def test_what_goes_sooner_never_comes_back_and_the_last_day_stays(days: float, turns: int) -> None:
    cut = now = T0
    cut -= days * DAY
    for _ in range(turns):
        earlier, cut = cut, rules.sooner(cut, now)
        assert cut >= earlier
    assert cut <= max(now - DAY, now - days * DAY)
