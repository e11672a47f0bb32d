"""Queries of agents, their keys and enrolment tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, update

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.agents.rules import State
from collector.domain.agents.tables import agent, agent_key, enrolment_token
from collector.domain.results.tables import connection
from common import tokens
from common.ids import new_id


@dataclass(frozen=True, slots=True)
class NewToken:
    """An enrolment token that was just made; the only moment at which its secret is known."""

    id: str
    secret: str
    uses: int
    expires_at: datetime


class UsableToken(NamedTuple):
    """A token that could be used up; whether it still can is decided by `use_token`."""

    tenant_id: int
    id: str
    requires_approval: bool
    agent_id: str | None
    """The agent that its user becomes; None: a new one."""


class ListedAgent(NamedTuple):
    """One agent; `connections` counts those it lists now."""

    id: str
    name: str
    hostname: str
    version: str
    state: State
    enrolled_at: datetime
    last_seen_at: datetime | None
    connections: int


class Enrolled(NamedTuple):
    """An agent as far as a repeated enrolment has to know it."""

    tenant_id: int
    id: str
    state: State
    enrolled_by: str
    again: bool = False
    """It was here before, and has a new host now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAgent:
    """What an agent says about itself when it enrols."""

    name: str
    hostname: str
    version: str
    key_id: str
    public_key: str
    host: str


def add_token(
    conn: Connection,
    tenant_id: int,
    *,
    uses: int,
    valid_for: timedelta,
    requires_approval: bool,
    now: datetime,
    agent_id: str | None = None,
) -> NewToken:
    made = NewToken(new_id("etk"), tokens.mint(tokens.ENROLMENT_TOKEN), uses, now + valid_for)
    row = {
        "tenant_id": tenant_id,
        "id": made.id,
        "digest": tokens.digest(made.secret),
        "prefix": tokens.display_prefix(tokens.ENROLMENT_TOKEN, made.secret),
        "uses_left": uses,
        "requires_approval": requires_approval,
        "created_at": now,
        "expires_at": made.expires_at,
        "agent_id": agent_id,
    }
    conn.execute(insert(enrolment_token), row)
    return made


@across_tenants("the token is what finds out the tenant")
def token_by_digest(conn: Connection, digest: bytes, now: datetime) -> UsableToken | None:
    """The token if it has not expired, used up or not."""
    row = conn.execute(_TOKEN, {"digest": digest, "now": now}).one_or_none()
    return UsableToken._make(row) if row else None


def use_token(conn: Connection, tenant_id: int, token_id: str, now: datetime) -> bool:
    """Take one use, atomically; False when none is left."""
    taken = conn.execute(_USE_TOKEN, {"of_tenant": tenant_id, "of_token": token_id, "now": now})
    return taken.rowcount == 1


@across_tenants("a key belongs to one agent, whoever brings it")
def enrolled_with(conn: Connection, key_id: str) -> Enrolled | None:
    row = conn.execute(_BY_KEY, {"key_id": key_id}).one_or_none()
    return Enrolled._make((*row, False)) if row else None


def add_agent(conn: Connection, tenant_id: int, new: NewAgent, *, state: State, by: str, now: datetime) -> Enrolled:
    """`by`: the token, or the file, that let it in."""
    made = Enrolled(tenant_id, new_id("agt"), state, by)
    about = {"name": new.name, "hostname": new.hostname, "version": new.version, "host": new.host or None}
    row = {"tenant_id": tenant_id, "id": made.id, "state": state, "enrolled_by": by, "enrolled_at": now, **about}
    conn.execute(insert(agent), row)
    key = {"agent_id": made.id, "key_id": new.key_id, "public_key": new.public_key, "created_at": now}
    conn.execute(insert(agent_key), {"tenant_id": tenant_id, **key})
    return made


def enrolled(conn: Connection, tenant_id: int, agent_id: str) -> Enrolled | None:
    row = conn.execute(_ENROLLED, {"tenant_id": tenant_id, "agent_id": agent_id}).one_or_none()
    return Enrolled._make((*row, False)) if row else None


