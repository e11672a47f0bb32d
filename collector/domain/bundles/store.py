"""Queries of bundles that were imported, and of what receipts say."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.agents.rules import State
from collector.domain.agents.tables import agent, bundle_import
from collector.domain.bundles import rules
from collector.domain.bundles.tables import bundle_receipt
from collector.domain.results import received
from collector.domain.results.received import Source
from collector.domain.results.tables import connection, received_range
from common.bundle import Manifest, Place, Range, Ranges, collected

_MAX_RANGES = 20_000


class Known(NamedTuple):
    """An agent, whichever tenant it belongs to."""

    tenant_id: int
    id: str
    name: str
    state: State


class Imported(NamedTuple):
    """One bundle that came; `fresh`: how many of its records were not here before."""

    epoch: str
    number: int
    digest: str
    made_at: datetime
    imported_at: datetime
    records: int
    fresh: int


class Carried(NamedTuple):
    """How an agent's records come here by hand; `latest`: the bundle that was made last, of those that came."""

    every_s: int | None
    latest: Imported | None
    unseen: tuple[int, ...]


@across_tenants("whoever runs commands here serves all of them; an agent's id is unique among all")
def agent_of(conn: Connection, agent_id: str) -> Known | None:
    row = conn.execute(_AGENT, {"agent_id": agent_id}).one_or_none()
    return Known._make(row) if row else None


def connections_of(conn: Connection, tenant_id: int, agent_id: str) -> list[int]:
    return list(conn.execute(_CONNECTIONS, {"tenant_id": tenant_id, "agent_id": agent_id}).scalars())


def imported(conn: Connection, tenant_id: int, agent_id: str) -> list[Imported]:
    """The newest thousand, the newest first."""
    wanted = {"tenant_id": tenant_id, "agent_id": agent_id, "most": rules.LOOK_BACK + 1}
    return [Imported._make(row) for row in conn.execute(_IMPORTED, wanted)]


def carried(conn: Connection, tenant_id: int, agent_id: str, every_s: int | None) -> Carried | None:
    """None where no bundle ever came, and none is expected."""
    came = imported(conn, tenant_id, agent_id)
    if not came:
        return Carried(every_s, None, ()) if every_s else None
    return Carried(every_s, came[0], rules.unseen(one.number for one in came))


def before(conn: Connection, tenant_id: int, manifest: Manifest) -> Imported | None:
    """The bundle of this number, if it came before."""
    wanted = {"tenant_id": tenant_id, "agent_id": manifest.agent, "epoch": manifest.epoch, "number": manifest.number}
    row = conn.execute(_ONE, wanted).one_or_none()
    return Imported._make(row) if row else None


def save(conn: Connection, tenant_id: int, agent_id: str, one: Imported) -> None:
    _SAVE(conn, [{"tenant_id": tenant_id, "agent_id": agent_id, **one._asdict()}])


def stored(conn: Connection, tenant_id: int, agent_id: str) -> tuple[Ranges, ...]:
    """Every record of an agent that is here, by place, whichever way it came."""
    rows = conn.execute(_STORED, {"tenant_id": tenant_id, "agent_id": agent_id, "most": _MAX_RANGES})
    return collected((Place(row.epoch, row.stream), (row.first, row.last)) for row in rows)


def missing(conn: Connection, tenant_id: int, agent_id: str, places: Sequence[Place]) -> tuple[Ranges, ...]:
    """Holes below what is here that no gap record explains."""
    found: list[tuple[Place, Range]] = []
    for place in places:
        source = Source(tenant_id, agent_id, *place)
        found += [(place, span) for span in received.missing(conn, source)]
    return collected(found)


def take_number(conn: Connection, tenant_id: int, agent_id: str, now: datetime) -> int:
    """The number of a new receipt; two at once never get the same."""
    wanted = {"tenant_id": tenant_id, "agent_id": agent_id}
    conn.execute(_LOCK, wanted)
    last = conn.execute(_LAST_RECEIPT, wanted).scalar_one_or_none() or 0
    number = rules.next_receipt(last, now)
    _SAVE_RECEIPT(conn, [{**wanted, "number": number, "made_at": now}])
    return number


_A, _B, _C, _R, _T = agent.c, bundle_import.c, connection.c, received_range.c, bundle_receipt.c

_AGENT = select(_A.tenant_id, _A.id, _A.name, _A.state).where(_A.id == bindparam("agent_id"))
_CONNECTIONS = (
    select(_C.id)
    .where(_C.tenant_id == bindparam("tenant_id"), _C.agent_id == bindparam("agent_id"), _C.removed_at.is_(None))
    .order_by(_C.id)
)
_OF_AGENT = (_B.tenant_id == bindparam("tenant_id"), _B.agent_id == bindparam("agent_id"))
_COLUMNS = (_B.epoch, _B.number, _B.digest, _B.made_at, _B.imported_at, _B.records, _B.fresh)
_IMPORTED = select(*_COLUMNS).where(*_OF_AGENT).order_by(_B.made_at.desc(), _B.number.desc()).limit(bindparam("most"))
_ONE = select(*_COLUMNS).where(*_OF_AGENT, _B.epoch == bindparam("epoch"), _B.number == bindparam("number"))
_SAVE = upsert(bundle_import)
_STORED = (
    select(_R.epoch, _R.stream, _R.first, _R.last)
    .where(_R.tenant_id == bindparam("tenant_id"), _R.agent_id == bindparam("agent_id"))
    .order_by(_R.epoch, _R.stream, _R.first)
    .limit(bindparam("most"))
)
_LOCK = select(_A.id).where(_A.tenant_id == bindparam("tenant_id"), _A.id == bindparam("agent_id")).with_for_update()
_LAST_RECEIPT = select(_T.number).where(_T.tenant_id == bindparam("tenant_id"), _T.agent_id == bindparam("agent_id"))
_SAVE_RECEIPT = upsert(bundle_receipt)
