"""The connections under watch: one visitor each, started, stopped and replaced as the local configuration changes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from agent.config import Connection
from agent.jobs import JobRefusedError, Work
from agent.supervisor import Supervisor
from common import logs
from common.liveness import Liveness
from common.wire import CatalogueEntry, CheckSetting, Job, Run

if TYPE_CHECKING:
    from agent.local import Local
    from agent.oracle.catalogue import Check
    from agent.oracle.samples import Samples
    from agent.quiet import Window

log = logs.get("agent")

LOGON_EVERY_S = 0.25
SPREAD_OVER_S = 60.0


class Watch(Protocol):
    """What the daemon needs of the watch over one connection."""

    async def run(self) -> None: ...
    def check_now(self) -> Awaitable[Run]: ...


MakeWatch = Callable[[Connection], Watch]


class Watching:
    """Keeps one watch per connection under the supervisor, by the connection's key."""

    def __init__(self, supervisor: Supervisor, make: MakeWatch) -> None:
        self._supervisor = supervisor
        self._make = make
        self._watched: dict[str, tuple[Connection, Watch]] = {}

    @property
    def connections(self) -> tuple[Connection, ...]:
        return tuple(connection for connection, _ in self._watched.values())

    async def apply(self, wanted: Iterable[Connection]) -> list[str]:
        """Start, stop and replace watches until `wanted` is what is watched; the keys that are gone."""
        by_key = {connection.key: connection for connection in wanted}
        changed = [key for key, (connection, _) in self._watched.items() if by_key.get(key) != connection]
        for key in changed:
            connection, _ = self._watched.pop(key)
            if not connection.paused:
                await self._supervisor.stop(_task_name(connection))
        new = [connection for key, connection in by_key.items() if key not in self._watched]
        for place, connection in enumerate(new):
            self._start(connection, after_s=place * min(LOGON_EVERY_S, SPREAD_OVER_S / len(new)))
        self._watched = {key: self._watched[key] for key in by_key}
        return [key for key in changed if key not in by_key]

    def check(self, job: Job) -> Work:
        """Handler of jobs of kind `check`: run all checks of a connection now."""
        if job.target not in self._watched:
            raise JobRefusedError(f"target `{job.target}`; expected the key of a connection of this agent")
        connection, watch = self._watched[job.target]
        if connection.paused:
            raise JobRefusedError(f"target `{job.target}`: {connection.name} is paused on the agent's host")

        async def work() -> str:
            run = await watch.check_now()
            return f"{len(run.outcomes)} outcomes of {connection.name}"

        return work

    def _start(self, connection: Connection, *, after_s: float) -> None:
        """Watch it; `after_s` keeps many connections from logging on all at once."""
        watch = self._make(connection)
        self._watched[connection.key] = connection, watch
        if connection.paused:
            log.info("connection paused", connection=connection.name)
            return
        self._supervisor.start(_task_name(connection), partial(_later, after_s, watch))
        log.info("connection watched", connection=connection.name, host=connection.host, port=connection.port)


async def _later(seconds: float, watch: Watch) -> None:
    await asyncio.sleep(seconds)
    await watch.run()


def _task_name(connection: Connection) -> str:
    return f"watch {connection.name}"


def oracle_watches(
    samples: "Samples",
    *,
    settings: Callable[[], Sequence[CheckSetting]],
    emit: Callable[[Run], None],
    clock_offset: Callable[[], float | None],
    local: Callable[[], "Local"],
    window: "Window",
    alive: Liveness,
) -> MakeWatch:
    """Watches over real Oracle sessions; the driver is loaded when the first one is made."""
    heavy = asyncio.Lock()

    def make(connection: Connection) -> Watch:
        from agent.visiting import Place  # noqa: PLC0415 - 30 MiB that an agent without connections saves
        from agent.watch import Watch as ConnectionWatch  # noqa: PLC0415 - likewise

        place = Place.make(connection, samples, clock_offset, heavy=heavy, reference=lambda: local().reference)
        return ConnectionWatch(
            place, settings=settings, emit=emit, own=lambda: local().checks, window=window, alive=alive
        )

    return make


def catalogue_entries(checks: Iterable["Check"]) -> list[CatalogueEntry]:
    """What the collector and its users are told of the checks."""
    return [
        CatalogueEntry(
            check=check.id,
            category=check.category,
            title=check.title,
            remediation=check.remediation,
            unit=check.unit,
            ceiling=check.ceiling,
            interval_s=check.interval_s,
            cost=check.cost,
            scope=check.scope,
            warning=_level(check.levels.warning),
            critical=_level(check.levels.critical),
            pack=check.pack or "",
            source=check.source,
            gate=check.gated,
            enabled=check.enabled,
        )
        for check in checks
    ]


def _level(value: str | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:g}"
