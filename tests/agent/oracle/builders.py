"""What checks are judged on, built from a few words: facts, rows and the rest default to a healthy 19c primary."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from agent.host.readings import HostSnapshot
from agent.oracle.catalogue import Check, Disk, Facts, Levels, Login, Rows, Sample, Seen
from agent.oracle.reference import Reference, Support
from common.wire import Outcome

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
T = TypeVar("T")

_PRIMARY: dict[str, Any] = {
    "db_name": "ORCL",
    "unique_name": "ORCL",
    "dbid": 1_234_567_890,
    "instance_name": "ORCL",
    "instance_number": 1,
    "host_name": "db1",
    "release": (19, 0),
    "version": "19.25.0.0.0",
    "edition": "Enterprise",
    "platform": "Linux x86 64-bit",
    "role": "PRIMARY",
    "open_mode": "READ WRITE",
    "log_mode": "ARCHIVELOG",
    "cdb": False,
    "con_id": 0,
    "con_name": "ORCL",
    "containers": (),
    "rac": False,
    "lowest_instance": True,
    "asm": False,
    "standby_configured": False,
    "user": "MON",
    "tier": "prod",
    "packs": frozenset(),
}
_UPDATES = {"19.22": 60, "23.6": 60, "19.10": 2200}
_SUPPORT = {"19": (1200, 2300), "23": (1900, None)}
_HOST: dict[str, Any] = {"system": "Linux", "boot": 1_790_000_000.0}


def build(kind: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from plain data; a field that it does not have is an error, not silence."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # every kind here is a dataclass
    if strange := set(values) - known:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(strange))}")
    return msgspec.convert(values, kind)


def facts(**overrides: Any) -> Facts:
    """An open 19c primary on one instance, no CDB, tier prod, ARCHIVELOG; `cdb=True` means a session in the root."""
    if overrides.get("cdb"):
        overrides = {"con_id": 1, "con_name": "CDB$ROOT", **overrides}
    return build(Facts, {**_PRIMARY, **overrides})


def host(**overrides: Any) -> HostSnapshot:
    return build(HostSnapshot, {**_HOST, **overrides})


def reference(
    today: date | None = None,
    *,
    issued: int = 10,
    updates: Mapping[str, int] | None = None,
    support: Mapping[str, tuple[int | None, int | None]] | None = None,
) -> Reference:
    """A table in days from `today` (that of `NOW`): `updates` so many days old, premier and extended `support` for so
    many more. Without words, the updates of the healthy scenarios are two months old and `neglected`'s is six years.
    """
    day = today or NOW.date()
    return Reference(
        issued=day - timedelta(days=issued),
        release_updates={
            name: day - timedelta(days=age) for name, age in (_UPDATES if updates is None else updates).items()
        },
        support={
            name: Support(premier=_in(day, ends[0]), extended=_in(day, ends[1]))
            for name, ends in (_SUPPORT if support is None else support).items()
        },
    )


def _in(day: date, days: int | None) -> date | None:
    return None if days is None else day + timedelta(days=days)


def seen(
    check: Check,
    *,
    rows: Mapping[str, Rows] | None = None,
    facts: Facts | None = None,
    levels: Mapping[str, float | None] | None = None,
    history: Sequence[tuple[float, Mapping[str, float]]] = (),
    login: Mapping[str, Any] | None = None,
    disks: Sequence[Disk] = (),
    host: HostSnapshot | None = None,
    peers: Sequence[Outcome] = (),
    reference: Reference | None = None,
) -> Seen:
    """What `check` sees; a query without rows here returned none. `history`: (seconds ago, values), any order."""
    given = rows or {}
    if strange := set(given) - {query.name for query in check.queries}:
        raise ValueError(f"{check.id} runs no query called {', '.join(sorted(strange))}")
    samples = [Sample(NOW - timedelta(seconds=ago), values) for ago, values in history]
    return Seen(
        facts=facts or build(Facts, _PRIMARY),
        rows={query.name: given.get(query.name, ()) for query in check.queries},
        levels=_levels(check, levels),
        now=NOW,
        login=build(Login, {"ok": True, "seconds": 0.1, **(login or {})}),
        history=sorted(samples, key=lambda sample: sample.at),
        disks=disks,
        host=host,
        peers=peers,
        reference=reference,
    )


def _levels(check: Check, overrides: Mapping[str, float | None] | None) -> Levels:
    declared = check.numeric
    changed = {"warning": declared.warning, "critical": declared.critical, **(overrides or {})}
    return Levels(changed["warning"], changed["critical"], below=declared.below)
