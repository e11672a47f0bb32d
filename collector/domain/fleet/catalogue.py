"""The checks that a tenant's agents know, each as it was uploaded last."""

from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, func, select

from collector.domain.results.tables import catalogue_entry


class Known(NamedTuple):
    """One check of the catalogue; `rest` holds cost, scope, levels and pack."""

    check: str
    category: str
    title: str
    remediation: str
    unit: str
    ceiling: str
    interval_s: int
    enabled: bool
    rest: dict[str, str]


def page(conn: Connection, tenant_id: int, offset: int, limit: int) -> tuple[int, list[Known]]:
    """How many checks there are, and the wanted ones by id."""
    rows = conn.execute(_PAGE, {"tenant_id": tenant_id, "skip": offset, "take": limit})
    found = [Known._make(row) for row in rows]
    if 0 < len(found) < limit:
        return offset + len(found), found
    return conn.execute(_COUNT, {"tenant_id": tenant_id}).scalar_one(), found


_E, _O = catalogue_entry.c, catalogue_entry.alias("other")

_NEWEST = (
    select(_O.c.agent_id)
    .where(_O.c.tenant_id == bindparam("tenant_id"), _O.c.check_id == _E.check_id)
    .order_by(_O.c.uploaded_at.desc(), _O.c.agent_id.desc())
    .limit(1)
    .correlate(catalogue_entry)
    .scalar_subquery()
)

_PAGE = (
    select(
        _E.check_id,
        _E.category,
        _E.title,
        _E.remediation,
        _E.unit,
        _E.ceiling,
        _E.interval_s,
        _E.enabled,
        _E.rest,
    )
    .where(and_(_E.tenant_id == bindparam("tenant_id"), _E.agent_id == _NEWEST))
    .order_by(_E.check_id)
    .offset(bindparam("skip"))
    .limit(bindparam("take"))
)

_COUNT = select(func.count(_E.check_id.distinct())).where(_E.tenant_id == bindparam("tenant_id"))
