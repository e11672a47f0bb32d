"""Bump a tenant's version in the transaction of the change; compare it before an answer is used again."""

from sqlalchemy import Connection, text


def bump(conn: Connection, tenant_id: int, source: str) -> None:
    """The id, name, score or presence of one of the source's connections has changed."""
    conn.execute(_BUMP, {"tenant_id": tenant_id, "source": source})


_BUMP = text(
    "INSERT INTO fleet_version (tenant_id, source, version) VALUES (:tenant_id, :source, 1)"
    " ON CONFLICT (tenant_id, source) DO UPDATE SET version = fleet_version.version + 1"
)
