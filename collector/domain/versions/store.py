"""Bump a tenant's version in the transaction of the change; compare it before an answer is used again.

Each resource counts for itself, and within it each source (an agent): batches of two agents never wait for each other.
"""

from collections.abc import Iterable
from operator import itemgetter
from typing import Literal

from sqlalchemy import Connection, bindparam, func, select

from collector.core.plain import Plain
from collector.core.upsert import Upsert
from collector.domain.versions.tables import fleet_version

Resource = Literal["results", "incidents", "services"]
"""What agents find out: connections, their scores and tickets; incidents with what was said; names of services."""


def bump(conn: Connection, tenant_id: int, source: str) -> None:
    """The id, name, score or presence of one of the source's connections has changed."""
    _BUMP.plain(conn, [(tenant_id, source, 1)])


def version(conn: Connection, tenant_id: int) -> int:
    """Of the fleet: moves with every bump of any source."""
    found: int = _VERSION(conn, {"tenant_id": tenant_id})[0][0]
    return found


def move(conn: Connection, tenant_id: int, resource: Resource, sources: Iterable[str] = ("",)) -> None:
    """Something about this resource has changed, by whatever each source has said."""
    _BUMP.plain(conn, [(tenant_id, f"{resource}{_OF}{source}", 1) for source in sorted(sources)])


def version_of(conn: Connection, tenant_id: int, first: Resource, second: Resource | None = None) -> int:
    """Moves whenever one of these resources does."""
    wanted = {"tenant_id": tenant_id, "first": f"{first}{_OF}%", "second": f"{second or first}{_OF}%"}
    found: int = _VERSION_OF(conn, wanted)[0][0]
    return found


_OF = ":"  # no agent's id has one
_V = fleet_version.c
_SUM = select(func.coalesce(func.sum(_V.version), 0)).where(_V.tenant_id == bindparam("tenant_id"))

_VERSION = Plain(_SUM.where(_V.source.not_like(f"%{_OF}%")))
_VERSION_OF = Plain(_SUM.where(_V.source.like(bindparam("first")) | _V.source.like(bindparam("second"))))
_BUMP = Upsert(fleet_version, "DO UPDATE SET version = fleet_version.version + 1", itemgetter)
