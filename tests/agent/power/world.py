"""An account as schedules see it, behind the two functions by which an agent reaches one, and an agent's part for it.

It keeps states, takes a minute to start and to stop, refuses what it is told to refuse, and can be made to end the
agent at any step: before or after a look, a call, or anything that is written.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from msgspec import structs

from agent.aws.child import AskingError
from agent.disk import DiskThread
from agent.power.executor import Executor
from agent.power.ledger import Ledger
from agent.power.messages import Call, Looked, LookRequest, Seen, Switched, SwitchRequest
from agent.power.resource import Group, Instance, Observed, Resource, Sizes
from agent.problems import Problems
from agent.sink import Sink
from agent.spool import Limits, Spool
from common import wire
from common.wire import Assignment
from common.wire_aws import Account, Action, Execution, Matches, Override, Schedule
from tests.agent.power.builders import at

P = ParamSpec("P")
R = TypeVar("R")

ROLE = "arn:aws:iam::111122223333:role/fieldpost-schedule"
POLICY = '[[role]]\narn = "arn:aws:iam::*:role/fieldpost-schedule"\nallow = ["read", "switch"]\n'
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
OFFICE_TAG = {"Schedule": "office"}


class Crash(Exception):  # noqa: N818 - it is no error of the agent
    """The process is gone."""


async def _nothing() -> None:
    """Goes on while AWS is looked at."""


@dataclass
class Machine:
    """Anything that runs or does not; `until` ends what it is in between."""

    resource: Resource
    rate: float | None = 0.096
    running_hours: float | None = 730.0
    until: datetime | None = None
    fails_to_start: str = ""


@dataclass
class World:
    """`switched`: every call that was followed; `crash_in`: how many more steps until the agent ends, never without;
    `protected`: instances that may not be stopped; `asked`: of how many each look has asked that.
    """

    now: datetime
    machines: dict[str, Machine] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    switched: list[tuple[datetime, str, Action]] = field(default_factory=list)
    dry: list[str] = field(default_factory=list)
    looks: list[LookRequest] = field(default_factory=list)
    requests: list[SwitchRequest] = field(default_factory=list)
    skew_s: float = 0.0
    down: str = ""
    answers: int | None = None
    crash_in: int | None = None
    instant: bool = False
    protected: set[str] = field(default_factory=set)
    asked: list[tuple[datetime, int]] = field(default_factory=list)
    during_looks: Callable[[], Awaitable[None]] = _nothing

    def add(self, *resources: Resource, **given: Any) -> None:
        for resource in resources:
            self.machines[resource.id] = Machine(resource, **given)

    def state(self, name: str) -> Observed:
        self._pass()
        return self.machines[name].resource.state

    def by_hand(self, name: str, state: Observed) -> None:
        machine = self.machines[name]
        launched = self.now if state == "RUNNING" else machine.resource.launched_at
        machine.resource = structs.replace(machine.resource, state=state, launched_at=launched, fault="")
        machine.until = None

    def step(self) -> None:
        """A point at which the agent may end."""
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0:
                self.crash_in = None
                raise Crash

    async def look(self, request: LookRequest, early: Callable[[Looked], None]) -> Looked:
        self.step()
        self.looks.append(request)
        if self.down:
            raise AskingError(self.down)
        self._pass()
        found = {name: machine for name, machine in self.machines.items() if _wanted(machine.resource, request)}
        if request.worth:
            early(
                Looked(self.now, self.skew_s, tuple(Seen(machine.resource) for machine in found.values()), early=True)
            )
        await self.during_looks()
        asked = {
            name: name in self.protected
            for name in found
            if name in self.running() and (request.again or name not in request.protection)
        }
        self.asked += [(self.now, len(asked))]
        seen = [
            Seen(
                _spared(machine.resource, asked.get(name, request.protection.get(name, False))),
                rate=machine.rate if request.worth else None,
                price_label="BUNDLED" if request.worth else "UNKNOWN",
                running_hours=machine.running_hours if request.worth else None,
            )
            for name, machine in found.items()
        ]
        self.step()
        return Looked(self.now, self.skew_s, tuple(seen), protection=asked)

    def running(self) -> set[str]:
        """The instances that run."""
        every = {name: machine.resource for name, machine in self.machines.items()}
        return {name for name, one in every.items() if one.state == "RUNNING" and one.type == "EC2"}

    async def switch(self, request: SwitchRequest) -> AsyncGenerator[Switched, None]:
        self.requests.append(request)
        for number, call in enumerate(request.calls):
            await asyncio.sleep(0)
            self.step()
            if self.answers is not None and number >= self.answers:
                raise AskingError("the child process ended with code -9")
            answer = self._answer(call)
            self.step()
            yield answer

    def _answer(self, call: Call) -> Switched:
        code = self.refusals.get(call.resource)
        if call.resource in self.protected and call.action == "STOP":
            code = "OperationNotPermitted"
        if code:
            return Switched(call.resource, call.action, "refused", code, "so it is")
        if call.dry_run:
            self.dry.append(call.resource)
            return Switched(call.resource, call.action, "would_work")
        self.switched.append((self.now, call.resource, call.action))
        self._switch(self.machines[call.resource], call)
        return Switched(call.resource, call.action, "accepted")

    def _switch(self, machine: Machine, call: Call) -> None:
        starting = call.action == "START"
        kind = machine.resource.kind
        if isinstance(kind, Group):
            kind = Group(sizes=call.sizes or Sizes(0, 0, 0)) if starting else Group(sizes=Sizes(0, 0, 0))
        machine.resource = structs.replace(
            machine.resource,
            kind=kind,
            state="STARTING" if starting else "STOPPING",
            launched_at=self.now + SECOND if starting else machine.resource.launched_at,
            fault="",
        )
        machine.until = self.now if self.instant else self.now + MINUTE
        self._pass()

    def _pass(self) -> None:
        for machine in self.machines.values():
            if machine.until is None or machine.until > self.now:
                continue
            machine.until = None
            came = machine.resource.state == "STARTING" and not machine.fails_to_start
            fault = machine.fails_to_start if machine.resource.state == "STARTING" else ""
            machine.resource = structs.replace(machine.resource, state="RUNNING" if came else "STOPPED", fault=fault)


class Inline(DiskThread):
    """Writes at once, in a world in which the agent may end before and after."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        self._world.step()
        done = work(*args, **kwargs)
        self._world.step()
        return done


