"""Heavy checks wait for the night and for one another; logons of many connections are spread out."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from agent.config import Connection, make_connection
from agent.oracle.catalogue import Check, Levels, Query
from agent.oracle.custom import parse
from agent.oracle.judging import ok
from agent.oracle.samples import Samples
from agent.oracle.thresholds import Effective, effective
from agent.problems import Problems
from agent.quiet import Window
from agent.supervisor import Supervisor
from agent.visiting import Place
from agent.watch import Watch
from agent.watching import LOGON_EVERY_S, SPREAD_OVER_S, Watching
from common.wire import CheckSetting, Run
from tests.agent.waiting import until

NIGHT = Window(time(22), time(6))
SEGMENTS, INDEXES = Query("segments", "SELECT 1 AS n FROM dual", "heavy"), Query("indexes", "SELECT 2", "heavy")


def check(name: str, *queries: Query) -> Effective:
    declared = Check(
        id=name,
        category="objects",
        title="",
        unit="",
        levels=Levels(None, None),
        judge=lambda _: ok(""),
        remediation="",
        source="",
        interval_s=86_400 if queries else 60,
        queries=queries,
        cost="heavy" if queries else "cheap",
    )
    return effective(declared, (), key="k", tags=())


CHECKS = [check("A", SEGMENTS), check("B", INDEXES), check("C", SEGMENTS), check("LIGHT")]


def connection(name: str = "k") -> Connection:
    return make_connection({"key": name, "name": name, "user": "u", "host": "h", "service": "s", "password_env": "P"})


def at(clock: str, *, days: int = 0) -> datetime:
    """By this host's clock."""
    return datetime.combine(datetime(2026, 5, 14), time.fromisoformat(clock)).astimezone() + timedelta(days=days)  # noqa: DTZ001 - local


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with closing(Samples(tmp_path / "samples.sqlite")) as samples:
        yield Watch(Place.make(connection(), samples), settings=lambda: (), emit=lambda _: None, window=NIGHT)


def due(watch: Watch, now: datetime) -> list[str]:
    watch.place.oracle.now = lambda: now.astimezone(UTC)
    return [found.check.id for found in watch.due(CHECKS)]


def ran(watch: Watch, now: datetime, *names: str, timed_out: frozenset[str] = frozenset()) -> None:
    watch._timetable.ran([found for found in CHECKS if found.check.id in names], now, timed_out=timed_out)


def test_a_heavy_check_runs_first_in_the_night_and_in_a_visit_of_its_own(watch: Watch) -> None:
    assert due(watch, at("12:00")) == ["LIGHT"]
    ran(watch, at("12:00"), "LIGHT")
    assert due(watch, at("12:00")) == [], "its first run waits as well"
    assert due(watch, at("23:00")) == ["LIGHT"], "light checks are not held up"
    ran(watch, at("23:00"), "LIGHT")
    assert due(watch, at("23:00")) == ["A", "C"], "those that share a statement go together"
    ran(watch, at("23:00"), "A", "C")
    assert due(watch, at("23:00")) == ["B"]
    ran(watch, at("23:00"), "B")
    assert due(watch, at("23:00")) == []


def test_one_that_ran_by_day_on_demand_waits_for_the_next_night(watch: Watch) -> None:
    ran(watch, at("14:00"), "A", "B", "C", "LIGHT")
    assert due(watch, at("23:00")) == ["LIGHT"]
    ran(watch, at("14:00", days=1), "LIGHT")
    assert due(watch, at("14:00", days=1)) == []
    ran(watch, at("22:00", days=1), "LIGHT")
    assert due(watch, at("22:00", days=1)) == ["A", "C"]


def test_one_that_timed_out_leaves_out_a_night(watch: Watch) -> None:
    ran(watch, at("23:00"), "A", "B", "C", timed_out=frozenset({"A", "C"}))
    ran(watch, at("23:00", days=1), "LIGHT")
    assert due(watch, at("23:00", days=1)) == ["B"]
    ran(watch, at("23:00", days=2), "LIGHT", "B")
    assert due(watch, at("23:00", days=2)) == ["A", "C"]


def test_one_that_runs_several_times_a_day_does_not_wait_for_the_night(watch: Watch) -> None:
    watch.place.oracle.now = lambda: at("12:00").astimezone(UTC)
    hourly = replace(CHECKS[0], interval_s=3600)
    assert watch.due([CHECKS[3], CHECKS[1], hourly]) == [CHECKS[3]]
    ran(watch, at("12:00"), "LIGHT")
    assert watch.due([CHECKS[3], CHECKS[1], hourly]) == [hourly]


async def test_while_another_target_is_at_a_heavy_statement_ours_waits(watch: Watch) -> None:
    ran(watch, at("23:00"), "LIGHT")
    async with watch.place.oracle.heavy:
        assert due(watch, at("23:00")) == []
        assert watch._pause(CHECKS) == 5.0
    assert due(watch, at("23:00")) == ["A", "C"]


def test_by_day_the_wait_is_not_busy(watch: Watch) -> None:
    ran(watch, at("12:00"), "LIGHT")
    assert due(watch, at("12:00")) == []
    assert watch._pause(CHECKS[:3]) == 60.0


def test_own_checks_come_and_go_without_a_restart(watch: Watch) -> None:
    own: list[dict[str, Check]] = [{}]
    changing = replace(watch, own=lambda: own[-1])
    before = {found.check.id for found in changing.checks()}
    (mine,) = parse(
        '[[check]]\nid = "OWN_ONE"\ntitle = "x"\nsql = "SELECT 1 AS value FROM dual"\nwarning = 2\n', file="f", taken=()
    )
    own.append({mine.id: mine})
    assert {found.check.id for found in changing.checks()} - before == {"OWN_ONE"}
    own.append({})
    assert {found.check.id for found in changing.checks()} == before


def test_checks_are_made_anew_when_the_collector_wants_something_else_and_only_then(watch: Watch) -> None:
    wanted: list[tuple[CheckSetting, ...]] = [()]
    changing = replace(watch, settings=lambda: wanted[-1])
    before = changing.checks()
    assert changing.checks() is before
    wanted.append((CheckSetting(check="DB_CONNECT", origin="tenant", interval_s=30),))
    after = {found.check.id: found.interval_s for found in changing.checks()}
    assert {found.check.id for found in before if after[found.check.id] != found.interval_s} == {"DB_CONNECT"}


class Noting:
    """A watch that notes when it began."""

    def __init__(self, begun: dict[str, float], name: str) -> None:
        self._begun = begun
        self._name = name

    async def run(self) -> None:
        self._begun[self._name] = asyncio.get_running_loop().time()
        await asyncio.Event().wait()

    async def check_now(self) -> Run:
        raise AssertionError("not asked for")


async def test_many_connections_log_on_one_after_the_other() -> None:
    begun: dict[str, float] = {}
    supervisor = Supervisor(Problems())
    watching = Watching(supervisor, lambda found: Noting(begun, found.name))
    started = asyncio.get_running_loop().time()
    await watching.apply([connection(f"c{number}") for number in range(4)])
    await until(lambda: len(begun) == 4)
    await supervisor.stop_all(within_s=1)
    for number in range(4):
        assert begun[f"c{number}"] - started >= number * LOGON_EVERY_S - 0.01
    assert SPREAD_OVER_S / 1000 < LOGON_EVERY_S, "a thousand are all watched within a minute"
