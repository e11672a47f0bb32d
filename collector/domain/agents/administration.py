"""What operators see and change of agents; each change leaves its activity entry."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.agents import store
from collector.domain.agents.rules import State
from collector.domain.agents.store import NewToken
from collector.domain.agents.tables import agent, enrolment_token


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
    made = store.add_token(conn, tenant_id, **wanted._asdict(), now=act.at)
    _note(conn, tenant_id, "enrolment_token_created", act, token_id=made.id, uses=made.uses)
    return made


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
