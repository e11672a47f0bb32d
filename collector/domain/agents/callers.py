"""Which agent makes a request: its token against the key that it registered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection

from collector.core.tenancy import across_tenants
from collector.domain.agents import clones, instances, keys, store
from collector.domain.agents.clones import WELL, Instance, Spoken, Verdict
from collector.domain.agents.keys import Registered
from common import identity
from common.identity import NotAuthentic, PublicKey

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RetiredKeyError(NotAuthentic):
    """The request is signed by a key that was this agent's and is not any more."""

    def __init__(self, tenant_id: int, agent_id: str, key_id: str) -> None:
        super().__init__("key_unknown", "this agent has another key by now")
        self.tenant_id = tenant_id
        self.agent_id = agent_id
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class AgentCaller:
    """An agent whose request is proven. `key_is_new`: by a candidate, which is the agent's key from here on."""

    tenant_id: int
    agent_id: str
    key: PublicKey
    key_is_new: bool = False
    spoken: Spoken | None = None
    """Which start of it speaks; None where it does not say, as before 0.7."""
    verdict: Verdict = WELL
    known: Sequence[Instance] = ()
    key_id: str = ""
    good_until: datetime = EPOCH
    """When the token of the request is too old."""


class Asked(NamedTuple):
    """What a request is, and when it came; `alive`: how long after its last word an agent counts as alive."""

    method: str
    path: str
    now: datetime
    alive: timedelta


@across_tenants("the request says who it is from; its key finds out the tenant")
def authenticate(conn: Connection, token: str, asked: Asked) -> AgentCaller:
    """The caller, or `NotAuthentic` with the class of failure that the agent is told."""
    found: list[Registered] = []

    def lookup(agent_id: str, key_id: str) -> PublicKey:
        known = _usable(conn, agent_id, key_id)
        found.append(known)
        return _parsed(known.public_key)

    proven = identity.verify_request(token, method=asked.method, path=asked.path, now=asked.now, lookup=lookup)
    known = found[0]
    key = _parsed(known.public_key)
    key_id = key.key_id
    if known.retired_at is not None:
        raise RetiredKeyError(known.tenant_id, proven.agent, key_id)
    good_until = proven.sent_at + identity.TOKEN_LIFETIME + identity.CLOCK_TOLERANCE
    caller = AgentCaller(known.tenant_id, proven.agent, key, known.is_candidate, key_id=key_id, good_until=good_until)
    if not proven.origin.instance:
        return caller
    spoken = Spoken(proven.origin, proven.sent_at, asked.now)
    starts = instances.known(conn, caller.tenant_id, caller.agent_id)
    verdict = clones.judge(starts, spoken, alive=asked.alive)
    return replace(caller, spoken=spoken, verdict=verdict, known=starts)


@across_tenants("likewise")
def _usable(conn: Connection, agent_id: str, key_id: str) -> Registered:
    known = keys.registered(conn, agent_id, key_id)
    state = known.state if known else store.state_of(conn, agent_id)
    if state == "revoked":
        raise NotAuthentic("revoked", "this agent was revoked")
    if state is None or state == "pending":
        raise NotAuthentic("unknown_agent", "this agent is not enrolled, or not approved yet")
    if known is None:
        raise NotAuthentic("key_unknown", "this agent has not registered this key")
    return known


@lru_cache(maxsize=4096)
def _parsed(text: str) -> PublicKey:
    return PublicKey.parse(text)
