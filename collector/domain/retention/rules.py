"""Pure: how long what is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.domain.history.rules import day_of

EVERY = timedelta(hours=1)
"""How often all connections are gone through."""

FEWEST = timedelta(days=1)
"""For so long single values are kept, however large the database is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Days of each kind: values (each, hours, days), runs, odd records, what was found, executions, services."""

    raw: int
    hourly: int
    daily: int
    runs: int
    records: int
    findings: int
    executions: int
    services: int


@dataclass(frozen=True, slots=True)
class Cuts:
    """Before when each kind is forgotten; hours go by whole days, for they become days."""

    raw: datetime
    hourly: datetime
    daily: datetime
    runs: datetime
    records: datetime
    findings: datetime
    executions: datetime
    services: datetime


def sooner(cut: datetime, now: datetime) -> datetime:
    """An eighth of what is kept goes as well, but not of the last day."""
    return max(cut, min(cut + (now - cut) / 8, now - FEWEST))


def cuts(keep: Keep, now: datetime) -> Cuts:
    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    return Cuts(
        before(keep.raw),
        day_of(before(keep.hourly)),
        day_of(before(keep.daily)),
        before(keep.runs),
        before(keep.records),
        before(keep.findings),
        before(keep.executions),
        before(keep.services),
    )
