"""Pure: how an agent is, from what it last said and when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from collector.domain.agents.rules import State

Condition = Literal["pending", "silent", "late", "attention", "waiting", "healthy", "revoked"]
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
"""What needs somebody first, first. `waiting`: enrolled, not heard of yet."""

LATE, SILENT = 1, 2
"""What `agent.silence` says."""
SPOOL_FULL = 80.0
CLOCK_OFF_S = 30.0
"""Agents are refused at 120 s."""


class Spool(NamedTuple):
    """What waits on the agent's disk, and what it had to drop."""

    records: int
    bytes: int
    limit_bytes: int
    dropped: int
    dead: int
    oldest_at: datetime | None

    @property
    def percent(self) -> float:
        return 100.0 * self.bytes / self.limit_bytes if self.limit_bytes else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The latest heartbeat."""

    started_at: datetime | None
    rss_bytes: int | None
    spool: Spool | None
    assignment: str
    problems: tuple[str, ...]
    roles: tuple[str, ...]


NO_BEAT = Beat(started_at=None, rss_bytes=None, spool=None, assignment="", problems=(), roles=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One agent as people see it.

    `lost`: records that will never come, as far as they are remembered; `parked`: machines that speak as this agent
    and are refused.
    """

    id: str
    name: str
    hostname: str
    version: str
    state: State
    enrolled_at: datetime
    revoked_at: datetime | None
    last_seen_at: datetime | None
    silence: int | None
    clock_offset_s: float | None
    beat: Beat
    connections: int
    lost: int
    parked: int = 0

    @property
    def condition(self) -> Condition:
        if self.state != "active":
            return self.state
        if self.last_seen_at is None:
            return "waiting"
        if self.silence is not None:
            return "silent" if self.silence >= SILENT else "late"
        return "attention" if self.complaints else "healthy"

    @property
    def complaints(self) -> tuple[str, ...]:
        """What is wrong with it although it reports."""
        found = list(self.beat.problems)
        if self.parked:
            found.insert(0, "Another machine has its key and is refused: it may be a clone.")
        spool = self.beat.spool
        if spool is not None and spool.percent >= SPOOL_FULL:
            found.insert(0, f"The spool is {spool.percent:.0f} % full; results get lost when it is full.")
        if spool is not None and spool.dead:
            found.append(f"The collector refused {spool.dead} of its records.")
        if self.clock_offset_s is not None and abs(self.clock_offset_s) >= CLOCK_OFF_S:
            found.append(f"Its clock differs by {self.clock_offset_s:+.0f} s; from 120 s on it is refused.")
        return tuple(found)


def beat_of(said: Any) -> Beat:
    """A stored heartbeat; agents of earlier releases say less."""
    if not isinstance(said, dict):
        return NO_BEAT
    return Beat(
        started_at=_instant(said.get("started_at")),
        rss_bytes=said.get("rss_bytes"),
        spool=_spool(said.get("spool")),
        assignment=str(said.get("assignment") or ""),
        problems=tuple(said.get("problems") or ()),
        roles=tuple(said.get("roles") or ()),
    )


def _spool(said: Any) -> Spool | None:
    if not isinstance(said, dict):
        return None
    numbers = {name: int(said.get(name) or 0) for name in ("records", "bytes", "limit_bytes", "dropped", "dead")}
    return Spool(**numbers, oldest_at=_instant(said.get("oldest_at")))


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
