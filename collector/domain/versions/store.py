"""Bump a tenant's version in the transaction of the change; compare it before an answer is used again."""

from sqlalchemy import Connection, bindparam, func, select, text

from collector.domain.versions.tables import fleet_version


def bump(conn: Connection, tenant_id: int, source: str) -> None:
    """The id, name, score or presence of one of the source's connections has changed."""
    conn.execute(_BUMP, {"tenant_id": tenant_id, "source": source})


def version(conn: Connection, tenant_id: int) -> int:
    """Moves with every bump of any source."""
    return int(conn.execute(_VERSION, {"tenant_id": tenant_id}).scalar_one())


_VERSION = select(func.coalesce(func.sum(fleet_version.c.version), 0)).where(
    fleet_version.c.tenant_id == bindparam("tenant_id")
)

_BUMP = text(
    "INSERT INTO fleet_version (tenant_id, source, version) VALUES (:tenant_id, :source, 1)"
    " ON CONFLICT (tenant_id, source) DO UPDATE SET version = fleet_version.version + 1"
)
