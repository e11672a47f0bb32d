"""What holds for the executor whatever happens: crashes at any step, refusals, hands, clocks, overrides."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from agent.power.known import Area
from agent.power.resource import Observed, Sizes
from common.windows import Edge, latest_edge, next_edge
from common.wire_aws import Override, Window
from tests.agent.power.builders import at, schedule
from tests.agent.power.test_plan import windows
from tests.agent.power.world import MINUTE, OFFICE_TAG, ROLE, Host, World, group, machine

POLICY = f'[[role]]\narn = "{ROLE}"\nallow = ["read", "switch"]\ntargets = ["i-*", "web"]\n'
NAMES = ("i-1", "i-2", "web")
FOREIGN = "x-1"
NIGHT = at("2026-06-01T20:00:00")  # a Monday
AREA = Area("111122223333", "eu-west-1")


@dataclass(frozen=True)
class Event:
    """After so many minutes, something happens to one of them."""

    minutes: int
    what: Literal["nothing", "crash", "hand", "refuse", "allow", "override", "dies"]
    name: str
    number: int
    state: Observed


events = st.builds(
    Event,
    st.one_of(st.just(1), st.integers(1, 30), st.integers(100, 900)),
    st.sampled_from(("nothing", "nothing", "crash", "crash", "hand", "refuse", "allow", "override", "dies")),
    st.sampled_from(NAMES),
    st.integers(0, 25),
    st.sampled_from(("RUNNING", "STOPPED")),
)


class Run:
    """One life of an account, of which every call is judged when it is made."""

    def __init__(self, folder: Path, chosen: list[Window]) -> None:
        self.windows = chosen
        self.world = World(at("2026-03-27T12:00:00"))
        self.world.add(machine("i-1"), machine("i-2", "STOPPED"), group("web", Sizes(1, 2, 4)), machine(FOREIGN))
        schedules = [schedule(window, id=f"s{number}", tags=OFFICE_TAG) for number, window in enumerate(chosen)]
        every = [structs.replace(one, resource_types=("EC2", "ASG")) for one in schedules]
        self.host = Host(folder, self.world, *every, policy=POLICY)
        self.kept: dict[str, datetime] = {}
        self.judged = 0
        self.applied: set[tuple[str, datetime]] = set()

    async def happens(self, event: Event) -> None:
        self.world.now += event.minutes * MINUTE
        if event.what == "crash":
            self.world.crash_in = event.number
        elif event.what == "hand" and event.name != "web":
            self.world.by_hand(event.name, event.state)
        elif event.what == "refuse":
            self.world.refusals[event.name] = ("InternalError", "InsufficientInstanceCapacity")[event.number % 2]
        elif event.what == "allow":
            self.world.refusals.pop(event.name, None)
        elif event.what == "dies":
            self.world.answers = event.number % 3
        elif event.what == "override":
            until = self.world.now + event.number * 10 * MINUTE
            self.kept[event.name] = until
            override = Override("111122223333", "eu-west-1", event.name, "as_is", until)
            others = [one for one in self.host.assignment.overrides if one.resource != event.name]
            self.host.want(*self.host.assignment.schedules, overrides=(*others, override))
        await self.host.tick()
        self.world.answers = None
        self.judge()

    def judge(self) -> None:
        for moment, name, action in self.world.switched[self.judged :]:
            edge = latest_edge(self.windows, moment)
            assert edge is not None
            assert edge.action == action, "only what the latest edge wants"
            assert (name, edge.at) not in self.applied, "an edge twice"
            assert name != FOREIGN, "what the host does not allow"
            assert self.kept.get(name, moment) <= moment, "what is to be kept as it is"
            self.applied.add((name, edge.at))
        self.judged = len(self.world.switched)

    async def quiet(self) -> Edge:
        """From the next edge that lasts on nothing goes wrong any more."""
        self.world.crash_in, self.world.refusals = None, {}
        self.world.now = max([self.world.now, *self.kept.values()])
        edge = next_edge(self.windows, self.world.now)
        assert edge is not None
        while (following := next_edge(self.windows, edge.at)) and following.at - edge.at < 40 * MINUTE:
            edge = following
        self.world.now = edge.at - MINUTE
        await self.host.until(edge.at + 35 * MINUTE)
        self.judge()
        return edge


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(windows(), min_size=1, max_size=2), st.lists(events, min_size=5, max_size=30))
def test_no_edge_is_applied_twice_none_is_lost_and_nobody_is_switched_who_must_not(
    chosen: list[Window], what: list[Event]
) -> None:
    asyncio.run(_life(chosen, what))


async def _life(chosen: list[Window], what: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), chosen)
        with closing(run.host):
            await run.host.tick()
            run.judge()
            for event in what:
                await run.happens(event)
            edge = await run.quiet()
            target = "RUNNING" if edge.action == "START" else "STOPPED"
            assert {name: run.world.state(name) for name in NAMES} == dict.fromkeys(NAMES, target)
            known = run.host.ledger.known(AREA)
            assert all(known.memories[f"{kind}/{name}"].last_edge == edge.at for name, kind in _kinds())
            assert known.intents == {}
            if edge.action == "START":
                assert run.world.machines["web"].resource.kind.sizes == Sizes(1, 2, 4)  # type: ignore[union-attr]


def _kinds() -> list[tuple[str, str]]:
    return [(name, "ASG" if name == "web" else "EC2") for name in NAMES]


@asynccontextmanager
async def crashing(folder: Path, steps: int) -> AsyncIterator[Host]:
    world = World(NIGHT - 5 * MINUTE)
    world.add(machine("i-1"), machine("i-2"), group("web", Sizes(1, 2, 4)))
    with closing(
        Host(folder, world, structs.replace(schedule(tags=OFFICE_TAG), resource_types=("EC2", "ASG")))
    ) as host:
        await host.until(NIGHT - MINUTE)
        world.crash_in = steps
        yield host


@pytest.mark.parametrize("steps", range(30))
async def test_an_agent_that_ends_at_any_step_of_an_edge_applies_it_once(tmp_path: Path, steps: int) -> None:
    async with crashing(tmp_path, steps) as host:
        await host.until("2026-06-01T20:30:00")
        assert host.world.crash_in is None or steps > 20
        assert sorted(name for _, name, _ in host.world.switched) == ["i-1", "i-2", "web"]
        stops = {name: result for (_, _, action, name), result in host.results().items() if action == "STOP"}
        assert stops == {"i-1": "APPLIED", "i-2": "APPLIED", "web": "APPLIED"}
        await host.until("2026-06-02T08:30:00")
        assert host.world.requests[-1].calls[-1].sizes in (Sizes(1, 2, 4), None)
        assert {name: host.world.state(name) for name in ("i-1", "i-2", "web")} == dict.fromkeys(
            ("i-1", "i-2", "web"), "RUNNING"
        )
        assert host.world.machines["web"].resource.kind.sizes == Sizes(1, 2, 4)  # type: ignore[union-attr]
