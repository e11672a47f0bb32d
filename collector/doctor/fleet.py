"""What is stored of agents and deliveries that says that something is set up wrong."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from collector.core.tenancy import across_tenants
from collector.domain.agents.tables import agent, agent_instance, bundle_import
from collector.domain.tenants.tables import tenant
from collector.domain.webhooks import lanes
from collector.domain.webhooks.lanes import Backlog
from collector.domain.webhooks.tables import delivery
from common.checkup import Finding, unwell, well
from common.clock import utc_now

MAX_OFFSET_S = 30.0
_SILENT_AFTER = timedelta(minutes=15)
_LATE_BUNDLES = 2
_SHOWN = 8
_ENOUGH = 3


@dataclass(frozen=True, slots=True)
class Told:
    """One agent: its tenant's slug, and what is known of it."""

    slug: str
    id: str
    name: str
    state: str
    last_seen_at: datetime | None
    carried_every_s: int | None
    offset_s: float | None
    carried_at: datetime | None
    parked: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything of one look, at one moment."""

    at: datetime
    fleet: Sequence[Told]
    dead: int
    backlog: Backlog

    @property
    def agents(self) -> int:
        return sum(one.state == "active" for one in self.fleet)


@across_tenants("whoever runs the collector looks after all of them")
def read(conn: Connection) -> Seen:
    now = utc_now()
    carried = {(row.tenant_id, row.agent_id): row.at for row in conn.execute(_CARRIED)}
    parked = {(row.tenant_id, row.agent_id) for row in conn.execute(_PARKED)}
    fleet = [
        Told(
            slug=row.slug,
            id=row.id,
            name=row.name,
            state=row.state,
            last_seen_at=row.last_seen_at,
            carried_every_s=row.bundle_every_s,
            offset_s=row.clock_offset_s,
            carried_at=carried.get((row.tenant_id, row.id)),
            parked=(row.tenant_id, row.id) in parked,
        )
        for row in conn.execute(_AGENTS)
    ]
    return Seen(now, fleet, int(conn.execute(_DEAD).scalar_one()), lanes.backlog(conn, now))


def judged(seen: Seen) -> Iterator[Finding]:
    """Pure."""
    active = [one for one in seen.fleet if one.state == "active"]
    yield well("agents", f"{len(active)} active, {len(seen.fleet)} known")
    yield _silent(seen, active)
    yield _pending(seen)
    yield _parked(active)
    yield _clocks(active)
    yield _bundles(seen, active)
    yield _outbox(seen)
    if seen.dead:
        mend = "fieldpost-collector webhook list --tenant TENANT   # which of them fails, and why; then replay it there"
        yield unwell("dead-letters", f"{seen.dead} deliveries were given up", mend)
    else:
        yield well("dead-letters", "none")


def _names(found: Sequence[Told]) -> str:
    shown = ", ".join(f"{one.name} ({one.id})" for one in found[:_SHOWN])
    return shown + (" …" if len(found) > _SHOWN else "")


def _silent(seen: Seen, active: Sequence[Told]) -> Finding:
    over = [one for one in active if one.carried_every_s is None and one.last_seen_at is not None]
    silent = [one for one in over if one.last_seen_at and seen.at - one.last_seen_at > _SILENT_AFTER]
    if not silent:
        return well("agents-silent", "none")
    mend = "fieldpost-agent doctor   # on their hosts"
    if len(silent) == len(over) > 1:
        mend = "all of them: look here first; does a firewall, a proxy or a new certificate keep them out?\n" + mend
    return unwell("agents-silent", f"{len(silent)}: {_names(silent)}", mend)


def _pending(seen: Seen) -> Finding:
    waiting = [one for one in seen.fleet if one.state == "pending"]
    if not waiting:
        return well("agents-pending", "none")
    lines = [f"fieldpost-collector agent approve --tenant {one.slug} {one.id}" for one in waiting[:_SHOWN]]
    return unwell("agents-pending", f"{len(waiting)}: {_names(waiting)}", "\n".join(lines))


def _parked(active: Sequence[Told]) -> Finding:
    parked = [one for one in active if one.parked]
    if not parked:
        return well("agents-parked", "none")
    lines = [f"fieldpost-collector agent parked --tenant {slug}" for slug in dict.fromkeys(one.slug for one in parked)]
    last = "fieldpost-agent enroll --url https://… --token-file FILE --new-key   # on the clone"
    return unwell(
        "agents-parked", f"{len(parked)} speak from two machines: {_names(parked)}", "\n".join([*lines, last])
    )


def _clocks(active: Sequence[Told]) -> Finding:
    """One agent's clock is its own fault; when the middle of many is off, it is this host's."""
    known = [one for one in active if one.offset_s is not None]
    off = [one for one in known if one.offset_s is not None and abs(one.offset_s) > MAX_OFFSET_S]
    if not off:
        return well("agents-clock", f"none is off by more than {MAX_OFFSET_S:g} s")
    median = statistics.median(one.offset_s for one in known if one.offset_s is not None)
    if len(known) >= _ENOUGH and abs(median) > MAX_OFFSET_S:
        detail = f"most agents differ from this host by {median:+.0f} s: this host's clock is the wrong one"
        return unwell("agents-clock", detail, "timedatectl set-ntp true   # here; or: chronyc makestep")
    return unwell(
        "agents-clock", f"off by more than {MAX_OFFSET_S:g} s: {_names(off)}", "timedatectl set-ntp true   # there"
    )


def _bundles(seen: Seen, active: Sequence[Told]) -> Finding:
    carried = [one for one in active if one.carried_every_s]
    late = [one for one in carried if _is_late(one, seen.at)]
    if late:
        mend = "fieldpost-agent bundle export FILE   # on their hosts\nfieldpost-collector bundle import FILE   # here"
        return unwell("bundles", f"overdue: {_names(late)}", mend)
    return well("bundles", f"{len(carried)} agents are carried, none is overdue")


def _is_late(one: Told, now: datetime) -> bool:
    every = timedelta(seconds=one.carried_every_s or 0)
    return one.carried_at is not None and now - one.carried_at > _LATE_BUNDLES * every


def _outbox(seen: Seen) -> Finding:
    if not seen.backlog.is_stuck(seen.at):
        return well("outbox", f"{seen.backlog.due} deliveries are due")
    since = f", the oldest since {seen.backlog.oldest:%Y-%m-%d %H:%M} UTC" if seen.backlog.oldest else ""
    mend = (
        "systemctl status fieldpost-collector   # does it serve?\njournalctl -u fieldpost-collector -g delivery -n 50"
    )
    return unwell("outbox", f"stuck: {seen.backlog.due} deliveries or more are due{since}", mend)


_A, _I, _B = agent.c, agent_instance.c, bundle_import.c
_AGENTS = (
    select(tenant.c.slug, _A.tenant_id, _A.id, _A.name, _A.state, _A.last_seen_at, _A.bundle_every_s, _A.clock_offset_s)
    .join_from(agent, tenant, tenant.c.id == _A.tenant_id)
    .where(_A.state != "revoked")
    .order_by(_A.tenant_id, _A.id)
)
_CARRIED = select(_B.tenant_id, _B.agent_id, func.max(_B.imported_at, type_=_B.imported_at.type).label("at")).group_by(
    _B.tenant_id, _B.agent_id
)
_PARKED = select(_I.tenant_id, _I.agent_id).where(_I.parked_at.is_not(None)).distinct()
_DEAD = select(func.count()).select_from(delivery).where(delivery.c.state == "dead")
