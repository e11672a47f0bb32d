"""Answers that are given again: reserved, made and kept in the transaction of what they tell of."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, bindparam, delete, select, text, update

from collector.core.columns import Instant
from collector.core.tenancy import across_tenants
from collector.domain.idempotency.rules import KEEP, Asked, OtherRequest, Reply
from collector.domain.idempotency.tables import reply

T = TypeVar("T")


def once(
    conn: Connection, tenant_id: int, asked: Asked, answer: Callable[[T], Reply], fn: Callable[..., T], *args: object
) -> Reply:
    """What `answer` makes of `fn(conn, *args)`, or what it made when the same was asked before.

    The row is inserted first: whoever asks the same at the same time, in another process too, waits for this
    transaction, and then finds the answer. When `fn` raises, nothing of it stays and the key is free again.
    """
    place = _place(tenant_id, asked)
    conn.execute(_EXPIRE, {**place, "before": asked.at - KEEP})
    if not _reserve(conn, tenant_id, asked):
        return _known(conn, tenant_id, asked)
    made = answer(fn(conn, *args))
    conn.execute(_KEEP, {**place, "status": made.status, "body": made.body})
    return made


@across_tenants("forgetting serves all of them")
def forget(conn: Connection, now: datetime, limit: int) -> int:
    """The chore: drop some answers that are too old to be given again."""
    rows = conn.execute(_OLD, {"before": now - KEEP, "limit": limit}).mappings().all()
    for row in rows:
        conn.execute(_DROP, {f"of_{name}": value for name, value in row.items()})
    return len(rows)


def _reserve(conn: Connection, tenant_id: int, asked: Asked) -> bool:
    """Whether the key was free."""
    return conn.execute(_RESERVE, {**asdict(asked), "tenant_id": tenant_id}).rowcount == 1


def _known(conn: Connection, tenant_id: int, asked: Asked) -> Reply:
    row = conn.execute(_FIND, _place(tenant_id, asked)).one()
    if bytes(row.digest) != asked.digest:
        raise OtherRequest
    return Reply(status=row.status, body=bytes(row.body), replayed=True)


def _place(tenant_id: int, asked: Asked) -> dict[str, object]:
    return {
        "of_tenant_id": tenant_id,
        "of_credential": asked.credential,
        "of_method": asked.method,
        "of_path": asked.path,
        "of_key": asked.key,
    }


_R = reply.c
_ONE = (
    _R.tenant_id == bindparam("of_tenant_id"),
    _R.credential == bindparam("of_credential"),
    _R.method == bindparam("of_method"),
    _R.path == bindparam("of_path"),
    _R.key == bindparam("of_key"),
)

_RESERVE = text(
    "INSERT INTO reply (tenant_id, credential, method, path, key, digest, status, body, created_at)"
    " VALUES (:tenant_id, :credential, :method, :path, :key, :digest, 0, :digest, :at) ON CONFLICT DO NOTHING"
).bindparams(bindparam("at", type_=Instant))
_FIND = select(_R.digest, _R.status, _R.body).where(*_ONE)
_KEEP = update(reply).where(*_ONE).values(status=bindparam("status"), body=bindparam("body"))
_EXPIRE = delete(reply).where(*_ONE, _R.created_at < bindparam("before"))

_OLD = (
    select(_R.tenant_id, _R.credential, _R.method, _R.path, _R.key)
    .where(_R.created_at < bindparam("before"))
    .order_by(_R.created_at)
    .limit(bindparam("limit"))
)
_DROP = delete(reply).where(*_ONE)
