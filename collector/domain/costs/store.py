"""Queries of recommendations, and of what is known of each region."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from collector.core.upsert import upsert
from collector.domain.costs.rules import Kept
from collector.domain.costs.tables import aws_region, recommendation


@dataclass(slots=True)
class Region:
    """What is known of the scans of a region; see the table."""

    tenant_id: int
    account_id: str
    region: str
    judged: dict[str, int] = field(default_factory=dict)
    pending: dict[str, dict[str, Any]] = field(default_factory=dict)
    undecided: list[dict[str, Any]] = field(default_factory=list)
    gaps: dict[str, str] = field(default_factory=dict)
    scanned_at: datetime | None = None


def find(conn: Connection, tenant_id: int, rec_id: str) -> Kept | None:
    row = conn.execute(_ONE, {"tenant_id": tenant_id, "rec_id": rec_id}).mappings().one_or_none()
    return Kept(**row) if row else None


def known(conn: Connection, tenant_id: int, ids: Iterable[str]) -> dict[str, Kept]:
    """Those that are there, locked: a scan and a decision about the same one take turns."""
    rows = conn.execute(_SOME, {"tenant_id": tenant_id, "ids": list(ids)}).mappings()
    return {row["id"]: Kept(**row) for row in rows}


def unseen(conn: Connection, tenant_id: int, account_id: str, region: str, since: datetime) -> list[Kept]:
    """Those that stand, and that no scan has found that began at this instant or later; locked as well."""
    place = {"tenant_id": tenant_id, "account_id": account_id, "region": region, "since": since}
    return [Kept(**row) for row in conn.execute(_UNSEEN, place).mappings()]


def save(conn: Connection, tenant_id: int, rows: Sequence[Kept]) -> None:
    if any(row.tenant_id != tenant_id for row in rows):
        raise ValueError(f"a recommendation of another tenant than {tenant_id}")
    _SAVE(conn, rows)


def end_all(conn: Connection, tenant_id: int, account_id: str, at: datetime) -> None:
    """Nobody looks at this account any more."""
    conn.execute(_END, {"of_tenant": tenant_id, "of_account": account_id, "at": at})
    conn.execute(_FORGET_REGIONS, {"of_tenant": tenant_id, "of_account": account_id})


def region_of(conn: Connection, tenant_id: int, account_id: str, region: str) -> Region:
    place = {"tenant_id": tenant_id, "account_id": account_id, "region": region}
    row = conn.execute(_REGION, place).mappings().one_or_none()
    return Region(**row) if row else Region(tenant_id, account_id, region)


def save_region(conn: Connection, tenant_id: int, one: Region) -> None:
    if one.tenant_id != tenant_id:
        raise ValueError(f"a region of another tenant than {tenant_id}")
    _SAVE_REGION(conn, [one])


_R, _A = recommendation.c, aws_region.c

_SAVE = upsert(recommendation, objects=True)
_END = (
    update(recommendation)
    .where(_R.tenant_id == bindparam("of_tenant"), _R.account_id == bindparam("of_account"), _R.ended_at.is_(None))
    .values(ended_at=bindparam("at", type_=_R.ended_at.type))
)
_FORGET_REGIONS = delete(aws_region).where(
    _A.tenant_id == bindparam("of_tenant"), _A.account_id == bindparam("of_account")
)
_SAVE_REGION = upsert(aws_region, objects=True)

_ONE = select(recommendation).where(_R.tenant_id == bindparam("tenant_id"), _R.id == bindparam("rec_id"))
_SOME = (
    select(recommendation)
    .where(_R.tenant_id == bindparam("tenant_id"), _R.id.in_(bindparam("ids", expanding=True)))
    .order_by(_R.id)
    .with_for_update()
)
_UNSEEN = (
    select(recommendation)
    .where(
        _R.tenant_id == bindparam("tenant_id"),
        _R.account_id == bindparam("account_id"),
        _R.region == bindparam("region"),
        _R.ended_at.is_(None),
        _R.seen_at < bindparam("since"),
    )
    .order_by(_R.id)
    .with_for_update()
)
_REGION = select(aws_region).where(
    _A.tenant_id == bindparam("tenant_id"),
    _A.account_id == bindparam("account_id"),
    _A.region == bindparam("region"),
)
