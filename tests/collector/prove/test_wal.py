"""Where the transactions of a log end, asked of logs that SQLite has written."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collector.prove import wal


@pytest.fixture
def log(tmp_path: Path) -> bytes:
    """Of three transactions, the last of several pages."""
    path = tmp_path / "one.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("CREATE TABLE t (x)")
        raw.execute("INSERT INTO t VALUES (1)")
        raw.execute("INSERT INTO t VALUES (zeroblob(20000))")
        return path.with_name("one.sqlite-wal").read_bytes()


def test_each_transaction_has_an_end_and_the_last_is_the_logs(log: bytes) -> None:
    parsed = wal.parse(log)
    assert len(parsed.ends) == 3
    assert parsed.ends[-1] == parsed.end == len(log)


def test_a_cut_leaves_the_transactions_that_are_whole(log: bytes) -> None:
    parsed = wal.parse(log)
    first, second, third = parsed.ends
    assert [parsed.whole(cut) for cut in (0, first - 1, first, third - 1, third)] == [0, 0, first, second, third]


def test_a_wrong_bit_ends_the_log_before_its_frame(log: bytes) -> None:
    parsed = wal.parse(log)
    first, second, third = parsed.ends
    assert [parsed.before(at) for at in (0, first - 1, first, third - 1)] == [0, 0, first, second]


def test_what_an_older_log_left_behind_the_end_does_not_count(log: bytes) -> None:
    parsed = wal.parse(log)
    older = bytearray(log[parsed.ends[1] :])
    older[8] ^= 1
    assert wal.parse(log[: parsed.ends[1]] + bytes(older)).end == parsed.ends[1]


def test_an_empty_log_has_nothing_and_another_file_is_none() -> None:
    assert wal.parse(b"").ends == ()
    with pytest.raises(ValueError, match="not a log of SQLite"):
        wal.parse(bytes(4096))
