"""Services that are there by themselves: one for each listed connection and each linked AWS account."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, literal_column, select

from collector.core import sequences
from collector.core.tenancy import across_tenants
from collector.domain.accounts.tables import aws_account
from collector.domain.results.rows import Target
from collector.domain.results.tables import connection
from collector.domain.services import naming, store
from collector.domain.services.recording import source as source_of
from collector.domain.services.rules import ServiceKind
from collector.domain.services.store import Service
from collector.domain.services.tables import service
from collector.domain.tenants.tables import tenant

Chore = Callable[[Connection, datetime, int], int]


class Source(NamedTuple):
    """What a service stands for by itself; `listed`: it is there."""

    kind: ServiceKind
    source: str
    name: str
    tags: Sequence[str] = ()
    listed: bool = True


def of_target(target: Target) -> Source:
    listed = target.listed_at is not None and target.removed_at is None
    return Source("connection", source_of(target.id), target.name, list(target.tags), listed)


def of_account(account_id: str, name: str, *, listed: bool = True) -> Source:
    return Source("account", f"account/{account_id}", name or account_id, listed=listed)


def follow(conn: Connection, tenant_id: int, sources: Sequence[Source], now: datetime) -> None:
    """Have their services be there, or not, and be called as they are; what stays as it is is not written."""
    if not sources:
        return
    known = store.of_sources(conn, tenant_id, [one.source for one in sources])
    missing = [one for one in sources if one.listed and one.source not in known]
    if missing:
        store.hold(conn, tenant_id)
        known = store.of_sources(conn, tenant_id, [one.source for one in sources])
        missing = [one for one in missing if one.source not in known]
    changed = [_followed(known[one.source], one, now) for one in sources if one.source in known]
    made = _made(conn, tenant_id, missing, now)
    store.save(conn, tenant_id, [*made, *(one for one in changed if one != known[one.source])])


def fill() -> Chore:
    """A chore: services for what was there before services were.

    It looks until it has found nothing once: whatever comes later has its service from the beginning.
    """
    done = False

    @across_tenants("the sweep serves all of them; what it makes is written by tenant")
    def look(conn: Connection, now: datetime, limit: int) -> int:
        nonlocal done
        count = 0 if done else _fill(conn, now, limit)
        done = count == 0
        return count

    return look


@across_tenants("the sweep serves all of them; what it makes is written by tenant")
def _fill(conn: Connection, now: datetime, limit: int) -> int:
    count = 0
    for tenant_id in conn.execute(_TENANTS).scalars().all():
        missing = _without(conn, tenant_id)[: limit - count]
        follow(conn, tenant_id, missing, now)
        count += len(missing)
    return count


def _without(conn: Connection, tenant_id: int) -> list[Source]:
    """What is there and has no service."""
    place = {"tenant_id": tenant_id}
    known = set(conn.execute(_SOURCES, place).scalars())
    found = [Source("connection", source_of(row.id), row.name, row.tags) for row in conn.execute(_CONNECTIONS, place)]
    found += [of_account(row.account_id, row.name) for row in conn.execute(_ACCOUNTS, place)]
    return [one for one in found if one.source not in known]


def source(conn: Connection, tenant_id: int, one: Service) -> Source | None:
    """What an automatic service stands for, as it is now."""
    if one.kind == "connection":
        place = {"tenant_id": tenant_id, "connection_id": int(one.source.partition("/")[2])}
        row = conn.execute(_CONNECTION, place).one()
        return Source("connection", one.source, row.name, row.tags)
    if one.kind == "account":
        account_id = one.source.partition("/")[2]
        found = conn.execute(_ACCOUNT, {"tenant_id": tenant_id, "account_id": account_id}).one()
        return of_account(account_id, found.name)
    return None


def _followed(one: Service, source: Source, now: datetime) -> Service:
    if not source.listed:
        return one if one.removed_at else one._replace(removed_at=now, updated_at=now)
    renamed = one.name if one.named else source.name
    tags = naming.together(one.own_tags or [], source.tags)
    after = one._replace(name=renamed, tags=tags, removed_at=None)
    return after if after == one else after._replace(updated_at=now)


def _made(conn: Connection, tenant_id: int, missing: Iterable[Source], now: datetime) -> list[Service]:
    wanted = list({one.source: one for one in missing}.values())
    if not wanted:
        return []
    taken = store.slugs(conn, tenant_id)
    made: list[Service] = []
    for number, one in zip(sequences.take(conn, "service", len(wanted)), wanted, strict=True):
        slug = naming.slug_of(one.name, taken)
        taken.add(slug)
        made.append(new(number, slug, one, now))
    return made


def new(number: int, slug: str, one: Source, now: datetime) -> Service:
    """As services are where nobody has said otherwise."""
    return Service(
        id=number,
        slug=slug,
        name=one.name,
        named=False,
        description="",
        kind=one.kind,
        source=one.source,
        parts=[],
        visibility="internal",
        group_name="",
        tags=list(one.tags),
        own_tags=[],
        publish_baseline=False,
        on_stale="hold",
        since=now,
        created_at=now,
        updated_at=now,
    )


_S, _C, _A = service.c, connection.c, aws_account.c

_TENANTS = select(tenant.c.id).order_by(tenant.c.id)
_SOURCES = select(_S.source).where(_S.tenant_id == bindparam("tenant_id"), _S.source != literal_column("''"))
_CONNECTIONS = select(_C.id, _C.name, _C.tags).where(
    _C.tenant_id == bindparam("tenant_id"), _C.listed_at.is_not(None), _C.removed_at.is_(None)
)
_ACCOUNTS = select(_A.account_id, _A.name).where(_A.tenant_id == bindparam("tenant_id"))
_CONNECTION = select(_C.name, _C.tags).where(
    _C.tenant_id == bindparam("tenant_id"), _C.id == bindparam("connection_id")
)
_ACCOUNT = select(_A.name).where(_A.tenant_id == bindparam("tenant_id"), _A.account_id == bindparam("account_id"))
