"""Orders that come while an account is looked at or switched, and what a look asks of stop protection."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from agent.power.resource import Resource
from common.wire_aws import Override, Schedule
from tests.agent.power.builders import at, schedule
from tests.agent.power.world import MINUTE, OFFICE_TAG, Host, World, machine

NIGHT = at("2026-06-01T20:00:00")  # a Monday
BEFORE = NIGHT - 5 * MINUTE


def office(**given: Any) -> Schedule:
    return structs.replace(schedule(tags=OFFICE_TAG, **given), resource_types=("EC2",))


def team(number: int) -> Schedule:
    return structs.replace(schedule(id=f"t{number}", tags={"Team": str(number)}), revision=1)


def of_team(number: int) -> Resource:
    return machine(f"m-{number}", tags={"Team": str(number)})


@pytest.fixture
def world() -> World:
    return World(BEFORE)


@pytest.fixture
def host(tmp_path: Path, world: World) -> Iterator[Host]:
    with closing(Host(tmp_path, world, office())) as made:
        yield made


def told(host: Host) -> dict[str, int]:
    """How many resources each schedule was last said to match, with their prices."""
    return {one.schedule: len(one.matched) for one in host.matches() if not one.early}


# --- during a look -------------------------------------------------------------------------------------------------


async def test_schedules_that_are_made_within_seconds_are_all_told_of_after_two_looks(host: Host, world: World) -> None:
    world.add(*(of_team(number) for number in range(5)))
    host.want(team(0))

    async def made() -> None:
        for number in range(2, 6):
            host.want(*(team(each) for each in range(number)))
            await asyncio.sleep(0)

    world.during_looks = made
    await host.tick()
    assert told(host) == {"t0": 1}, "of what was not looked at nothing is said"
    assert host.executor.wake.is_set(), "the next look follows at once"
    await host.tick()
    assert (len(world.looks), told(host)) == (2, {f"t{number}": 1 for number in range(5)})


async def test_a_look_that_shows_what_a_new_schedule_wants_serves_it_too(host: Host, world: World) -> None:
    world.add(machine("i-1"), machine("i-2"))
    later = structs.replace(office(id="s2").window, stop="21:00")

    async def made() -> None:
        host.want(office(), office(id="s2", window=later))

    world.during_looks = made
    await host.until(NIGHT + MINUTE)
    assert told(host) == {"s1": 2, "s2": 2}
    assert world.switched == [], "the union of both stops at nine"
    assert len(world.looks) == 2, "one for both, and one at the edge"


async def test_what_is_removed_during_a_look_is_not_switched(host: Host, world: World) -> None:
    world.add(machine("i-1"), of_team(1))
    host.want(office(), team(1))
    await host.tick()

    async def removed() -> None:
        host.want(office())

    world.now, world.during_looks = NIGHT, removed
    await host.tick()
    assert [call.resource for request in world.requests for call in request.calls] == ["i-1"]


async def test_a_pause_and_an_override_that_come_during_a_look_are_heeded(host: Host, world: World) -> None:
    world.add(machine("i-1"), of_team(1))
    host.want(office(), team(1))
    await host.tick()

    async def said() -> None:
        hold = Override("111122223333", "eu-west-1", "i-1", "running", NIGHT + timedelta(hours=1), "anna")
        host.want(office(), structs.replace(team(1), paused=True), overrides=(hold,))

    world.now, world.during_looks = NIGHT, said
    await host.tick()
    assert (len(world.looks), world.switched) == (2, [])


async def test_an_account_that_is_taken_away_during_a_look_is_left_without_a_word(host: Host, world: World) -> None:
    world.add(machine("i-1"))

    async def moved() -> None:
        host.assignment = structs.replace(host.assignment, accounts=())  # not even told of yet

    world.now, world.during_looks = NIGHT, moved
    await host.tick()
    assert (world.switched, told(host), host.problems.texts()) == ([], {}, ())


# --- during a call -------------------------------------------------------------------------------------------------


async def switched_while(host: Host, world: World, *newest: Schedule, overrides: tuple[Override, ...] = ()) -> int:
    """How many of five are switched by a visit during which such orders come, after the second."""
    world.add(*(machine(f"i-{number}") for number in range(5)))
    await host.tick()
    answer = world._answer

    def comes(call: Any) -> Any:
        if len(world.switched) == 2:
            host.want(*newest, overrides=overrides)
        return answer(call)

    world._answer = comes  # type: ignore[method-assign]  # the moment at which the collector speaks
    world.now = NIGHT
    await host.tick()
    return len(world.switched)


async def test_a_schedule_of_others_does_not_end_what_is_under_way(host: Host, world: World) -> None:
    assert await switched_while(host, world, office(), team(1)) == 5


async def test_a_change_for_what_is_being_switched_ends_it_at_once(host: Host, world: World) -> None:
    assert await switched_while(host, world, office(paused=True)) == 3, "the one under way, and none after it"


async def test_an_override_ends_what_is_under_way_only_where_its_own_turn_is_still_to_come(
    host: Host, world: World
) -> None:
    keep = Override("111122223333", "eu-west-1", "i-4", "running", NIGHT + timedelta(hours=1), "anna")
    assert await switched_while(host, world, office(), overrides=(keep,)) == 3
    await host.tick()
    assert sorted(name for _, name, _ in world.switched) == ["i-0", "i-1", "i-2", "i-3"]


async def test_an_override_of_what_has_been_switched_ends_nothing(host: Host, world: World) -> None:
    keep = Override("111122223333", "eu-west-1", "i-0", "running", NIGHT + timedelta(hours=1), "anna")
    assert await switched_while(host, world, office(), overrides=(keep,)) == 5


# --- what is told before prices are known --------------------------------------------------------------------------


async def test_what_a_new_schedule_matches_is_told_before_its_prices_are_asked_for(host: Host, world: World) -> None:
    world.add(machine("i-1"), machine("i-2"))
    before: list[tuple[int, float | None]] = []

    async def heard() -> None:
        before.extend((len(one.matched), one.projected_monthly_savings) for one in host.matches() if one.early)

    world.during_looks = heard
    await host.tick()
    assert before == [(2, None)]
    early, whole = host.matches()
    assert (whole.early, early.at < whole.at) == (False, True)
    assert whole.projected_monthly_savings
    await host.until("2026-06-03T20:30:00")
    assert sum(one.early for one in host.matches()) == 1, "once for each revision of a schedule"


# --- stop protection -----------------------------------------------------------------------------------------------


async def test_stop_protection_is_asked_for_once_a_day_and_where_something_is_to_be_stopped(
    host: Host, world: World
) -> None:
    world.add(*(machine(f"i-{number}") for number in range(40)))
    world.now = at("2026-06-01T12:00:00")
    await host.until("2026-06-05T11:55:00")
    asked = sum(count for _, count in world.asked)
    assert {count for _, count in world.asked} == {0, 40}
    assert asked == (1 + 4) * 40
    print(f"asked for stop protection in four days of 40 machines: {asked} times, in {len(world.looks)} looks")


async def test_what_is_protected_after_it_was_asked_for_is_skipped_at_the_next_stop(host: Host, world: World) -> None:
    world.add(machine("i-1"), machine("i-2"))
    await host.until(BEFORE + MINUTE)
    world.protected = {"i-1"}
    await host.until(NIGHT + MINUTE)
    assert [name for _, name, _ in world.switched] == ["i-2"]
    assert host.results()["s1", "01 20:00", "STOP", "i-1"] == "SKIPPED"


async def test_what_is_protected_stays_so_in_every_look_and_also_while_it_is_stopped(host: Host, world: World) -> None:
    world.protected = {"i-1"}
    world.add(machine("i-1"), machine("i-2"))
    await host.until("2026-06-01T21:00:00")
    world.by_hand("i-1", "STOPPED")
    await host.until("2026-06-04T07:00:00")
    skipped = {
        each.skipped for one in host.matches() if not one.early for each in one.matched if each.resource == "i-1"
    }
    assert skipped == {"stop protection (DisableApiStop) is on"}


async def test_a_stop_that_protection_refuses_between_edges_lets_the_next_look_ask_again(
    host: Host, world: World
) -> None:
    host.want(office(enforce=True))
    world.add(machine("i-1"))
    await host.until("2026-06-01T20:20:00")
    world.by_hand("i-1", "RUNNING")
    world.protected = {"i-1"}
    await host.until("2026-06-01T22:00:00")
    calls = [call.resource for request in world.requests for call in request.calls]
    assert calls == ["i-1", "i-1"], "the edge, and one that was refused"
    assert host.matches()[-1].matched[0].skipped == "stop protection (DisableApiStop) is on"
