"""Recommendations end where nobody looks any more."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, update

from collector.domain.costs.tables import aws_region, recommendation


def end_region(conn: Connection, tenant_id: int, account_id: str, region: str, at: datetime) -> None:
    """This region of the account is not looked at any more."""
    place = {"of_tenant": tenant_id, "of_account": account_id, "of_region": region}
    conn.execute(_END, {**place, "at": at})
    conn.execute(_FORGET, place)


_R, _A = recommendation.c, aws_region.c

_END = (
    update(recommendation)
    .where(
        _R.tenant_id == bindparam("of_tenant"),
        _R.account_id == bindparam("of_account"),
        _R.region == bindparam("of_region"),
        _R.ended_at.is_(None),
    )
    .values(ended_at=bindparam("at", type_=_R.ended_at.type))
)
_FORGET = delete(aws_region).where(
    _A.tenant_id == bindparam("of_tenant"),
    _A.account_id == bindparam("of_account"),
    _A.region == bindparam("of_region"),
)