class Host:
    """An agent's part for schedules, which survives being started again as often as it is ended."""

    def __init__(self, folder: Path, world: World, *schedules: Schedule, policy: str = POLICY) -> None:
        self.world = world
        self.folder = folder
        self.ledger = Ledger(folder / "power.sqlite")
        self.ledger._db.execute("PRAGMA synchronous = OFF")
        self.spool = Spool(folder, Limits(min_free=0))
        self.assignment = Assignment("v1", accounts=(account(),), schedules=schedules)
        self.durable: list[tuple[str, bytes]] = []
        self.folder.joinpath("aws.toml").write_text(policy)
        self.start()

    def start(self) -> None:
        """As the agent starts; what was in memory is gone."""
        self.spool._take()
        self.problems = Problems()
        self.executor = Executor(
            self.ledger,
            Sink(self.spool, now=lambda: self.world.now),
            Inline(self.world),
            assignment=lambda: self.assignment,
            flush=self._flush,
            look=self.world.look,
            switch=self.world.switch,
            problems=self.problems,
            state_dir=self.folder,
            config_dir=self.folder,
            now=lambda: self.world.now,
        )

    def close(self) -> None:
        self.ledger.close()
        self.spool._take()
        self.spool.close()

    def want(self, *schedules: Schedule, overrides: tuple[Override, ...] = ()) -> None:
        self.assignment = structs.replace(self.assignment, schedules=schedules, overrides=overrides)
        self.executor.changed()

    async def tick(self) -> bool:
        """One tick; False when the agent ended in it and was started again."""
        lived = True
        try:
            await self.executor.tick(self.world.now)
        except* Crash:
            lived = False
        if not lived:
            self.start()
        return lived

    async def until(self, moment: str | datetime) -> None:
        """Tick every minute until then, and then."""
        end = at(moment) if isinstance(moment, str) else moment
        await self.tick()
        while self.world.now < end:
            self.world.now = min(self.world.now + MINUTE, end)
            await self.tick()

    def _flush(self) -> bool:
        self.durable += [(entry.kind, entry.body) for entry in self.spool._take()[0]]
        return True

    def executions(self) -> list[Execution]:
        self._flush()
        return [wire.decode(body, Execution) for kind, body in self.durable if kind == "aws_execution"]

    def matches(self) -> list[Matches]:
        self._flush()
        return [wire.decode(body, Matches) for kind, body in self.durable if kind == "aws_matches"]

    def results(self) -> dict[tuple[str, str, str, str], str]:
        """As the collector adds them up: (schedule, edge, action, resource) -> result."""
        return {
            (one.schedule, f"{one.edge:%d %H:%M}", one.action, result.resource): result.result
            for one in self.executions()
            for result in one.results
        }


def _wanted(one: Resource, request: LookRequest) -> bool:
    """As the child process looks: all that is asked for and no more."""
    tagged = any(all(one.tags.get(tag) == value for tag, value in tags.items()) for tags in request.tags)
    return one.type in request.types and (tagged or one.id in request.ids)


def _spared(one: Resource, protected: bool) -> Resource:  # noqa: FBT001 - an answer of AWS
    if not isinstance(one.kind, Instance):
        return one
    return structs.replace(one, kind=structs.replace(one.kind, stop_protected=protected))


def account() -> Account:
    return Account("111122223333", "Test", ROLE, "fp-1", ("eu-west-1",))


def machine(name: str, state: Observed = "RUNNING", *, tags: dict[str, str] | None = None, **kind: Any) -> Resource:
    return Resource(id=name, type="EC2", state=state, kind=Instance(**kind), tags=OFFICE_TAG if tags is None else tags)


def group(name: str, sizes: Sizes) -> Resource:
    return Resource(id=name, type="ASG", state="RUNNING", kind=Group(sizes=sizes), tags=OFFICE_TAG)


def tagged(resource: Resource, **more: str) -> Resource:
    return structs.replace(resource, tags={**resource.tags, **{f"fieldpost:{tag}": text for tag, text in more.items()}})
