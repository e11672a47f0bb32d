"""Bump a tenant's version in the transaction of the change; compare it before an answer is used again.

Each resource counts for itself, and within it each connection that writes: replicas do not wait for each other, and
there are as few rows to add up however many agents there are.
"""

from functools import cache
from operator import itemgetter
from typing import Literal

from sqlalchemy import Connection, bindparam, func, literal, select

from collector.core.plain import Plain
from collector.core.slots import SLOTS, slot_of
from collector.core.upsert import Upsert
from collector.domain.versions.tables import fleet_version

Resource = Literal["results", "incidents", "services"]
"""What agents find out: connections, their scores and tickets; incidents with what was said; names of services."""


def bump(conn: Connection, tenant_id: int) -> None:
    """The id, name, score or presence of a connection has changed."""
    _BUMP.plain(conn, [(tenant_id, slot_of(conn), 1)])


def version(conn: Connection, tenant_id: int) -> int:
    """Of the fleet: moves with every bump."""
    found: int = _VERSION(conn, {"tenant_id": tenant_id})[0][0]
    return found


def move(conn: Connection, tenant_id: int, resource: Resource) -> None:
    """Something about this resource has changed."""
    _BUMP.plain(conn, [(tenant_id, f"{resource}{_OF}{slot_of(conn)}", 1)])


def version_of(conn: Connection, tenant_id: int, resources: tuple[Resource, ...]) -> int:
    """Moves whenever one of these resources does."""
    found: int = _version_of(resources)(conn, {"tenant_id": tenant_id})[0][0]
    return found


_OF = ":"  # no agent's id has one: before 0.8 each agent counted for itself, and what it counted still adds to the sum
_V = fleet_version.c
_SUM = select(func.coalesce(func.sum(_V.version), 0)).where(_V.tenant_id == bindparam("tenant_id"))

_VERSION = Plain(_SUM.where(_V.source.not_like(f"%{_OF}%")))
_BUMP = Upsert(fleet_version, "DO UPDATE SET version = fleet_version.version + 1", itemgetter)


@cache
def _version_of(resources: tuple[Resource, ...]) -> Plain:
    sources = [literal(f"{resource}{_OF}{slot}") for resource in resources for slot in SLOTS]
    return Plain(_SUM.where(_V.source.in_(sources)))
