"""Queries of assignments: their inputs, and the document that is made of them whenever one of those changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Connection, Row, bindparam, delete, select, update

from collector.core import wakes
from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.accounts import store as accounts
from collector.domain.accounts.tables import aws_account
from collector.domain.agents.tables import agent
from collector.domain.assignments import rules
from collector.domain.assignments.rules import Document
from collector.domain.assignments.tables import assignment, check_setting, job
from collector.domain.results.tables import connection
from collector.domain.schedules import overrides as holds
from collector.domain.schedules import store as schedules
from common import wire
from common.ids import new_id
from common.wire import CheckSetting, Job, JobResult
from common.wire_aws import Account, Schedule
from common.wire_aws import Override as Hold

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A check setting as it is stored; `scope`: "" for the tenant, a tag, or a connection's id as text."""

    check: str
    origin: Literal["tenant", "tag", "connection"]
    scope: str = ""
    enabled: bool | None = None
    interval_s: int | None = None
    warning: float | None = None
    critical: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """Work for one agent; `target` is a connection's key or an account. `prefix`: of its id."""

    kind: str
    target: str
    deadline: datetime
    not_before: datetime | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    prefix: str = "job"
    total: int = 1


class _Stored(Struct, array_like=True, frozen=True):
    """A document as it is kept; those of earlier releases end after the jobs."""

    checks: tuple[CheckSetting, ...]
    jobs: tuple[Job, ...]
    accounts: tuple[Account, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    overrides: tuple[Hold, ...] = ()


def version(conn: Connection, tenant_id: int, agent_id: str) -> str:
    found: str | None = conn.execute(_VERSION, {"tenant_id": tenant_id, "agent_id": agent_id}).scalar_one_or_none()
    return rules.EMPTY.version if found is None else found


def document(conn: Connection, tenant_id: int, agent_id: str) -> Document:
    row = conn.execute(_DOCUMENT, {"tenant_id": tenant_id, "agent_id": agent_id}).one_or_none()
    if row is None:
        return rules.EMPTY
    kept = wire.decode(row.document.encode(), _Stored)
    return Document(row.version, kept.checks, kept.jobs, kept.accounts, kept.schedules, kept.overrides)


def put_override(conn: Connection, tenant_id: int, override: Override, now: datetime) -> None:
    """Set an override of a check, and tell every agent of the tenant."""
    row = {
        "tenant_id": tenant_id,
        "check_id": override.check,
        "origin": override.origin,
        "scope": override.scope,
        "enabled": override.enabled,
        "interval_s": override.interval_s,
        "warning": override.warning,
        "critical": override.critical,
        "changed_at": now,
    }
    _PUT_SETTING(conn, [row])
    _rebuild_all(conn, tenant_id, now)


def remove_override(conn: Connection, tenant_id: int, override: Override, now: datetime) -> bool:
    place = {"of_check": override.check, "of_origin": override.origin, "of_scope": override.scope}
    removed = conn.execute(_REMOVE_SETTING, {"of_tenant": tenant_id, **place}).rowcount > 0
    _rebuild_all(conn, tenant_id, now)
    return removed


def add_job(conn: Connection, tenant_id: int, agent_id: str, new: NewJob, now: datetime) -> str:
    """Without an agent the job waits for its end; whoever takes over makes another."""
    job_id = new_id(new.prefix)
    row = {
        "tenant_id": tenant_id,
        "id": job_id,
        "agent_id": agent_id,
        "kind": new.kind,
        "target": new.target,
        "lease": new_id("lse"),
        "state": "queued",
        "detail": "",
        "created_at": now,
        "not_before": new.not_before,
        "deadline": new.deadline,
        "finished_at": None,
        "arguments": dict(new.arguments) or None,
        "done": 0,
        "total": new.total,
    }
    conn.execute(job.insert(), row)
    rebuild(conn, tenant_id, agent_id, now)
    return job_id


def job_result(conn: Connection, tenant_id: int, agent_id: str, result: JobResult, now: datetime) -> None:
    """Take in what became of a job; a stale lease or a job that is closed changes nothing."""
    place = {"tenant_id": tenant_id, "agent_id": agent_id, "job_id": result.job, "lease": result.lease}
    state = conn.execute(_JOB_STATE, place).scalar_one_or_none()
    if state is None or not rules.follows(state, result.state):
        return
    closed = result.state not in rules.OPEN
    change = {"new_state": result.state, "new_detail": result.detail, "new_finished_at": now if closed else None}
    conn.execute(_MOVE_JOB, {"of_tenant": tenant_id, "of_job": result.job, **change})
    if closed:
        rebuild(conn, tenant_id, agent_id, now)


def advance(conn: Connection, tenant_id: int, agent_id: str, job_id: str) -> None:
    """One more step of a job of this agent is done."""
    conn.execute(_ADVANCE, {"of_tenant": tenant_id, "of_job": job_id, "of_agent": agent_id})


@across_tenants("the sweep serves all of them; what it changes is looked up by tenant again")
def expire_jobs(conn: Connection, now: datetime, limit: int) -> int:
    """Close queued jobs whose deadline has passed; one that was started is still reported on by its agent."""
    late = conn.execute(_LATE, {"now": now, "limit": limit}).all()
    for tenant_id, agent_id, job_id in late:
        change = {"new_state": "expired", "new_detail": "no agent took it in time", "new_finished_at": now}
        conn.execute(_MOVE_JOB, {"of_tenant": tenant_id, "of_job": job_id, **change})
        rebuild(conn, tenant_id, agent_id, now)
    return len(late)


@across_tenants("wakes the waiting requests of this process, whichever tenant they belong to")
def changed_since(conn: Connection, since: datetime) -> Sequence[str]:
    """Agents whose document was made anew at this instant or later."""
    return conn.execute(_CHANGED, {"since": since}).scalars().all()


def fence(conn: Connection, tenant_id: int, agent_id: str, now: datetime) -> int:
    """Something is taken from the agent: documents have a new number once they are made anew, which is to be next."""
    wanted = {"tenant_id": tenant_id, "agent_id": agent_id}
    held = conn.execute(_HELD, wanted).mappings().one_or_none()
    row = held or {**wanted, "version": "", "document": wire.encode(_Stored((), ())).decode()}
    number = ((held["generation"] if held else None) or 0) + 1
    _STORE(conn, [{**row, "changed_at": now, "generation": number}])
    wakes.tell(conn, (agent_id,))
    return int(number)


def withdraw(conn: Connection, tenant_id: int, agent_id: str, target: str, now: datetime) -> None:
    """Close the jobs of this agent about what is not its business any more."""
    why = f"{target} was taken from the agent"
    place = {"tenant_id": tenant_id, "agent_id": agent_id, "states": list(rules.OPEN)}
    for row in conn.execute(_OPEN_JOBS, place).all():
        if row.target == target:
            change = {"new_state": "expired", "new_detail": why, "new_finished_at": now}
            conn.execute(_MOVE_JOB, {"of_tenant": tenant_id, "of_job": row.id, **change})


def rebuild(conn: Connection, tenant_id: int, agent_id: str, now: datetime) -> None:
    """Make the agent's document of its inputs; nothing is written when it comes out the same."""
    if agent_id and _rebuild(conn, tenant_id, agent_id, now):
        wakes.tell(conn, (agent_id,))


def _rebuild(conn: Connection, tenant_id: int, agent_id: str, now: datetime) -> bool:
    """Whether it is another one."""
    wanted = {"tenant_id": tenant_id, "agent_id": agent_id}
    held = conn.execute(_HELD, wanted).one_or_none()  # first: of two at once the second sees what the first changed
    generation = (held.generation if held else None) or 0
    keys = {str(row.id): row.key for row in conn.execute(_KEYS, wanted)}
    settings = [
        _setting(row, keys)
        for row in conn.execute(_SETTINGS, {"tenant_id": tenant_id})
        if row.origin != "connection" or row.scope in keys
    ]
    jobs = [
        Job(
            job=row.id,
            kind=row.kind,
            lease=row.lease,
            deadline=row.deadline,
            target=row.target,
            not_before=row.not_before,
            arguments=row.arguments or {},
        )
        for row in conn.execute(_OPEN_JOBS, {**wanted, "states": list(rules.OPEN)})
    ]
    made = rules.document(
        settings,
        jobs,
        accounts=accounts.assigned(conn, tenant_id, agent_id),
        schedules=schedules.assigned(conn, tenant_id, agent_id),
        overrides=holds.assigned(conn, tenant_id, agent_id, now),
    )
    named = rules.numbered(made.version, generation)
    if named == (held.version if held else rules.EMPTY.version):
        return False
    row = {"version": named, "document": _text(made), "changed_at": now, "generation": generation}
    _STORE(conn, [{**wanted, **row}])
    return True


def _rebuild_all(conn: Connection, tenant_id: int, now: datetime) -> None:
    """All agents of the tenant: most have nothing that is theirs alone, and share one document."""
    of_tenant = {"tenant_id": tenant_id}
    held = {row.agent_id: row for row in conn.execute(_HELD_ALL, of_tenant)}  # first, as above
    settings = conn.execute(_SETTINGS, of_tenant).all()
    apart = _with_something_of_their_own(conn, tenant_id, settings)
    shared = rules.document([_setting(row, {}) for row in settings if row.origin != "connection"], [])
    text, told, rows = _text(shared), list[str](), []
    for agent_id in conn.execute(_AGENTS, of_tenant).scalars().all():
        if agent_id in apart:
            told += [agent_id] * _rebuild(conn, tenant_id, agent_id, now)
            continue
        before = held.get(agent_id)
        generation = (before.generation if before else None) or 0
        named = rules.numbered(shared.version, generation)
        if named != (before.version if before else rules.EMPTY.version):
            row = {"version": named, "document": text, "changed_at": now, "generation": generation}
            rows.append({**of_tenant, "agent_id": agent_id, **row})
    if rows:
        _STORE(conn, rows)
    wakes.tell(conn, told + [row["agent_id"] for row in rows])


def _with_something_of_their_own(conn: Connection, tenant_id: int, settings: Sequence[Row[Any]]) -> set[str]:
    """Agents with a job, an account (all schedules and overrides hang on one), or a setting of a connection."""
    of_tenant = {"tenant_id": tenant_id}
    found = set(conn.execute(_AT_WORK, {**of_tenant, "states": list(rules.OPEN)}).scalars())
    found |= set(conn.execute(_WITH_ACCOUNT, of_tenant).scalars())
    places = [int(row.scope) for row in settings if row.origin == "connection"]
    for first in range(0, len(places), _AT_ONCE):
        some = {**of_tenant, "places": places[first : first + _AT_ONCE]}
        found |= set(conn.execute(_OF_CONNECTIONS, some).scalars())
    return found


def _setting(row: Row[Any], keys: Mapping[str, str]) -> CheckSetting:
    return CheckSetting(
        check=row.check_id,
        origin=row.origin,
        tag=row.scope if row.origin == "tag" else None,
        connection=keys[row.scope] if row.origin == "connection" else None,
        enabled=row.enabled,
        interval_s=row.interval_s,
        warning=row.warning,
        critical=row.critical,
    )


def _text(made: Document) -> str:
    parts = (made.checks, made.jobs, made.accounts, made.schedules, made.overrides)
    return wire.encode(_Stored(*parts)).decode()


_A, _S, _J, _C = assignment.c, check_setting.c, job.c, connection.c

_OF_AGENT = (_A.tenant_id == bindparam("tenant_id"), _A.agent_id == bindparam("agent_id"))
_VERSION = select(_A.version).where(*_OF_AGENT)
_DOCUMENT = select(_A.version, _A.document).where(*_OF_AGENT)
_HELD = select(assignment).where(*_OF_AGENT).with_for_update()
_HELD_ALL = (
    select(_A.agent_id, _A.version, _A.generation)
    .where(_A.tenant_id == bindparam("tenant_id"))
    .order_by(_A.agent_id)
    .with_for_update()
)
_STORE = upsert(assignment)
_CHANGED = select(_A.agent_id).where(_A.changed_at >= bindparam("since"))

_SETTINGS = select(check_setting).where(_S.tenant_id == bindparam("tenant_id"))
_PUT_SETTING = upsert(check_setting)
_REMOVE_SETTING = delete(check_setting).where(
    _S.tenant_id == bindparam("of_tenant"),
    _S.check_id == bindparam("of_check"),
    _S.origin == bindparam("of_origin"),
    _S.scope == bindparam("of_scope"),
)

_OPEN_JOBS = select(job).where(
    _J.tenant_id == bindparam("tenant_id"),
    _J.agent_id == bindparam("agent_id"),
    _J.state.in_(bindparam("states", expanding=True)),
)
_AT_WORK = select(_J.agent_id).where(
    _J.tenant_id == bindparam("tenant_id"), _J.state.in_(bindparam("states", expanding=True))
)
_JOB_STATE = select(_J.state).where(
    _J.tenant_id == bindparam("tenant_id"),
    _J.id == bindparam("job_id"),
    _J.agent_id == bindparam("agent_id"),
    _J.lease == bindparam("lease"),
)
_MOVE_JOB = (
    update(job)
    .where(_J.tenant_id == bindparam("of_tenant"), _J.id == bindparam("of_job"))
    .values(
        state=bindparam("new_state"),
        detail=bindparam("new_detail"),
        finished_at=bindparam("new_finished_at", type_=_J.finished_at.type),
    )
)
_ADVANCE = (
    update(job)
    .where(_J.tenant_id == bindparam("of_tenant"), _J.id == bindparam("of_job"), _J.agent_id == bindparam("of_agent"))
    .values(done=_J.done + 1)
)
_LATE = (
    select(_J.tenant_id, _J.agent_id, _J.id)
    .where(_J.state == "queued", _J.deadline < bindparam("now"))
    .order_by(_J.deadline)
    .limit(bindparam("limit"))
)

_KEYS = select(_C.id, _C.key).where(_C.tenant_id == bindparam("tenant_id"), _C.agent_id == bindparam("agent_id"))
_OF_CONNECTIONS = select(_C.agent_id).where(
    _C.tenant_id == bindparam("tenant_id"), _C.id.in_(bindparam("places", expanding=True))
)
_WITH_ACCOUNT = select(aws_account.c.agent_id).where(
    aws_account.c.tenant_id == bindparam("tenant_id"), aws_account.c.agent_id.is_not(None)
)
_AGENTS = select(agent.c.id).where(agent.c.tenant_id == bindparam("tenant_id"), agent.c.state == "active")
