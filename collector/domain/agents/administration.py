"""What operators see and change of agents; each change leaves its activity entry."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.agents import store
from collector.domain.agents.rules import State
from collector.domain.agents.store import NewToken
from collector.domain.agents.tables import agent, enrolment_token
from collector.domain.assignments import store as assignments
from collector.domain.assignments.store import NewJob

ROTATE_KEY = "rotate_key"
ROTATE_WITHIN = timedelta(days=1)


class Reported(NamedTuple):
    """An agent with its latest heartbeat; `spool` and `problems` are what that says, null without one."""

    id: str
    name: str
    hostname: str
    version: str
    state: State
    enrolled_at: datetime
    last_seen_at: datetime | None
    clock_offset_s: float | None
    connections: int
    spool: object
    problems: object


class ListedToken(NamedTuple):
    """What may be shown of an enrolment token that can still be used."""

    id: str
    prefix: str
    uses_left: int
    requires_approval: bool
    created_at: datetime
    expires_at: datetime


class Wanted(NamedTuple):
    """An enrolment token to be made."""

    uses: int
    valid_for: timedelta
    requires_approval: bool
    agent_id: str | None = None
    """The agent that its user becomes; None: a new one."""


def agents(conn: Connection, tenant_id: int) -> Sequence[Reported]:
    """All agents of a tenant, revoked ones too, oldest first."""
    said = {row.id: row for row in conn.execute(_HEARTBEATS, {"tenant_id": tenant_id})}
    return [
        Reported(
            **{name: getattr(known, name) for name in known._fields},
            clock_offset_s=said[known.id].clock_offset_s,
            spool=(said[known.id].heartbeat or {}).get("spool"),
            problems=(said[known.id].heartbeat or {}).get("problems"),
        )
        for known in store.agents(conn, tenant_id)
    ]


def approve(conn: Connection, tenant_id: int, agent_id: str, act: Act) -> None:
    store.approve(conn, tenant_id, agent_id)
    _note(conn, tenant_id, "agent_approved", act, agent_id=agent_id)


def revoke(conn: Connection, tenant_id: int, agent_id: str, act: Act) -> None:
    store.revoke(conn, tenant_id, agent_id, act.at)
    _note(conn, tenant_id, "agent_revoked", act, agent_id=agent_id)


def add_token(conn: Connection, tenant_id: int, wanted: Wanted, act: Act) -> NewToken:
    if wanted.agent_id is not None:
        _check_again(conn, tenant_id, wanted, wanted.agent_id)
    made = store.add_token(conn, tenant_id, **wanted._asdict(), now=act.at)
    about = {"agent_id": wanted.agent_id} if wanted.agent_id is not None else {}
    _note(conn, tenant_id, "enrolment_token_created", act, token_id=made.id, uses=made.uses, **about)
    return made


def _check_again(conn: Connection, tenant_id: int, wanted: Wanted, agent_id: str) -> None:
    """One host becomes this agent, and an operator has said so."""
    if wanted.uses != 1 or wanted.requires_approval:
        raise Refusal("agent: a token for an agent that is here already has one use and needs no approval")
    known = store.enrolled(conn, tenant_id, agent_id)
    if known is None:
        raise Refusal(f"agent: {agent_id!r}; there is no such agent in this tenant")
    if known.state == "revoked":
        raise Refusal(f"agent: {agent_id!r}; it was revoked for good, expected one that is not")


def rotate_key(conn: Connection, tenant_id: int, agent_id: str, act: Act) -> str:
    """Have the agent make itself a new key; the job's id."""
    known = store.enrolled(conn, tenant_id, agent_id)
    if known is None or known.state != "active":
        raise Refusal(f"agent: {agent_id!r}; expected one of this tenant that is active")
    job = assignments.add_job(
        conn, tenant_id, agent_id, NewJob(kind=ROTATE_KEY, target=agent_id, deadline=act.at + ROTATE_WITHIN), act.at
    )
    _note(conn, tenant_id, "agent_key_rotation_requested", act, agent_id=agent_id, job_id=job)
    return job


def tokens(conn: Connection, tenant_id: int, now: datetime) -> Sequence[ListedToken]:
    return [ListedToken._make(row) for row in conn.execute(_TOKENS, {"tenant_id": tenant_id, "now": now})]


def withdraw_token(conn: Connection, tenant_id: int, token_id: str, act: Act) -> bool:
    """Make a token useless; False when there is none that could be used."""
    done = conn.execute(_WITHDRAW, {"of_tenant": tenant_id, "of_token": token_id, "now": act.at}).rowcount > 0
    if done:
        _note(conn, tenant_id, "enrolment_token_withdrawn", act, token_id=token_id)
    return done


def _note(conn: Connection, tenant_id: int, action: str, act: Act, **about: object) -> None:
    activity.append(conn, tenant_id, [Entry(action, {"by": act.by, **about}, act.at)])


_A, _T = agent.c, enrolment_token.c

_HEARTBEATS = select(_A.id, _A.clock_offset_s, _A.heartbeat).where(_A.tenant_id == bindparam("tenant_id"))
_TOKENS = (
    select(_T.id, _T.prefix, _T.uses_left, _T.requires_approval, _T.created_at, _T.expires_at)
    .where(_T.tenant_id == bindparam("tenant_id"), _T.uses_left > 0, _T.expires_at > bindparam("now"))
    .order_by(_T.created_at.desc(), _T.id)
)
_WITHDRAW = (
    update(enrolment_token)
    .where(
        _T.tenant_id == bindparam("of_tenant"),
        _T.id == bindparam("of_token"),
        _T.uses_left > 0,
        _T.expires_at > bindparam("now"),
    )
    .values(uses_left=0)
)
