"""Keys of agents: the one in use, a candidate that is about to replace it, and those that were retired."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from collector.core.tenancy import across_tenants
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.agents import alarms
from collector.domain.agents.rules import State
from collector.domain.agents.tables import agent, agent_key
from common.identity import PublicKey
from common.wire import KeyOffer

ON_ITS_WAY = timedelta(minutes=3)
"""So long after a key was retired, what it signed before may still come in."""
NOTE_EVERY = timedelta(minutes=1)


class KeyInUse(Exception):  # noqa: N818 - it reads as the refusal it is
    """The key was registered before, by another agent, with another token, or it was retired."""


class Registered(NamedTuple):
    """A public key with the agent that registered it, retired ones too."""

    tenant_id: int
    agent_id: str
    public_key: str
    state: State
    created_at: datetime
    retired_at: datetime | None
    offered_at: datetime | None

    @property
    def is_candidate(self) -> bool:
        return self.offered_at is not None and self.retired_at is None


@across_tenants("the key is what finds out the tenant; an agent's id is unique among all")
def registered(conn: Connection, agent_id: str, key_id: str) -> Registered | None:
    row = conn.execute(_KEY, {"agent_id": agent_id, "key_id": key_id}).one_or_none()
    return Registered._make(row) if row else None


def prove(agent_id: str, offer: KeyOffer) -> PublicKey:
    """The key that is offered, once its owner has shown to hold it; ValueError where it is none."""
    key = PublicKey.parse(offer.public_key)
    key.verify(f"{agent_id} {offer.public_key}".encode(), offer.proof)
    return key


def offer(conn: Connection, tenant_id: int, agent_id: str, key: PublicKey, now: datetime) -> bool:
    """Take a candidate, in place of any other; False where it is the agent's key already."""
    conn.execute(_LOCK, {"tenant_id": tenant_id, "agent_id": agent_id})
    known = _of_anybody(conn, key.key_id)
    if known is not None:
        if known.agent_id != agent_id or known.retired_at is not None:
            raise KeyInUse
        return known.is_candidate
    conn.execute(_DROP_CANDIDATES, {"of_tenant": tenant_id, "of_agent": agent_id})
    add(conn, tenant_id, agent_id, key, now, candidate=True)
    return True


def add(
    conn: Connection, tenant_id: int, agent_id: str, key: PublicKey, now: datetime, *, candidate: bool = False
) -> None:
    row = {"agent_id": agent_id, "key_id": key.key_id, "public_key": key.text, "created_at": now}
    conn.execute(insert(agent_key), {"tenant_id": tenant_id, **row, "offered_at": now if candidate else None})


def promote(conn: Connection, tenant_id: int, agent_id: str, key_id: str, now: datetime) -> None:
    """A candidate was used: it is the agent's key from here on, and the one before is retired. Twice is once."""
    conn.execute(_LOCK, {"tenant_id": tenant_id, "agent_id": agent_id})
    place = {"of_tenant": tenant_id, "of_agent": agent_id, "of_key": key_id}
    if not conn.execute(_PROMOTE, place).rowcount:
        return
    conn.execute(_RETIRE_OTHERS, {**place, "now": now})
    activity.append(conn, tenant_id, [Entry("agent_key_changed", {"agent_id": agent_id, "key_id": key_id}, now)])


def replace_all(conn: Connection, tenant_id: int, agent_id: str, key: PublicKey, now: datetime) -> None:
    """The agent has a new key at once, and no other."""
    add(conn, tenant_id, agent_id, key, now)
    conn.execute(_DROP_CANDIDATES, {"of_tenant": tenant_id, "of_agent": agent_id})
    conn.execute(_RETIRE_OTHERS, {"of_tenant": tenant_id, "of_agent": agent_id, "of_key": key.key_id, "now": now})


def note_reuse(conn: Connection, tenant_id: int, agent_id: str, key_id: str, now: datetime) -> None:
    """Somebody holds a key that was retired: alert people, once, and remember when it was used last."""
    place = {"of_tenant": tenant_id, "of_agent": agent_id, "of_key": key_id}
    noted = conn.execute(_NOTE_REUSE, {**place, "now": now, "noted": now - NOTE_EVERY, "retired": now - ON_ITS_WAY})
    if not noted.rowcount:
        return
    line = f"the key {key_id[:12]} was retired, and somebody signed a request with it"
    if alarms.raise_alert(conn, tenant_id, agent_id, rule="agent_key_reused", line=line, now=now):
        about = {"agent_id": agent_id, "key_id": key_id}
        activity.append(conn, tenant_id, [Entry("agent_key_reused", about, now)])


@across_tenants("a key belongs to one agent, whoever brings it")
def _of_anybody(conn: Connection, key_id: str) -> Registered | None:
    row = conn.execute(_ANYBODYS, {"key_id": key_id}).one_or_none()
    return Registered._make(row) if row else None


_A, _K = agent.c, agent_key.c


def _registered() -> Select[tuple[int, str, str, str, datetime, datetime | None, datetime | None]]:
    columns = (_A.tenant_id, _K.agent_id, _K.public_key, _A.state, _K.created_at, _K.retired_at, _K.offered_at)
    return (
        select(*columns)
        .join_from(agent_key, agent, (_A.tenant_id == _K.tenant_id) & (_A.id == _K.agent_id))
        .where(_K.key_id == bindparam("key_id"))
    )


_KEY = _registered().where(_K.agent_id == bindparam("agent_id"))
_ANYBODYS = _registered()
_LOCK = select(_A.id).where(_A.tenant_id == bindparam("tenant_id"), _A.id == bindparam("agent_id")).with_for_update()
_OF = (_K.tenant_id == bindparam("of_tenant"), _K.agent_id == bindparam("of_agent"))
_DROP_CANDIDATES = delete(agent_key).where(*_OF, _K.offered_at.is_not(None), _K.retired_at.is_(None))
_PROMOTE = (
    update(agent_key)
    .where(*_OF, _K.key_id == bindparam("of_key"), _K.offered_at.is_not(None), _K.retired_at.is_(None))
    .values(offered_at=None)
)
_RETIRE_OTHERS = (
    update(agent_key)
    .where(*_OF, _K.key_id != bindparam("of_key"), _K.retired_at.is_(None))
    .values(retired_at=bindparam("now"))
)
_NOTE_REUSE = (
    update(agent_key)
    .where(
        *_OF,
        _K.key_id == bindparam("of_key"),
        _K.retired_at < bindparam("retired"),
        _K.reused_at.is_(None) | (_K.reused_at < bindparam("noted")),
    )
    .values(reused_at=bindparam("now"))
)
