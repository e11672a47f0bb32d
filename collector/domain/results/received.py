"""Which records are already here: inclusive ranges of sequence numbers per (agent, epoch, stream)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select

from collector.core.upsert import upsert
from collector.domain.results.tables import gap, received_range
from common.wire import Stream, merge_ranges

Range = tuple[int, int]

_MAX_GAPS = 100


@dataclass(frozen=True, slots=True)
class Source:
    """Whose sequence numbers these are."""

    tenant_id: int
    agent_id: str
    epoch: str
    stream: Stream

    @property
    def key(self) -> dict[str, object]:
        return {
            "tenant_id": self.tenant_id,
            "agent_id": self.agent_id,
            "epoch": self.epoch,
            "stream": self.stream,
        }


def known_ranges(conn: Connection, source: Source, first: int, last: int) -> list[Range]:
    """The stored ranges that overlap or touch first..last, ascending."""
    rows = conn.execute(_TOUCHING, {**source.key, "low": first - 1, "high": last + 1})
    return [(row.first, row.last) for row in rows]


def add(conn: Connection, source: Source, known: Sequence[Range], seqs: Iterable[int]) -> None:
    """Store that `seqs` are here too; `known` are the ranges that they may touch."""
    _put(conn, source, known, merge_ranges([*known, *((seq, seq) for seq in seqs)]))


def cover(conn: Connection, source: Source, lost: Range) -> None:
    """Take a range that will never come for received."""
    known = known_ranges(conn, source, *lost)
    _put(conn, source, known, merge_ranges([*known, lost]))


def _put(conn: Connection, source: Source, known: Sequence[Range], merged: Sequence[Range]) -> None:
    starts = {first for first, _ in merged}
    gone = [{**_where(source), "of_first": first} for first, _ in known if first not in starts]
    if gone:
        conn.execute(_FORGET, gone)
    _STORE(conn, ({**source.key, "first": one[0], "last": one[1]} for one in merged if one not in known))


def missing(conn: Connection, source: Source) -> tuple[Range, ...]:
    """Holes below the newest record that no gap record explains, oldest first; at most 100."""
    here = [(row.first, row.last) for row in conn.execute(_OLDEST, source.key)]
    if not here or (len(here) == 1 and here[0][0] == 1):
        return ()
    explained = [(row.first, row.last) for row in conn.execute(_GAPS, source.key)]
    return holes(merge_ranges([*here, *explained]), here[-1][1])[:_MAX_GAPS]


def holes(covered: Sequence[Range], top: int) -> tuple[Range, ...]:
    """What sorted, disjoint ranges leave out of 1..top."""
    ends = [0, *(last for _, last in covered)]
    starts = [*(first for first, _ in covered), top + 1]
    pairs = ((end + 1, min(start - 1, top)) for end, start in zip(ends, starts, strict=True))
    return tuple((first, last) for first, last in pairs if first <= last)


def _where(source: Source) -> dict[str, object]:
    return {f"of_{name}": value for name, value in source.key.items()}


_R, _G = received_range.c, gap.c

_TOUCHING = (
    select(_R.first, _R.last)
    .where(
        _R.tenant_id == bindparam("tenant_id"),
        _R.agent_id == bindparam("agent_id"),
        _R.epoch == bindparam("epoch"),
        _R.stream == bindparam("stream"),
        _R.first <= bindparam("high"),
        _R.last >= bindparam("low"),
    )
    .order_by(_R.first)
)

_OLDEST = (
    select(_R.first, _R.last)
    .where(
        _R.tenant_id == bindparam("tenant_id"),
        _R.agent_id == bindparam("agent_id"),
        _R.epoch == bindparam("epoch"),
        _R.stream == bindparam("stream"),
    )
    .order_by(_R.first)
    .limit(_MAX_GAPS + 1)
)

_GAPS = select(_G.first, _G.last).where(
    _G.tenant_id == bindparam("tenant_id"),
    _G.agent_id == bindparam("agent_id"),
    _G.epoch == bindparam("epoch"),
    _G.stream == bindparam("stream"),
)

_FORGET = delete(received_range).where(
    _R.tenant_id == bindparam("of_tenant_id"),
    _R.agent_id == bindparam("of_agent_id"),
    _R.epoch == bindparam("of_epoch"),
    _R.stream == bindparam("of_stream"),
    _R.first == bindparam("of_first"),
)

_STORE = upsert(received_range)
