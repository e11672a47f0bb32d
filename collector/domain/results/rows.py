"""Rows as the ingest holds them in memory between one read and one write per batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from collector.domain.results.levels import UNSEEN, Standing
from collector.domain.results.rules import AGENT_STALE, Mark
from common.wire import Outcome, Severity, Status


@dataclass(slots=True, kw_only=True)
class Target:
    """A row of `connection`; the fields are its columns."""

    tenant_id: int
    id: int
    agent_id: str
    key: str
    name: str
    type: str = "direct"
    host: str = ""
    port: int = 0
    tier: str = "prod"
    tags: Any = ()
    created_at: datetime
    listed_at: datetime | None = None
    removed_at: datetime | None = None
    latest_run_id: int | None = None
    latest_run_key: str | None = None
    latest_run_at: datetime | None = None
    reachable: bool | None = None
    facts: Any = None
    facts_at: datetime | None = None
    facts_run_key: str | None = None
    score: int | None = None
    summary_text: str | None = None
    counts: Any = None
    details: Any = None
    stale_at: datetime | None = None
    raw_score: int | None = None
    series_id: int | None = None
    status: str | None = None
    status_at: datetime | None = None
    told: str | None = None
    told_at: datetime | None = None
    covered_from: datetime | None = None
    covered_until: datetime | None = None

    @property
    def in_fleet(self) -> tuple[str, int | None] | None:
        """What the fleet shows of it; None: nothing."""
        shown = self.listed_at is not None and self.removed_at is None
        return (self.name, self.score) if shown else None

    @property
    def latest(self) -> Mark | None:
        return _mark(self.latest_run_at, self.latest_run_key)

    @property
    def facts_of(self) -> Mark | None:
        return _mark(self.facts_at, self.facts_run_key)


@dataclass(slots=True, kw_only=True)
class RunRow:
    """A row of `run`; the fields are its columns."""

    tenant_id: int
    id: int
    connection_id: int
    key: str
    started_at: datetime
    ended_at: datetime
    received_at: datetime
    trigger: str
    reachable: bool
    parts: int
    parts_seen: list[int] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    score: int | None = None


@dataclass(slots=True)
class StateRow:
    """The latest outcome of a check; `new` is the whole of it if it has to be stored."""

    check: str
    category: str
    status: Status
    severity: Severity
    line: str
    cap: int | None
    interval_s: int
    mark: Mark
    standing: Standing = UNSEEN
    series_id: int | None = None
    new: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """An outcome of a check that was a confirmed finding before it, or is one after it."""

    connection_id: int
    outcome: Outcome
    at: datetime
    before: Standing
    after: Standing


@dataclass(frozen=True, slots=True)
class Title:
    """What the catalogue adds to an outcome."""

    title: str
    interval_s: int
    enabled: bool
    remediation: str = ""
    gate: bool = False


_NO_TITLE = Title(title="", interval_s=0, enabled=True)
_OWN = {
    AGENT_STALE: Title(
        "Agent did not report", 60, enabled=True, remediation="Check the agent service and the network path."
    )
}


def title_of(titles: Mapping[str, Title], check: str) -> Title:
    """What an agent's catalogue says of a check; the collector's own checks may be missing from it."""
    return titles.get(check) or _OWN.get(check, _NO_TITLE)


def _mark(at: datetime | None, run_key: str | None) -> Mark | None:
    return Mark(at, run_key) if at is not None and run_key is not None else None
