"""New epochs of a spool: when it wakes up on another machine, or somebody else gives the same numbers.

What has its number keeps it, for it may be on its way. What waits gets its number under the new epoch; but a gap record
speaks of numbers of the old one, and is given one of those.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from common import ids
from common.wire import Kind, Stream

EPOCH_CHARS = 20
_STREAM_OF_GAPS: Stream = "live"
_STREAMS = ("live", "bulk", "actions")


def place(*, boot: str, host: str, agent: str) -> str:
    """Where and as whom a spool is used."""
    return f"{boot} {host} {agent}"


def _agent(text: str) -> str:
    return text.rpartition(" ")[2]


class Epochs:
    """The epochs of one spool file. `began`: those that this process has begun, whose numbers nobody gave before."""

    def __init__(self, db: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[None]]) -> None:
        self._db = db
        self._transaction = transaction
        self.began: set[str] = set()

    @property
    def current(self) -> str:
        return self._meta("epoch")

    def settle(self, place: str) -> bool:
        """Begin a new epoch unless the spool was used last in this place; whether that was so.

        As another agent nothing has a number yet: what was numbered goes out anew, too.
        """
        before = self._meta("place")
        if before == place:
            return False
        with self._transaction():
            if before:
                self._begin()
            if before and _agent(before) != _agent(place):
                self._db.execute("UPDATE records SET epoch = NULL, stream = NULL, seq = NULL WHERE seq IS NOT NULL")
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('place', ?)", (place,))
        return bool(before)

    def renumber(self, epoch: str, stream: Stream, seqs: Sequence[int]) -> None:
        """Let these records wait once more, for numbers of an epoch that is nobody else's."""
        with self._transaction():
            if epoch == self.current:
                self._begin()
            self._db.executemany(
                "UPDATE records SET epoch = NULL, stream = NULL, seq = NULL WHERE stream = ? AND epoch = ? AND seq = ?",
                [(stream, epoch, seq) for seq in seqs],
            )

    def _begin(self) -> None:
        self._number_gaps(self.current)
        epoch = ids.random_text(EPOCH_CHARS)
        self._set("epoch", epoch)
        for stream in _STREAMS:
            self._set(f"next:{stream}", 1)
        self.began.add(epoch)

    def _number_gaps(self, epoch: str) -> None:
        name = f"next:{_STREAM_OF_GAPS}"
        first = int(self._meta(name))
        rows = self._db.execute("SELECT id FROM records WHERE kind = ? AND seq IS NULL ORDER BY id", (Kind.GAP,))
        waiting = [row[0] for row in rows.fetchall()]
        self._db.executemany(
            "UPDATE records SET epoch = ?, stream = ?, seq = ? WHERE id = ?",
            [(epoch, _STREAM_OF_GAPS, first + index, record) for index, record in enumerate(waiting)],
        )

    def _meta(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def _set(self, name: str, value: str | int) -> None:
        self._db.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))
