"""The activity log: what happened is appended in the transaction of its cause; lists are paged by time."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, Text, bindparam, func, or_, select, type_coerce

from collector.core import sequences
from collector.core.upsert import insert_missing
from collector.domain.activity import rules
from collector.domain.activity.tables import activity_count, activity_entry


class Entry(NamedTuple):
    """One thing that happened; who did it is `properties["by"]`, and a secret never is."""

    action_type: str
    properties: Mapping[str, object]
    occurred_at: datetime
    page_path: str | None = None


class Listed(NamedTuple):
    """One entry as lists show it."""

    id: int
    action_type: str
    page_path: str | None
    properties: Mapping[str, object]
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries are wanted; `since` belongs to them, `until` no longer."""

    action_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Place(NamedTuple):
    """Between two entries of a list: what is older follows."""

    occurred_at: datetime
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for in entries: who did it (how the name begins), and any text; in any case of letters.

    `before`: only in older ones.
    """

    by: str = ""
    text: str = ""
    before: Place | None = None


class Searched(NamedTuple):
    """What was found, newest first; `next`: where to look on, None where there is nothing older."""

    rows: list[Listed]
    next: Place | None


def append(conn: Connection, tenant_id: int, entries: Sequence[Entry]) -> None:
    """Record what the caller's transaction does; the chain takes the entries in once that is committed."""
    numbers = sequences.take(conn, "activity", len(entries))
    _INSERT(conn, (_row(tenant_id, number, entry) for number, entry in zip(numbers, entries, strict=True)))


def page(conn: Connection, tenant_id: int, wanted: Filter, offset: int, limit: int) -> tuple[int, list[Listed]]:
    """How many entries there are, and the wanted ones, newest first.

    Counts per hour say how many there are and in which hour a page begins, so that a query starts to read close to
    its page; row by row are counted only the hours that the range cuts through, and what the chain has yet to count.
    """
    reach = _Reach.of(conn, tenant_id, wanted)
    total = reach.total()
    if offset >= total:
        return total, []
    until, skipped = reach.seek(offset) if offset > _NEAR else (reach.until, 0)
    given = {**reach.given, "since": reach.since, "until": until, "skip": offset - skipped, "take": limit}
    rows = conn.execute(_PAGE_OF_TYPE if wanted.action_type else _PAGE, given)
    return total, [Listed._make(row) for row in rows]


def action_types(conn: Connection, tenant_id: int) -> list[str]:
    """What kinds of entries there are, each found by a step in the index."""
    found: list[str] = []
    last = ""
    while len(found) < _MOST_TYPES:
        kind = conn.execute(_NEXT_TYPE, {"tenant_id": tenant_id, "last": last}).scalar()
        if kind is None:
            break
        found.append(last := str(kind))
    return found


def search(conn: Connection, tenant_id: int, wanted: Filter, look_for: Search, limit: int) -> Searched:
    """At most `limit` entries that fit, of at most as many as are looked at in one go."""
    start = look_for.before or Place(min(wanted.until or _NEVER, _NEVER), 0)
    given = {
        "tenant_id": tenant_id,
        "action_type": wanted.action_type,
        "since": wanted.since or _EVER,
        "at": start.occurred_at,
        "before_id": start.id,
    }
    edge = conn.execute(_EDGE_OF_TYPE if wanted.action_type else _EDGE, given).scalar()
    patterns = {"of_by": _pattern('"by":"', look_for.by), "of_text": _pattern("", look_for.text)}
    reach = {**given, **patterns, "since": edge or given["since"], "take": limit}
    found = [Listed._make(row) for row in conn.execute(_FOUND_OF_TYPE if wanted.action_type else _FOUND, reach)]
    if len(found) == limit:
        return Searched(found, Place(found[-1].occurred_at, found[-1].id))
    return Searched(found, Place(edge, 0) if edge else None)


