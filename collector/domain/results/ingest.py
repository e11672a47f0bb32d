"""The one write path: a proven batch becomes states, scores, and an ack, in one transaction.

Whatever the order in which batches come, and however often, the same records end in the same tables.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection

from collector.domain.accounts import intake as accounts
from collector.domain.assignments import store as assignments
from collector.domain.costs import intake as costs
from collector.domain.results import findings, received, rules, silence, spools, store
from collector.domain.results.decode import Decoded, Known, Strange
from collector.domain.results.received import Source
from collector.domain.results.rows import Target
from collector.domain.results.store import AgentRow
from collector.domain.results.targets import Targets, apply_inventories
from collector.domain.results.telling import tell
from collector.domain.results.visits import Visits
from collector.domain.schedules import intake as schedules
from collector.domain.services import making, recording
from common import wire
from common.identity import NotAuthentic
from common.wire import Ack, Catalogue, CatalogueEntry, Gap, Heartbeat, Inventory, JobResult, Kind, Run, merge_ranges
from common.wire_aws import Execution, Matches, Scan, Verification

B = TypeVar("B")

_ENTRY_COLUMNS = ("category", "title", "remediation", "unit", "ceiling", "interval_s", "gate", "enabled")
_KINDS: dict[type, str] = {
    Scan: Kind.AWS_SCAN,
    Verification: Kind.AWS_VERIFICATION,
    Matches: Kind.AWS_MATCHES,
    Execution: Kind.AWS_EXECUTION,
}


@dataclass(frozen=True, slots=True)
class Fresh:
    """The records of a batch that were not here yet."""

    known: tuple[Known, ...]
    strange: tuple[Strange, ...]

    def of(self, kind: type[B]) -> list[tuple[datetime, B]]:
        return [(record.at, record.body) for record in self.known if isinstance(record.body, kind)]


def ingest(conn: Connection, source: Source, batch: Decoded, now: datetime) -> Ack:
    """Store what is new; `NotAuthentic` when the agent was revoked in the meantime."""
    agent = store.lock_agent(conn, source.tenant_id, source.agent_id)
    if agent.state != "active":
        raise NotAuthentic("revoked", "this agent was revoked")
    seqs = _seqs(batch)
    ranges = received.known_ranges(conn, source, seqs[0], seqs[-1])
    new = {seq for seq in seqs if not any(first <= seq <= last for first, last in ranges)}
    fresh = Fresh(
        tuple(record for record in batch.known if record.seq in new),
        tuple(record for record in batch.strange if record.seq in new),
    )
    if new:
        _store(conn, source, fresh, agent, now)
        received.add(conn, source, ranges, new)
    store.save_agent(conn, source.tenant_id, source.agent_id, agent, now)
    return Ack(
        acked=tuple(merge_ranges((seq, seq) for seq in seqs)),
        new=len(fresh.known) + len(fresh.strange),
        dup=len(seqs) - len(new),
        rejected=batch.rejected,
        gaps=received.missing(conn, source),
        server_time=now,
        assignment=assignments.version(conn, source.tenant_id, source.agent_id),
        unknown=len(batch.strange),
    )


def take_heartbeats(conn: Connection, source: Source, batch: Decoded, now: datetime) -> None:
    """What heartbeats say, where the rest of their batch has been taken already."""
    tenant_id, agent_id = source.tenant_id, source.agent_id
    agent = store.lock_agent(conn, tenant_id, agent_id)
    beats = [(record.at, record.body) for record in batch.known if isinstance(record.body, Heartbeat)]
    if _heartbeats(agent, beats, now):
        tell(conn, tenant_id, spools.watch(conn, tenant_id, agent_id, agent, now))
    store.save_agent(conn, tenant_id, agent_id, agent, now)


def refresh_stale(conn: Connection, now: datetime, limit: int) -> int:
    """Bring scores up to date whose results have become too old; returns how many there were."""
    stale = store.stale_targets(conn, now, limit)
    for tenant_id, agent_id in sorted({(target.tenant_id, target.agent_id) for target in stale}):
        store.lock_agent(conn, tenant_id, agent_id)  # another replica may be taking its next batch
        targets = Targets(conn, tenant_id, agent_id, now)
        targets.load(target.key for target in stale if (target.tenant_id, target.agent_id) == (tenant_id, agent_id))
        touched = targets.all()
        Visits(conn, tenant_id, agent_id, targets, now).refresh(touched)
        targets.save()
    return len(stale)


def _store(conn: Connection, source: Source, fresh: Fresh, agent: AgentRow, now: datetime) -> None:
    tenant_id, agent_id = source.tenant_id, source.agent_id
    targets = Targets(conn, tenant_id, agent_id, now)
    inventories = fresh.of(Inventory)
    if inventories:
        agent.inventory_at = apply_inventories(targets, inventories, agent.inventory_at)
        _close(conn, tenant_id, targets.removed, now)
        listed = [target for target in targets.all() if target.listed_at is not None]
        making.follow(conn, tenant_id, [making.of_target(target) for target in listed], now)  # before what is found
    catalogues = fresh.of(Catalogue)
    if catalogues:
        _catalogue(conn, source, agent, catalogues)
    runs = [run for _, run in fresh.of(Run)]
    own = silence.heard_again(agent, now)
    visits = Visits(conn, tenant_id, agent_id, targets, now)
    if runs or catalogues or own:
        visits.apply(runs, titles_changed=bool(catalogues), own=own)
    targets.save()
    visits.trace()
    if _heartbeats(agent, fresh.of(Heartbeat), now):
        tell(conn, tenant_id, spools.watch(conn, tenant_id, agent_id, agent, now))
    _gaps(conn, source, fresh.of(Gap))
    for _, result in fresh.of(JobResult):
        assignments.job_result(conn, tenant_id, agent_id, result, now)
    _aws(conn, source, fresh, now)
    store.keep_unknown(conn, tenant_id, [_kept(source, record, now) for record in fresh.strange])


def _aws(conn: Connection, source: Source, fresh: Fresh, now: datetime) -> None:
    """What is about an account that another agent looks after by now is kept as it came, and changes nothing."""
    tenant_id, agent_id = source.tenant_id, source.agent_id
    scans, verified = [one for _, one in fresh.of(Scan)], [one for _, one in fresh.of(Verification)]
    accounts.failures(conn, tenant_id, agent_id, [result for _, result in fresh.of(JobResult)])
    switched = [record.body for record in fresh.known if isinstance(record.body, Matches | Execution)]
    if scans or verified or switched:
        foreign: list[Scan | Verification | Matches | Execution] = [*costs.apply(conn, tenant_id, agent_id, scans)]
        foreign += accounts.apply(conn, tenant_id, agent_id, verified)
        foreign += schedules.apply(conn, tenant_id, agent_id, switched, now)
        bodies = {id(one) for one in foreign}
        kept = [_as_it_came(record) for record in fresh.known if id(record.body) in bodies]
        store.keep_unknown(conn, source.tenant_id, [_kept(source, record, now) for record in kept])


def _as_it_came(record: Known) -> Strange:
    return Strange(record.seq, record.at, _KINDS[type(record.body)], wire.encode(record.body).decode())


def _close(conn: Connection, tenant_id: int, gone: Sequence[Target], now: datetime) -> None:
    """What is not watched any more has no findings."""
    if gone:
        tell(conn, tenant_id, findings.close(conn, tenant_id, gone, now))
        numbers = [target.id for target in gone]
        recording.close(conn, tenant_id, numbers, now)
        store.forget_standing(conn, tenant_id, numbers)


def _heartbeats(agent: AgentRow, beats: Iterable[tuple[datetime, Heartbeat]], now: datetime) -> bool:
    """Keep the newest heartbeat; whether one of these is it."""
    newer = False
    for at, beat in beats:
        seen = rules.observed(at, now)
        if agent.heartbeat_at is None or agent.heartbeat_at < seen:
            agent.heartbeat_at = seen
            agent.heartbeat = msgspec.to_builtins(beat, builtin_types=(datetime,))
            agent.version, agent.clock_offset_s = beat.version, beat.clock_offset_s
            agent.bundle_every_s = beat.bundle_every_s or None
            newer = True
    return newer


def _catalogue(
    conn: Connection, source: Source, agent: AgentRow, catalogues: Iterable[tuple[datetime, Catalogue]]
) -> None:
    uploaded = store.entries_at(conn, source.tenant_id, source.agent_id)
    changed: dict[str, dict[str, Any]] = {}
    for at, catalogue in catalogues:
        if agent.catalogue_at is None or agent.catalogue_at < at:
            agent.catalogue_at, agent.catalogue_digest = at, catalogue.digest
        for entry in catalogue.entries:
            if entry.check not in uploaded or uploaded[entry.check] < at:
                uploaded[entry.check] = at
                changed[entry.check] = _entry(source, entry, catalogue.digest, at)
    store.save_entries(conn, source.tenant_id, list(changed.values()))


def _entry(source: Source, entry: CatalogueEntry, digest: str, at: datetime) -> dict[str, Any]:
    named = {column: getattr(entry, column) for column in _ENTRY_COLUMNS}
    rest = {name: value for name, value in msgspec.structs.asdict(entry).items() if name not in {*named, "check"}}
    key = {"agent_id": source.agent_id, "check_id": entry.check, "digest": digest, "uploaded_at": at}
    return {**key, **named, "rest": rest}


def _gaps(conn: Connection, source: Source, gaps: Iterable[tuple[datetime, Gap]]) -> None:
    rows = [
        {
            **source.key,
            "stream": gap.stream,
            "first": gap.first,
            "last": gap.last,
            "reason": gap.reason,
            "count": gap.count,
            "reported_at": at,
        }
        for at, gap in gaps
    ]
    store.save_gaps(conn, source.tenant_id, rows)


def _kept(source: Source, record: Strange, now: datetime) -> dict[str, Any]:
    return {
        **source.key,
        "seq": record.seq,
        "kind": record.kind,
        "at": record.at,
        "body": record.body,
        "received_at": now,
    }


def _seqs(batch: Decoded) -> Sequence[int]:
    return sorted(
        [record.seq for record in batch.known]
        + [record.seq for record in batch.strange]
        + [rejection.seq for rejection in batch.rejected]
    )
