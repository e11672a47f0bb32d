"""How large the database is, how large it may become, and which kinds of data take most of it."""

from collections import Counter
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from collector.core import disk
from collector.core.room import Fill, Terms, worded
from collector.doctor.ground import UNIT
from common.checkup import Finding, unwell, well

_MOST_READ = 4 * 2**30  # SQLite has to look at each page to say which table it belongs to
_SHOWN = 5


def look(conn: Connection, terms: Terms) -> Iterator[Finding]:
    fill = disk.measure(conn, terms)
    by_kind = kinds(_tables(conn, fill))
    yield judge(fill, by_kind)


def kinds(tables: Mapping[str, int]) -> Mapping[str, int]:
    """Bytes by the noun that a table belongs to, largest first."""
    nouns = {one.__tablename__: one.__module__.split(".")[-2] for one in SQLModel.__subclasses__()}
    found: Counter[str] = Counter()
    for table, size in tables.items():
        found[nouns.get(table, "other")] += size
    return dict(found.most_common())


def judge(fill: Fill, by_kind: Mapping[str, int]) -> Finding:
    """Pure: whether there is room."""
    most = ", ".join(f"{kind} {worded(size)}" for kind, size in list(by_kind.items())[:_SHOWN])
    detail = f"{fill}{f': {most}' if most else ''}"
    if fill.state == "well":
        return well("database-room", detail)
    mend = (
        'disk_budget = "100GiB"   # or a larger volume\n'
        f"keep_values_days = 7   # or less of what takes most: keep_…_days\nsystemctl restart {UNIT}"
    )
    if fill.state == "near":
        return unwell("database-room", f"nearly full: {detail}", mend)
    what = "old values go before their time" if fill.can_shrink else "others have filled the volume"
    return unwell("database-room", f"full: {detail}; {what}", mend)


def _tables(conn: Connection, fill: Fill) -> Mapping[str, int]:
    if conn.dialect.name == "sqlite" and fill.taken > _MOST_READ:
        return {}
    try:
        return disk.by_table(conn)
    except DBAPIError:
        return {}  # an SQLite that was built without the table of its pages
