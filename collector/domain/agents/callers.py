"""Which agent makes a request: its token against the key that it registered."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection

from collector.core.tenancy import across_tenants
from collector.domain.agents import store
from common import identity
from common.identity import NotAuthentic, PublicKey


@dataclass(frozen=True, slots=True)
class AgentCaller:
    """An agent whose request is proven."""

    tenant_id: int
    agent_id: str
    key: PublicKey


@across_tenants("the request says who it is from; its key finds out the tenant")
def authenticate(conn: Connection, token: str, method: str, path: str, now: datetime) -> AgentCaller:
    """The caller, or `NotAuthentic` with the class of failure that the agent is told."""
    found: list[AgentCaller] = []

    def lookup(agent_id: str, key_id: str) -> PublicKey:
        caller = _caller(conn, agent_id, key_id)
        found.append(caller)
        return caller.key

    identity.verify_request(token, method=method, path=path, now=now, lookup=lookup)
    return found[0]


def _caller(conn: Connection, agent_id: str, key_id: str) -> AgentCaller:
    known = store.known_key(conn, agent_id, key_id)
    state = known.state if known else store.state_of(conn, agent_id)
    if state == "revoked":
        raise NotAuthentic("revoked", "this agent was revoked")
    if state is None or state == "pending":
        raise NotAuthentic("unknown_agent", "this agent is not enrolled, or not approved yet")
    if known is None:
        raise NotAuthentic("key_unknown", "this agent has not registered this key")
    return AgentCaller(known.tenant_id, agent_id, _parsed(known.public_key))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> PublicKey:
    return PublicKey.parse(text)
