"""The chain over a tenant's entries: who holds its head gives them order and hash; retention cuts at checkpoints."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, text, update

from collector.core import leases, sequences
from collector.core.tenancy import across_tenants
from collector.core.upsert import insert_missing
from collector.domain.activity import rules
from collector.domain.activity.rules import Link
from collector.domain.activity.store import Entry, append
from collector.domain.activity.tables import activity_chain, activity_checkpoint, activity_count, activity_entry
from collector.domain.tenants.tables import tenant

Sign = Callable[[bytes], str]

_SLICE = 2_000
_EVERY = timedelta(hours=1)


class Head(NamedTuple):
    """The end of a chain, and where it has been cut."""

    position: int
    hash: bytes
    cut_position: int
    cut_hash: bytes


class Checkpoint(NamedTuple):
    """The end of a chain at some time, signed."""

    position: int
    hash: bytes
    at: datetime
    newest_at: datetime
    public_key: str
    signature: str


def record(conn: Connection, tenant_id: int, entries: Sequence[Entry]) -> None:
    """Append and chain in one go, for a transaction of its own; another replica at the chain leaves that for later."""
    head = _hold(conn, tenant_id)
    if head is None:
        append(conn, tenant_id, entries)
        return
    numbers = sequences.take(conn, "activity", len(entries))
    links = [
        Link(
            tenant_id=tenant_id,
            position=position,
            id=number,
            occurred_at=entry.occurred_at,
            action_type=entry.action_type,
            page_path=entry.page_path,
            properties=entry.properties,
        )
        for position, (number, entry) in enumerate(zip(numbers, entries, strict=True), head.position + 1)
    ]
    hashes = _extend(conn, tenant_id, head, links)
    _INSERT(conn, (_row(link, digest) for link, digest in zip(links, hashes, strict=True)))


@across_tenants("a journal has the entries of many, each for its own chain")
def record_all(conn: Connection, entries: Mapping[int, Sequence[Entry]]) -> None:
    for tenant_id in sorted(entries):
        record(conn, tenant_id, entries[tenant_id])


@across_tenants("the flusher serves all of them, each by its own chain")
def chain(conn: Connection, _now: datetime, limit: int) -> int:
    """Take what was appended into the chains, `limit` entries at most; returns how many there were."""
    done = after = 0
    while done < limit:
        waiting = conn.execute(_NEXT_UNCHAINED, {"after": after}).scalar()
        if waiting is None:
            break
        after = waiting
        done += _chain_tenant(conn, after, limit - done)
    return done


@across_tenants("it serves all of them, each by its own chain")
def sign(conn: Connection, now: datetime, public_key: str, sign_with: Sign) -> list[tuple[int, int, bytes]]:
    """Sign the end of each chain that has moved since its last checkpoint; returns tenant, position, hash of each."""
    if not leases.take(conn, "activity checkpoints"):
        return []
    moved = conn.execute(_MOVED).all()
    for tenant_id, position, digest, before, newest_before in moved:
        reach = {"tenant_id": tenant_id, "after": before or 0, "last": position}
        newest = conn.execute(_NEWEST, reach).scalar_one()
        row = {
            "tenant_id": tenant_id,
            "position": position,
            "hash": digest,
            "at": now,
            "newest_at": max(newest, newest_before or newest),
            "public_key": public_key,
            "signature": sign_with(rules.statement(tenant_id, position, digest)),
        }
        conn.execute(insert(activity_checkpoint), row)
    return [(tenant_id, position, digest) for tenant_id, position, digest, _, _ in moved]


@across_tenants("retention serves all of them, each by its own chain")
def retire(conn: Connection, before: datetime, limit: int) -> int:
    """Drop what happened before then, up to the last checkpoint of which that is all; `limit` entries at most."""
    done = 0
    for tenant_id in conn.execute(_TENANTS).scalars().all():
        done += _retire_tenant(conn, tenant_id, before, limit - done)
        if done >= limit:
            break
    return done


def forgetting(keep: timedelta) -> Callable[[Connection, datetime, int], int]:
    """The chore: what is older than this, in slices; once it is through it rests for an hour."""
    rests_until: datetime | None = None

    @across_tenants("retention serves all of them, each by its own chain")
    def forget(conn: Connection, now: datetime, limit: int) -> int:
        nonlocal rests_until
        if rests_until is not None and now < rests_until:
            return 0
        done = retire(conn, now - keep, limit)
        rests_until = now + _EVERY if done < limit else None
        return done

    return forget


def head_of(conn: Connection, tenant_id: int) -> Head:
    row = conn.execute(_HEAD, {"tenant_id": tenant_id}).one_or_none()
    return Head._make(row) if row else Head(0, rules.START, 0, rules.START)


def links(conn: Connection, tenant_id: int, after: int) -> Iterator[tuple[Link, bytes]]:
    """All chained entries behind a position, with the hash that each was given."""
    while found := some_links(conn, tenant_id, after):
        yield from found
        after = found[-1][0].position


def some_links(conn: Connection, tenant_id: int, after: int) -> list[tuple[Link, bytes]]:
    """The next of them."""
    rows = conn.execute(_LINKS, {"tenant_id": tenant_id, "after": after, "take": _SLICE})
    return [(_link(tenant_id, row), row.hash) for row in rows]


def checkpoints(conn: Connection, tenant_id: int) -> list[Checkpoint]:
    return [Checkpoint._make(row) for row in conn.execute(_CHECKPOINTS, {"tenant_id": tenant_id})]


def waiting(conn: Connection, tenant_id: int) -> int:
    """How many entries the chain has yet to take in."""
    return int(conn.execute(_COUNT_UNCHAINED, {"tenant_id": tenant_id}).scalar_one())


def _chain_tenant(conn: Connection, tenant_id: int, limit: int) -> int:
    head = _hold(conn, tenant_id)
    if head is None:
        return 0  # another replica is at it
    found = conn.execute(_UNCHAINED, {"tenant_id": tenant_id, "take": limit}).all()
    links = [_link(tenant_id, row, position=position) for position, row in enumerate(found, head.position + 1)]
    hashes = _extend(conn, tenant_id, head, links)
    values = [
        {"of_tenant": tenant_id, "of_id": link.id, "position": link.position, "hash": digest}
        for link, digest in zip(links, hashes, strict=True)
    ]
    if values:
        conn.execute(_CHAIN, values)
    return len(values)


def _extend(conn: Connection, tenant_id: int, head: Head, links: Sequence[Link]) -> list[bytes]:
    """The hashes of the next links; the head and the counts move on with them."""
    hashes: list[bytes] = []
    digest = head.hash
    for link in links:
        digest = rules.follow(digest, link)
        hashes.append(digest)
    if links:
        conn.execute(_ADVANCE, {"of_tenant": tenant_id, "position": links[-1].position, "hash": digest})
        _count(conn, tenant_id, ((link.occurred_at, link.action_type) for link in links), sign=1)
    return hashes


def _hold(conn: Connection, tenant_id: int) -> Head | None:
    """The head of the chain, held until the commit; None while another replica holds it."""
    row = conn.execute(_HOLD, {"tenant_id": tenant_id}).one_or_none()
    if row is None:
        conn.execute(_BEGIN, {"tenant_id": tenant_id, "start": rules.START})
        row = conn.execute(_HOLD, {"tenant_id": tenant_id}).one_or_none()
    return Head._make(row) if row else None


def _retire_tenant(conn: Connection, tenant_id: int, before: datetime, limit: int) -> int:
    head = _hold(conn, tenant_id)
    if head is None:
        return 0
    cut = conn.execute(_CUT, {"tenant_id": tenant_id, "before": before}).one_or_none()
    if cut is not None and cut.position > head.cut_position:
        conn.execute(_MOVE_CUT, {"of_tenant": tenant_id, "cut_position": cut.position, "cut_hash": cut.hash})
        conn.execute(_DROP_CHECKPOINTS, {"of_tenant": tenant_id, "below": cut.position})
        head = head._replace(cut_position=cut.position)
    reach = {"tenant_id": tenant_id, "last": head.cut_position, "take": limit}
    gone = conn.execute(_OLDEST, reach).all()
    if gone:
        conn.execute(_DROP, {"of_tenant": tenant_id, "last": gone[-1].position})
        _count(conn, tenant_id, ((row.occurred_at, row.action_type) for row in gone), sign=-1)
        conn.execute(_DROP_COUNTS, {"of_tenant": tenant_id})
    return len(gone)


def _count(conn: Connection, tenant_id: int, entries: Iterable[tuple[datetime, str]], *, sign: int) -> None:
    counts = Counter((rules.hour_of(at), action_type) for at, action_type in entries)
    rows = [
        {"tenant_id": tenant_id, "hour": hour, "action_type": action_type, "entries": sign * number}
        for (hour, action_type), number in counts.items()
    ]
    conn.execute(_COUNT, rows)


def _link(tenant_id: int, row: Row[*tuple[Any, ...]], *, position: int | None = None) -> Link:
    return Link(
        tenant_id=tenant_id,
        position=row.position if position is None else position,
        id=row.id,
        occurred_at=row.occurred_at,
        action_type=row.action_type,
        page_path=row.page_path,
        properties=row.properties,
    )


def _row(link: Link, digest: bytes) -> dict[str, object]:
    return {
        "tenant_id": link.tenant_id,
        "id": link.id,
        "occurred_at": link.occurred_at,
        "action_type": link.action_type,
        "page_path": link.page_path,
        "properties": link.properties,
        "position": link.position,
        "hash": digest,
    }


_E, _H, _P, _N = activity_entry.c, activity_chain.c, activity_checkpoint.c, activity_count.c

_INSERT = insert_missing(activity_entry)

_OF_HEAD = _H.tenant_id == bindparam("of_tenant")

_HEAD = select(_H.position, _H.hash, _H.cut_position, _H.cut_hash).where(_H.tenant_id == bindparam("tenant_id"))

_HOLD = _HEAD.with_for_update(skip_locked=True)

_BEGIN = text(
    "INSERT INTO activity_chain (tenant_id, position, hash, cut_position, cut_hash)"
    " VALUES (:tenant_id, 0, :start, 0, :start) ON CONFLICT (tenant_id) DO NOTHING"
)

_ADVANCE = update(activity_chain).where(_OF_HEAD).values(position=bindparam("position"), hash=bindparam("hash"))

_MOVE_CUT = (
    update(activity_chain)
    .where(_OF_HEAD)
    .values(cut_position=bindparam("cut_position"), cut_hash=bindparam("cut_hash"))
)

_FIELDS = (_E.position, _E.id, _E.occurred_at, _E.action_type, _E.page_path, _E.properties, _E.hash)

_NEXT_UNCHAINED = (
    select(_E.tenant_id).where(_E.tenant_id > bindparam("after"), _E.position.is_(None)).order_by(_E.tenant_id).limit(1)
)

_UNCHAINED = (
    select(*_FIELDS)
    .where(_E.tenant_id == bindparam("tenant_id"), _E.position.is_(None))
    .order_by(_E.id)
    .limit(bindparam("take"))
)

_COUNT_UNCHAINED = (
    select(func.count())
    .select_from(activity_entry)
    .where(_E.tenant_id == bindparam("tenant_id"), _E.position.is_(None))
)

_CHAIN = (
    update(activity_entry)
    .where(_E.tenant_id == bindparam("of_tenant"), _E.id == bindparam("of_id"))
    .values(position=bindparam("position"), hash=bindparam("hash"))
)

_LINKS = (
    select(*_FIELDS)
    .where(_E.tenant_id == bindparam("tenant_id"), _E.position > bindparam("after"))
    .order_by(_E.position)
    .limit(bindparam("take"))
)

_NEWEST = select(func.max(_E.occurred_at)).where(
    _E.tenant_id == bindparam("tenant_id"), _E.position > bindparam("after"), _E.position <= bindparam("last")
)

_TENANTS = select(tenant.c.id).order_by(tenant.c.id)

_LAST = (
    select(_P.position)
    .where(_P.tenant_id == _H.tenant_id)
    .order_by(_P.position.desc())
    .limit(1)
    .correlate(activity_chain, tenant)
    .scalar_subquery()
)

_MOVED = (
    select(_H.tenant_id, _H.position, _H.hash, _P.position, _P.newest_at)
    .select_from(tenant)
    .join(activity_chain, _H.tenant_id == tenant.c.id)
    .outerjoin(activity_checkpoint, (_P.tenant_id == _H.tenant_id) & (_P.position == _LAST))
    .where(_H.position > func.coalesce(_P.position, 0))
)

_CHECKPOINTS = (
    select(_P.position, _P.hash, _P.at, _P.newest_at, _P.public_key, _P.signature)
    .where(_P.tenant_id == bindparam("tenant_id"))
    .order_by(_P.position)
)

_CUT = (
    select(_P.position, _P.hash)
    .where(_P.tenant_id == bindparam("tenant_id"), _P.newest_at < bindparam("before"))
    .order_by(_P.position.desc())
    .limit(1)
)

_DROP_CHECKPOINTS = delete(activity_checkpoint).where(
    _P.tenant_id == bindparam("of_tenant"), _P.position < bindparam("below")
)

_OLDEST = (
    select(_E.position, _E.occurred_at, _E.action_type)
    .where(_E.tenant_id == bindparam("tenant_id"), _E.position <= bindparam("last"))
    .order_by(_E.position)
    .limit(bindparam("take"))
)

_DROP = delete(activity_entry).where(_E.tenant_id == bindparam("of_tenant"), _E.position <= bindparam("last"))

_DROP_COUNTS = delete(activity_count).where(_N.tenant_id == bindparam("of_tenant"), _N.entries <= 0)

_COUNT = text(
    "INSERT INTO activity_count (tenant_id, hour, action_type, entries)"
    " VALUES (:tenant_id, :hour, :action_type, :entries)"
    " ON CONFLICT (tenant_id, hour, action_type) DO UPDATE SET entries = activity_count.entries + excluded.entries"
)
