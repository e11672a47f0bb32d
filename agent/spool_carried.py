"""What a spool does for records that are carried instead of sent: every statement for that, on the spool's own file.

The ledger of bundles is kept in the spool, so that it is durable with the numbers it speaks of and goes with them. It
is one more row of an old table: releases that know nothing of bundles go on with such a file.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from datetime import datetime
from typing import NamedTuple

import msgspec

from agent.carrying import Ledger, handed_over, left_out, minus
from agent.records import Offer, instant, micros
from common import wire
from common.bundle import OVERLAP, Place, Range, Ranges, collected, spread

_LEDGER = "bundles"
_SLICE = 100


class Span(NamedTuple):
    """The numbered records of one place; `oldest`: which of several places has older ones."""

    place: Place
    first: int
    last: int
    records: int
    oldest: int


class Lost(NamedTuple):
    """Numbered records that were let go of before anybody had carried them."""

    place: Place
    span: Range
    records: int


class Carriage:
    """`transaction`: a short one on `db`, as the spool's file makes them."""

    def __init__(self, db: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[None]]) -> None:
        self._db = db
        self._transaction = transaction

    # --- the ledger ---

    def ledger(self) -> Ledger:
        """An empty one where nothing was carried yet, or what is there cannot be read: then all is carried again."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (_LEDGER,)).fetchone()
        if row is None:
            return Ledger()
        try:
            return msgspec.json.decode(str(row[0]), type=Ledger)
        except msgspec.DecodeError:
            return Ledger()

    def remember(self, ledger: Ledger) -> None:
        with self._transaction():
            self._db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (_LEDGER, msgspec.json.encode(ledger).decode()),
            )

    # --- out ---

    def spans(self) -> list[Span]:
        rows = self._db.execute(
            "SELECT epoch, stream, min(seq), max(seq), count(*), min(id) FROM records WHERE seq IS NOT NULL "
            "GROUP BY stream, epoch ORDER BY epoch, stream"
        ).fetchall()
        return [Span(Place(epoch, stream), *numbers) for epoch, stream, *numbers in rows]

    def offer(self, place: Place, span: Range, *, max_records: int, max_bytes: int) -> Offer | None:
        """The first records of a range, none of which is let go of by this."""
        statement = (
            "SELECT seq, kind, at, body FROM records JOIN bodies USING (id) "
            "WHERE seq IS NOT NULL AND stream = ? AND epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
        )
        seqs: list[int] = []
        lines: list[bytes] = []
        size = 0
        with closing(self._db.execute(statement, (place.stream, place.epoch, *span, max_records))) as rows:
            for seq, kind, at, body in rows:
                size += len(body)
                if lines and size > max_bytes:
                    break
                seqs.append(seq)
                lines.append(wire.record_line(seq, kind, instant(at), msgspec.Raw(body)))
        return Offer(place.epoch, place.stream, tuple(seqs), tuple(lines)) if lines else None

    # --- room ---

    def free_older(self, than: datetime) -> list[Lost]:
        """Let go of numbered records that are too old; what of them nobody had carried."""
        old = self._old(than)
        never = minus(old, handed_over(self.ledger()))
        lost = [Lost(place, span, self._count(place, span, than)) for place, span in spread(never)]
        for place, span in spread(old):
            while self._free(place, span, than):
                pass
        return [one for one in lost if one.records]

    def shrink(self, enough: Callable[[], bool]) -> int:
        """Let go of the oldest records that were handed over, until there is room; how many went."""
        freed = 0
        ledger = self.ledger()
        for place, span in [*spread(left_out(ledger, OVERLAP)), *spread(handed_over(ledger))]:
            while not enough():
                count = self._free(place, span, None)
                freed += count
                if not count:
                    break
        return freed

    def _old(self, than: datetime) -> tuple[Ranges, ...]:
        rows = self._db.execute(
            "SELECT epoch, stream, min(seq), max(seq) FROM records WHERE seq IS NOT NULL AND at < ? "
            "GROUP BY stream, epoch",
            (micros(than),),
        ).fetchall()
        return collected((Place(epoch, stream), (first, last)) for epoch, stream, first, last in rows)

    def _count(self, place: Place, span: Range, than: datetime) -> int:
        row = self._db.execute(
            "SELECT count(*) FROM records WHERE seq IS NOT NULL AND stream = ? AND epoch = ? "
            "AND seq BETWEEN ? AND ? AND at < ?",
            (place.stream, place.epoch, *span, micros(than)),
        ).fetchone()
        return int(row[0])

    def _free(self, place: Place, span: Range, than: datetime | None) -> int:
        """Some of the records of a range, of those before `than`; how many."""
        old = "" if than is None else " AND at < ?"
        values: Sequence[object] = () if than is None else (micros(than),)
        with self._transaction():
            return self._db.execute(
                "DELETE FROM records WHERE id IN (SELECT id FROM records WHERE seq IS NOT NULL AND stream = ? "
                f"AND epoch = ? AND seq BETWEEN ? AND ?{old} ORDER BY seq LIMIT ?)",
                (place.stream, place.epoch, *span, *values, _SLICE),
            ).rowcount
