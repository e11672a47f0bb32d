"""The executor as a whole, over an account that keeps states: edges, pauses, crashes, days."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from agent.power.executor import CHILDREN
from agent.power.known import Area
from agent.power.messages import Looked, LookRequest
from agent.power.resource import Database, Resource, Sizes
from common.wire_aws import Override, Schedule
from tests.agent.power.builders import at, schedule
from tests.agent.power.world import MINUTE, OFFICE_TAG, Host, World, group, machine, tagged

NIGHT = at("2026-06-01T20:00:00")  # a Monday
BEFORE = NIGHT - 5 * MINUTE
AREA = Area("111122223333", "eu-west-1")


def office(**given: Any) -> Schedule:
    return structs.replace(schedule(tags=OFFICE_TAG, **given), resource_types=("EC2", "RDS", "ASG"))


@pytest.fixture
def world() -> World:
    return World(BEFORE)


@pytest.fixture
def host(tmp_path: Path, world: World) -> Iterator[Host]:
    with closing(Host(tmp_path, world, office())) as made:
        yield made


async def test_an_edge_is_applied_once_and_told_once(host: Host, world: World) -> None:
    world.add(machine("i-1"), machine("i-2", "STOPPED"), machine("i-3", tags={}))
    await host.until("2026-06-01T20:30:00")
    assert world.switched == [(NIGHT, "i-1", "STOP")]
    assert host.results() == {
        ("s1", "01 20:00", "STOP", "i-1"): "APPLIED",
        ("s1", "01 20:00", "STOP", "i-2"): "ALREADY",
    }
    assert [one.status for one in host.executions()] == ["SUCCEEDED"]


async def test_a_day_takes_a_bounded_number_of_looks_and_none_between(host: Host, world: World) -> None:
    world.add(*(machine(f"i-{number}") for number in range(40)))
    await host.until("2026-06-02T19:55:00")
    assert len(world.requests) == 2
    assert len(world.looks) <= 24 + 2 + 4
    assert sum(look.worth for look in world.looks) == 2
    print(f"looks in a day with two edges: {len(world.looks)}, of which with prices: 2; requests to switch: 2")


async def test_nothing_at_all_happens_without_schedules(host: Host, world: World) -> None:
    host.want()
    await host.until("2026-06-02T20:30:00")
    assert (world.looks, world.requests) == ([], [])


async def test_what_one_is_refused_for_is_told_and_costs_no_other_its_turn(host: Host, world: World) -> None:
    world.add(*(machine(f"i-{number}") for number in range(40)))
    world.refusals = {"i-7": "UnauthorizedOperation"}
    await host.until("2026-06-01T20:30:00")
    assert len(world.switched) == 39
    last = [one for one in host.executions() if one.action == "STOP"]
    assert [one.status for one in last] == ["PARTIAL"]
    assert {one.resource: one.detail for one in last[0].results if one.result == "FAILED"} == {
        "i-7": "UnauthorizedOperation: so it is"
    }


async def test_what_waits_for_capacity_is_told_after_ten_minutes_and_failed_at_the_next_edge(
    host: Host, world: World
) -> None:
    world.now = at("2026-06-02T07:55:00")
    world.add(machine("i-1", "STOPPED"))
    world.refusals = {"i-1": "InsufficientInstanceCapacity"}
    await host.until("2026-06-02T08:09:00")
    assert ("s1", "02 08:00", "START", "i-1") not in host.results()
    await host.until("2026-06-02T08:30:00")
    assert host.results()["s1", "02 08:00", "START", "i-1"] == "WAITING"
    await host.until("2026-06-02T20:01:00")
    assert host.results()["s1", "02 08:00", "START", "i-1"] == "FAILED"
    assert host.results()["s1", "02 20:00", "STOP", "i-1"] == "ALREADY"


async def test_a_call_for_which_there_was_no_time_is_no_try(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    world.refusals = {"i-1": "Deadline"}
    await host.until("2026-06-01T20:20:00")
    assert len(world.requests) == 21
    assert host.results()["s1", "01 20:00", "STOP", "i-1"] == "WAITING"
    world.refusals = {}
    await host.until("2026-06-01T20:25:00")
    assert host.results()["s1", "01 20:00", "STOP", "i-1"] == "LATE"


async def test_areas_beyond_a_handful_wait_for_one_another(host: Host, world: World) -> None:
    schedules = [structs.replace(office(id=f"s{n}"), region=f"eu-west-{n}") for n in range(1, 10)]
    host.want(*schedules)
    there: list[int] = []
    look, count = host.executor._reach.look, 0

    async def counting(request: LookRequest, early: Callable[[Looked], None]) -> Looked:
        nonlocal count
        count += 1
        there.append(count)
        await asyncio.sleep(0)
        count -= 1
        return await look(request, early)

    host.executor._reach = dataclasses.replace(host.executor._reach, look=counting)
    await host.tick()
    assert (len(world.looks), max(there)) == (9, CHILDREN)


async def test_what_finds_capacity_later_is_late(host: Host, world: World) -> None:
    world.now = at("2026-06-02T07:55:00")
    world.add(machine("i-1", "STOPPED"))
    world.refusals = {"i-1": "InsufficientInstanceCapacity"}
    await host.until("2026-06-02T08:20:00")
    world.refusals = {}
    await host.until("2026-06-02T09:00:00")
    assert host.results()["s1", "02 08:00", "START", "i-1"] == "LATE"
    assert host.executions()[-1].status == "SUCCEEDED"


async def test_a_start_that_does_not_last_is_told_with_its_reason(host: Host, world: World) -> None:
    world.now = at("2026-06-02T07:55:00")
    world.add(machine("i-1", "STOPPED"), fails_to_start="START_FAILED_KMS: no grant for the key of its volume")
    await host.until("2026-06-02T09:30:00")
    assert len(world.switched) == 1
    last = host.executions()[-1]
    assert (last.status, last.results[0].result) == ("FAILED", "FAILED")
    assert last.results[0].detail.startswith("START_FAILED_KMS")


async def test_what_does_not_stop_is_told_of_and_not_forced(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    await host.until(NIGHT)
    world.machines["i-1"].until = NIGHT + timedelta(hours=1)
    await host.until("2026-06-01T20:25:00")
    last = host.executions()[-1]
    assert (last.status, last.results[0].result) == ("PARTIAL", "WAITING")
    assert last.results[0].detail == "still stopping since 2026-06-01T20:00:00Z, and not forced"
    await host.until("2026-06-01T22:00:00")
    assert host.results()["s1", "01 20:00", "STOP", "i-1"] == "APPLIED"
    assert len(world.switched) == 1


async def test_databases_start_before_machines_and_stop_after_them(host: Host, world: World) -> None:
    database = Resource(id="db-1", type="RDS", state="RUNNING", kind=Database(), tags=OFFICE_TAG)
    world.add(machine("i-1"), database, tagged(machine("i-0"), order="5"))
    await host.until("2026-06-02T08:30:00")
    assert [name for _, name, _ in world.switched] == ["i-0", "i-1", "db-1", "db-1", "i-1", "i-0"]
    assert world.switched[-1][0] <= at("2026-06-02T08:05:00")


async def test_a_group_gets_its_sizes_back_though_its_tag_is_gone(host: Host, world: World) -> None:
    world.add(group("web", Sizes(1, 2, 4)))
    await host.until("2026-06-01T20:30:00")
    assert world.requests[-1].calls[0].sizes == Sizes(1, 2, 4)
    await host.until("2026-06-02T08:30:00")
    assert world.requests[-1].calls[0].sizes == Sizes(1, 2, 4)
    assert host.ledger.known(AREA).sizes == {}


async def test_names_that_occur_in_two_kinds_are_two_resources(host: Host, world: World) -> None:
    member = Resource(id="prod", type="RDS", state="RUNNING", kind=Database(cluster="prod"), tags=OFFICE_TAG)
    cluster = Resource(id="prod", type="RDS", state="RUNNING", kind=Database(is_cluster=True), tags=OFFICE_TAG)
    world.machines = {}
    world.add(cluster)
    world.machines["member"] = type(world.machines["prod"])(member)
    await host.until("2026-06-01T20:01:00")
    assert [(call.resource, call.cluster) for call in world.requests[-1].calls] == [("prod", True)]


# --- who may, and who may not --------------------------------------------------------------------------------------


async def test_what_the_host_does_not_allow_is_skipped_with_the_reason(tmp_path: Path, world: World) -> None:
    policy = '[[role]]\narn = "arn:aws:iam::*:role/fieldpost-schedule"\nallow = ["read", "switch"]\ntargets = ["i-1"]\n'
    with closing(Host(tmp_path, world, office(enforce=True), policy=policy)) as host:
        world.add(machine("i-1"), machine("i-2"))
        await host.until("2026-06-01T21:00:00")
        assert [name for _, name, _ in world.switched] == ["i-1"]
        assert host.results()["s1", "01 20:00", "STOP", "i-2"] == "SKIPPED"
        skipped = {one.resource: one.skipped for one in host.matches()[-1].matched}
        assert skipped == {"i-1": "", "i-2": "aws.toml on the agent's host does not allow to switch it"}


async def test_without_a_policy_not_even_a_look_is_taken(tmp_path: Path, world: World) -> None:
    with closing(Host(tmp_path, world, office(), policy="")) as host:
        world.add(machine("i-1"))
        await host.until("2026-06-01T20:30:00")
        assert (world.looks, world.switched) == ([], [])
        assert "does not allow to read" in host.problems.texts()[0]


async def test_an_account_that_moved_away_is_left_at_once_between_two_calls(host: Host, world: World) -> None:
    world.add(*(machine(f"i-{number}") for number in range(5)))
    answer = world._answer

    def moves(call: Any) -> Any:
        if len(world.switched) == 2:
            host.assignment = structs.replace(host.assignment, version="v2", accounts=())
            host.executor.changed()
        return answer(call)

    world._answer = moves  # type: ignore[method-assign]  # the moment at which the collector speaks
    await host.until("2026-06-01T21:00:00")
    assert len(world.switched) == 3, "the one under way, and none after it"
    assert host.ledger.areas() == frozenset()


async def test_a_schedule_that_is_removed_switches_nothing_and_is_forgotten(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    await host.until(BEFORE + MINUTE)
    host.want()
    await host.until("2026-06-02T09:00:00")
    assert (world.switched, host.ledger.areas()) == ([], frozenset())


async def test_an_assignment_that_cannot_be_read_forgets_nothing(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    await host.until(NIGHT)
    host.assignment = structs.replace(host.assignment, version="", schedules=(), accounts=())
    await host.until(NIGHT + MINUTE)
    assert host.ledger.areas() == {AREA}


# --- overrides, pauses, trials -------------------------------------------------------------------------------------


async def test_an_override_of_the_collector_holds_and_is_made_up_for_when_it_ends(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    until = NIGHT + timedelta(hours=2)
    host.want(office(), overrides=(Override("111122223333", "eu-west-1", "i-1", "running", until, "anna"),))
    await host.until("2026-06-01T21:59:00")
    assert world.switched == []
    assert host.results()["s1", "01 20:00", "STOP", "i-1"] == "OVERRIDDEN"
    await host.until("2026-06-01T22:05:00")
    assert world.switched == [(until, "i-1", "STOP")]


async def test_hours_in_a_tag_count_from_when_it_was_first_seen_also_after_a_restart(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    await host.until(BEFORE + MINUTE)
    world.machines["i-1"].resource = tagged(machine("i-1"), **{"keep-running-until": "+4h"})
    await host.until(NIGHT)
    host.start()
    await host.until("2026-06-01T23:59:00")
    assert world.switched == []
    await host.until("2026-06-02T00:30:00")
    assert world.switched == [(NIGHT + timedelta(hours=4), "i-1", "STOP")]
    last = host.executions()[-1].results[0]
    assert last.detail == "240 min after its time; fieldpost:keep-running-until is over since 2026-06-02T00:00:00Z"


async def test_a_tag_that_cannot_be_followed_is_a_problem_as_long_as_it_is_there(host: Host, world: World) -> None:
    world.add(tagged(machine("i-1"), **{"keep-running-until": "tomorrow"}))
    await host.tick()
    assert "fieldpost:keep-running-until: `tomorrow`" in host.problems.texts()[0]
    world.machines["i-1"].resource = machine("i-1")
    await host.until(NIGHT)
    assert host.problems.texts() == ()


async def test_a_pause_ends_by_itself_and_its_edges_are_not_made_up_for(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    host.want(office(paused=True, paused_until=NIGHT + timedelta(hours=1)))
    await host.until("2026-06-02T07:59:00")
    assert world.switched == []
    world.by_hand("i-1", "STOPPED")
    await host.until("2026-06-02T08:01:00")
    assert [action for _, _, action in world.switched] == ["START"]


async def test_a_trial_says_what_would_be_done(host: Host, world: World) -> None:
    host.want(office(dry_run=True))
    world.add(machine("i-1"), machine("i-2"))
    world.refusals = {"i-2": "UnauthorizedOperation"}
    await host.until("2026-06-01T21:30:00")
    assert (world.switched, world.dry) == ([], ["i-1"])
    last = host.executions()[-1]
    assert (last.status, [one.result for one in last.results]) == ("DRY_RUN", ["DRY_RUN", "FAILED"])


# --- by hand, by AWS -----------------------------------------------------------------------------------------------


async def test_what_is_started_by_hand_is_told_of_once_and_left(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    await host.until("2026-06-01T20:30:00")
    world.by_hand("i-1", "RUNNING")
    await host.until("2026-06-02T07:59:00")
    assert len(world.switched) == 1
    told = [result for one in host.executions() for result in one.results if result.result == "MANUAL"]
    assert [one.detail for one in told] == ["running by hand until START at 2026-06-02T08:00:00Z"]


async def test_enforcing_looks_every_quarter_of_an_hour(host: Host, world: World) -> None:
    host.want(office(enforce=True))
    world.add(machine("i-1"))
    await host.until("2026-06-01T20:20:00")
    world.by_hand("i-1", "RUNNING")
    await host.until("2026-06-01T20:36:00")
    assert [action for _, _, action in world.switched] == ["STOP", "STOP"]
    assert world.state("i-1") == "STOPPED"


async def test_a_database_that_aws_starts_after_seven_days_is_stopped_again(host: Host, world: World) -> None:
    weekend = structs.replace(office().window, weekdays=(1,))
    host.want(office(window=weekend))
    world.add(Resource(id="db-1", type="RDS", state="RUNNING", kind=Database(), tags=OFFICE_TAG))
    await host.until("2026-06-01T20:30:00")
    stopped, due = world.machines["db-1"], at("2026-06-05T20:00:00")
    stopped.resource = structs.replace(stopped.resource, kind=Database(restart_at=due))
    await host.until(due + timedelta(minutes=105))
    world.by_hand("db-1", "RUNNING")
    await host.until(due + timedelta(minutes=130))
    assert [action for _, _, action in world.switched] == ["STOP", "STOP"]
    assert host.executions()[-1].results[0].detail == "AWS had started it again after seven days"


# --- what goes wrong -----------------------------------------------------------------------------------------------


async def test_a_child_that_ends_in_the_middle_leaves_nobody_behind(host: Host, world: World) -> None:
    world.add(*(machine(f"i-{number}") for number in range(4)))
    world.answers = 2
    await host.until(NIGHT)
    assert "ended with code -9" in host.problems.texts()[0]
    world.answers = None
    await host.until("2026-06-01T20:10:00")
    assert sorted(name for _, name, _ in world.switched) == ["i-0", "i-1", "i-2", "i-3"]
    assert host.problems.texts() == ()


async def test_an_account_that_cannot_be_reached_is_asked_less_and_less_and_then_made_up_for(
    host: Host, world: World
) -> None:
    world.add(machine("i-1"))
    await host.until(BEFORE + MINUTE)
    world.down = "AccessDenied: the role cannot be assumed"
    await host.until("2026-06-01T22:00:00")
    assert 8 <= len(world.looks) <= 16
    assert "AccessDenied" in host.problems.texts()[0]
    assert host.results()["s1", "01 20:00", "STOP", "i-1"] == "WAITING"
    world.down = ""
    await host.until("2026-06-01T22:20:00")
    assert [name for _, name, _ in world.switched] == ["i-1"]
    assert host.results()["s1", "01 20:00", "STOP", "i-1"] == "LATE"


async def test_a_clock_that_is_wrong_switches_nothing(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    world.skew_s = 400.0
    await host.until("2026-06-01T20:30:00")
    assert world.switched == []
    assert host.executions()[-1].results[0].detail == "this host's clock and that of AWS are 400 s apart"


async def test_a_clock_that_steps_fires_nothing_twice(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    await host.until("2026-06-01T20:30:00")
    world.now = at("2026-06-01T19:30:00")
    await host.until("2026-06-01T20:40:00")
    world.now = at("2026-06-02T19:55:00")
    await host.tick()
    assert len(world.switched) == 1, "a start that would be undone in five minutes is missed"
    assert host.results()["s1", "02 08:00", "START", "i-1"] == "MISSED"


async def test_one_look_that_misses_something_does_not_forget_it(host: Host, world: World) -> None:
    world.add(machine("i-1"))
    await host.until("2026-06-01T20:30:00")
    lost = world.machines.pop("i-1")
    await host.until("2026-06-01T21:10:00")
    assert host.ledger.known(AREA).memories
    world.machines["i-1"] = lost
    world.by_hand("i-1", "RUNNING")
    await host.until("2026-06-01T23:50:00")
    assert len(world.switched) == 1
    del world.machines["i-1"]
    await host.until("2026-06-02T03:00:00")
    assert not host.ledger.known(AREA).memories
