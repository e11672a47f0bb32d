"""A visit to a connection as a whole: its database, and the host that it runs on where that is the agent's own."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import msgspec

from agent.config import Connection
from agent.host.snapshot import Asked
from agent.host.visit import HostVisitor
from agent.oracle.reference import Reference
from agent.oracle.runner import Visitor
from agent.oracle.samples import Samples
from agent.oracle.thresholds import Effective
from common.wire import Run, Trigger

ClockOffset = Callable[[], float | None]
"""Seconds that the collector's clock is ahead of this host's; None while that is not known."""


@dataclass(slots=True)
class Place:
    """One connection to visit, again and again, one visit at a time."""

    oracle: Visitor
    clock_offset: ClockOffset = lambda: None
    host: HostVisitor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.connection.host_checks:
            self.host = HostVisitor(self.connection, self.oracle.samples, self._asked, now=self.oracle.now)

    @classmethod
    def make(
        cls,
        connection: Connection,
        samples: Samples,
        clock_offset: ClockOffset = lambda: None,
        *,
        heavy: asyncio.Lock | None = None,
        reference: Callable[[], Reference | None] = lambda: None,
    ) -> Self:
        """`heavy`: one lock for all places of an agent, held by who runs a heavy statement."""
        visitor = Visitor(connection, samples, heavy=heavy or asyncio.Lock(), reference=reference)
        return cls(visitor, clock_offset)

    @property
    def connection(self) -> Connection:
        return self.oracle.connection

    async def visit(self, due: Sequence[Effective], trigger: Trigger) -> Run:
        """Look at the database first: it says which of the host's file systems matter."""
        of_host = [check for check in due if check.check.category == "host"]
        of_database = [check for check in due if check.check.category != "host"]
        disks = await self.host.disks() if self.host else ()
        run = await self.oracle.visit(of_database, trigger, disks=disks)
        if not self.host or not of_host:
            return run
        outcomes, _ = await self.host.visit(of_host)
        self.oracle.latest.note(outcomes, run.started_at)
        return msgspec.structs.replace(
            run, outcomes=(*run.outcomes, *outcomes), ended_at=max(self.oracle.now(), run.ended_at)
        )

    def _asked(self) -> Asked:
        offset = self.clock_offset()
        return Asked(
            oracle_paths=self.oracle.paths,
            listeners=((self.connection.host, self.connection.port),),
            clock_offset_s=None if offset is None else -offset,
            database_release=self.oracle.release,
        )