def move(conn: Connection, tenant_id: int, agent_id: str, new: NewAgent, *, by: str) -> None:
    """The agent lives on another host from now on."""
    about = {"new_hostname": new.hostname, "new_version": new.version, "new_host": new.host or None, "new_by": by}
    conn.execute(_MOVE, {"of_tenant": tenant_id, "of_agent": agent_id, **about})


@across_tenants("tells an unknown agent from an unknown key, before the tenant is known")
def state_of(conn: Connection, agent_id: str) -> State | None:
    state: State | None = conn.execute(_STATE, {"agent_id": agent_id}).scalar_one_or_none()
    return state


def agents(conn: Connection, tenant_id: int) -> Sequence[ListedAgent]:
    """All agents of a tenant, revoked ones too, oldest first."""
    return [ListedAgent._make(row) for row in conn.execute(_LIST, {"tenant_id": tenant_id})]


def approve(conn: Connection, tenant_id: int, agent_id: str) -> None:
    if not conn.execute(_APPROVE, {"of_tenant": tenant_id, "of_agent": agent_id}).rowcount:
        raise Refusal(f"agent: {agent_id!r}; expected one that waits for approval")


def revoke(conn: Connection, tenant_id: int, agent_id: str, now: datetime) -> None:
    """Revoke for good; revoking twice keeps the first date."""
    wanted = {"of_tenant": tenant_id, "of_agent": agent_id}
    if conn.execute(_REVOKE, {**wanted, "now": now}).rowcount:
        return
    if not any(known.id == agent_id for known in agents(conn, tenant_id)):
        raise Refusal(f"agent: {agent_id!r}; there is no such agent in this tenant")


_A, _K, _T = agent.c, agent_key.c, enrolment_token.c

_TOKEN = select(_T.tenant_id, _T.id, _T.requires_approval, _T.agent_id).where(
    _T.digest == bindparam("digest"), _T.expires_at > bindparam("now")
)

_USE_TOKEN = (
    update(enrolment_token)
    .where(
        _T.tenant_id == bindparam("of_tenant"),
        _T.id == bindparam("of_token"),
        _T.uses_left > 0,
        _T.expires_at > bindparam("now"),
    )
    .values(uses_left=_T.uses_left - 1)
)

_BY_KEY = (
    select(_A.tenant_id, _A.id, _A.state, _A.enrolled_by)
    .join_from(agent_key, agent, (_A.tenant_id == _K.tenant_id) & (_A.id == _K.agent_id))
    .where(_K.key_id == bindparam("key_id"))
)

_ENROLLED = select(_A.tenant_id, _A.id, _A.state, _A.enrolled_by).where(
    _A.tenant_id == bindparam("tenant_id"), _A.id == bindparam("agent_id")
)

_MOVE = (
    update(agent)
    .where(_A.tenant_id == bindparam("of_tenant"), _A.id == bindparam("of_agent"))
    .values(
        hostname=bindparam("new_hostname"),
        version=bindparam("new_version"),
        host=bindparam("new_host"),
        enrolled_by=bindparam("new_by"),
    )
)

_STATE = select(_A.state).where(_A.id == bindparam("agent_id"))

_LISTED = (
    select(func.count())
    .select_from(connection)
    .where(
        connection.c.tenant_id == _A.tenant_id,
        connection.c.agent_id == _A.id,
        connection.c.listed_at.is_not(None),
        connection.c.removed_at.is_(None),
    )
    .scalar_subquery()
)

_LIST = (
    select(_A.id, _A.name, _A.hostname, _A.version, _A.state, _A.enrolled_at, _A.last_seen_at, _LISTED)
    .where(_A.tenant_id == bindparam("tenant_id"))
    .order_by(_A.enrolled_at, _A.id)
)

_APPROVE = (
    update(agent)
    .where(_A.tenant_id == bindparam("of_tenant"), _A.id == bindparam("of_agent"), _A.state == "pending")
    .values(state="active")
)

_REVOKE = (
    update(agent)
    .where(_A.tenant_id == bindparam("of_tenant"), _A.id == bindparam("of_agent"), _A.state != "revoked")
    .values(state="revoked", revoked_at=bindparam("now"))
)