def _pattern(name: str, text: str) -> str:
    """Where a text stands in a stored document, as it is written there."""
    if not text:
        return "%"
    written = orjson.dumps(text).decode()[1:-1]
    plain = written.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{name}{plain}%"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """A range of entries: whole hours, `first` up to `last`, and what is left of it before and after them."""

    conn: Connection
    given: dict[str, object]
    since: datetime
    until: datetime
    waiting: Counter[int]
    """Entries that the chain has not counted yet, by hour."""

    @classmethod
    def of(cls, conn: Connection, tenant_id: int, wanted: Filter) -> "_Reach":
        given: dict[str, object] = {"tenant_id": tenant_id, "action_type": wanted.action_type}
        waiting = Counter(
            rules.hour_of(occurred_at)
            for occurred_at, action_type in conn.execute(_WAITING, {"tenant_id": tenant_id})
            if wanted.action_type in {None, action_type}
        )
        until = min(wanted.until or _NEVER, _NEVER)
        return cls(conn=conn, given=given, since=min(wanted.since or _EVER, until), until=until, waiting=waiting)

    @property
    def first(self) -> int:
        """The first hour that is in the range as a whole."""
        hour = rules.hour_of(self.since)
        return hour if rules.start_of(hour) == self.since else hour + 1

    @property
    def last(self) -> int:
        """The hour that the range ends in, or that begins where it ends."""
        return max(self.first, rules.hour_of(self.until))

    def total(self) -> int:
        whole = self.conn.execute(_SUM_OF_TYPE if self._of_type else _SUM, self._hours).scalar_one()
        waiting = sum(count for hour, count in self.waiting.items() if self.first <= hour < self.last)
        return int(whole) + waiting + self._before() + self._after()

    def seek(self, offset: int) -> tuple[datetime, int]:
        """Before which instant to read so that the page is near, and how many entries that leaves out."""
        skipped, end = 0, self.until
        for start, count in self._newest_first():
            if skipped + count > offset:
                break
            skipped, end = skipped + count, start
        return end, skipped

    def _newest_first(self) -> Iterator[tuple[datetime, int]]:
        yield min(rules.start_of(self.last), self.until), self._after()
        hours = Counter({hour: count for hour, count in self.waiting.items() if self.first <= hour < self.last})
        rows = self.conn.execute(_HOURS_OF_TYPE if self._of_type else _HOURS, self._hours)
        hours.update({hour: int(count) for hour, count in rows})
        for hour in sorted(hours, reverse=True):
            yield rules.start_of(hour), hours[hour]

    def _before(self) -> int:
        """How many there are between the beginning of the range and its first whole hour."""
        return self._counted(self.since, min(rules.start_of(self.first), self.until))

    def _after(self) -> int:
        return self._counted(rules.start_of(self.last), self.until)

    def _counted(self, since: datetime, until: datetime) -> int:
        if since >= until:
            return 0
        given = {**self.given, "since": since, "until": until}
        return int(self.conn.execute(_COUNT_OF_TYPE if self._of_type else _COUNT, given).scalar_one())

    @property
    def _of_type(self) -> bool:
        return self.given["action_type"] is not None

    @property
    def _hours(self) -> dict[str, object]:
        return {**self.given, "first": self.first, "last": self.last}


def _row(tenant_id: int, number: int, entry: Entry) -> dict[str, object]:
    return {**entry._asdict(), "tenant_id": tenant_id, "id": number, "position": None, "hash": None}


_INSERT = insert_missing(activity_entry)

_NEAR = 1_000  # entries that are skipped faster than their hour is looked up
_EVER = datetime(1, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)

_E, _N = activity_entry.c, activity_count.c

_OF_TENANT = _E.tenant_id == bindparam("tenant_id")
_IN_RANGE = (_OF_TENANT, _E.occurred_at >= bindparam("since"), _E.occurred_at < bindparam("until"))
_OF_TYPE = _E.action_type == bindparam("action_type")

_PAGE = (
    select(_E.id, _E.action_type, _E.page_path, _E.properties, _E.occurred_at)
    .where(*_IN_RANGE)
    .order_by(_E.occurred_at.desc(), _E.id.desc())
    .offset(bindparam("skip"))
    .limit(bindparam("take"))
)
_PAGE_OF_TYPE = _PAGE.where(_OF_TYPE)

_COUNT = select(func.count()).select_from(activity_entry).where(*_IN_RANGE)
_COUNT_OF_TYPE = _COUNT.where(_OF_TYPE)

_MOST_TYPES = 200
_LOOKED_AT = 10_000

_NEXT_TYPE = (
    select(_E.action_type).where(_OF_TENANT, _E.action_type > bindparam("last")).order_by(_E.action_type).limit(1)
)

_OLDER = (
    _OF_TENANT,
    _E.occurred_at >= bindparam("since"),
    _E.occurred_at <= bindparam("at", type_=_E.occurred_at.type),
    or_(_E.occurred_at < bindparam("at", type_=_E.occurred_at.type), _E.id < bindparam("before_id")),
)
_EDGE = (
    select(_E.occurred_at).where(*_OLDER).order_by(_E.occurred_at.desc(), _E.id.desc()).offset(_LOOKED_AT - 1).limit(1)
)
_EDGE_OF_TYPE = _EDGE.where(_OF_TYPE)
_DOCUMENT = type_coerce(_E.properties, Text)
_FOUND = (
    select(_E.id, _E.action_type, _E.page_path, _E.properties, _E.occurred_at)
    .where(
        *_OLDER,
        func.lower(_DOCUMENT).like(func.lower(bindparam("of_by")), escape="\\"),
        func.lower(_E.action_type + " " + func.coalesce(_E.page_path, "") + " " + _DOCUMENT).like(
            func.lower(bindparam("of_text")), escape="\\"
        ),
    )
    .order_by(_E.occurred_at.desc(), _E.id.desc())
    .limit(bindparam("take"))
)
_FOUND_OF_TYPE = _FOUND.where(_OF_TYPE)

# the type is looked at here: asked for it, SQLite would go through all entries of that type
_WAITING = select(_E.occurred_at, _E.action_type).where(_OF_TENANT, _E.position.is_(None))

_WHOLE = (_N.tenant_id == bindparam("tenant_id"), _N.hour >= bindparam("first"), _N.hour < bindparam("last"))
_COUNTED_TYPE = _N.action_type == bindparam("action_type")

_SUM = select(func.coalesce(func.sum(_N.entries), 0)).where(*_WHOLE)
_SUM_OF_TYPE = _SUM.where(_COUNTED_TYPE)

_HOURS = select(_N.hour, func.sum(_N.entries)).where(*_WHOLE).group_by(_N.hour).order_by(_N.hour.desc())
_HOURS_OF_TYPE = _HOURS.where(_COUNTED_TYPE)
