"""A proof that cannot break proves nothing: what each one takes for broken, shown on what is broken."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.maintenance import changes, store, telling
from collector.domain.maintenance.changes import Wanted
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import NewTenant
from collector.prove import stores, wal
from collector.prove.ledger import Place, Stored
from collector.prove.proofs import duplicates, jumping_clock, torn_files
from collector.prove.proofs._installed_agent import arrived
from collector.prove.proxy import Message
from common import wire
from common.clock import utc_now
from common.wire import Ack, Kind

OK = b"HTTP/1.1 200 OK\r\n\r\n"


# --- torn files ----------------------------------------------------------------------------------------------------


@pytest.fixture
def snapshot(tmp_path: Path) -> torn_files._Snapshot:
    """A database whose log has thirty runs, all acknowledged."""
    path = tmp_path / "live.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("CREATE TABLE run (key TEXT)")
        for number in range(30):
            raw.execute("INSERT INTO run VALUES (?)", (f"r{number}",))
        log = path.with_name("live.sqlite-wal").read_bytes()
        copy = tmp_path / "snapshot.sqlite"
        copy.write_bytes(path.read_bytes())
    acked = frozenset(f"r{number}" for number in range(30))
    return torn_files._Snapshot(copy, log, wal.parse(log), [(wal.parse(log).end, acked)])


def test_an_honest_log_survives_every_cut_and_every_bit(snapshot: torn_files._Snapshot) -> None:
    tally = torn_files._Tally()
    tally.tear(snapshot, Random(1), quick=True)
    assert (tally.troubles, tally.lost, tally.doubled) == ([], 0, 0)
    assert tally.counts["images"] == tally.counts["cuts"] + tally.counts["flips"] > 100


def test_a_run_that_was_acknowledged_and_is_not_in_the_log_is_lost(snapshot: torn_files._Snapshot) -> None:
    snapshot.marks.append((0, frozenset({"r0", "never written"})))
    tally = torn_files._Tally()
    tally.tear(snapshot, Random(1), quick=True)
    assert tally.lost > 0
    assert "acknowledged runs are missing" in " ".join(tally.troubles)


# --- duplicates ----------------------------------------------------------------------------------------------------


def batch(count: int) -> Message:
    lines = [wire.record_line(seq, Kind.GAP, utc_now(), {}) for seq in range(1, count + 1)]
    _, body = wire.pack(
        lines, agent="a", epoch="e", stream="live", seqs=range(1, count + 1), boot="b", sent_at=utc_now()
    )
    return Message(b"", body)


def ack(*, new: int, dup: int) -> Message:
    said = Ack(((1, new + dup),), new, dup, (), (), utc_now(), "")
    return Message(OK, wire.encode(said))


def test_duplicates_in_acks_are_those_that_were_injected() -> None:
    tally = duplicates._Tally()
    for new, dup in ((6, 0), (0, 6), (0, 6)):
        tally.watch(batch(6), ack(new=new, dup=dup))
    assert tally.trouble(6 - duplicates._AGENTS) == ""
    assert tally.counts["injected"] == 12


def test_a_copy_that_was_taken_for_new_is_found() -> None:
    tally = duplicates._Tally()
    for new, dup in ((6, 0), (1, 5)):
        tally.watch(batch(6), ack(new=new, dup=dup))
    assert tally.trouble(6 - duplicates._AGENTS) == "acks say 5 duplicates; injected were 6"


# --- the installed agent -------------------------------------------------------------------------------------------


def test_a_number_below_the_newest_that_never_came_is_a_hole() -> None:
    ranges = {Place("agt_1", "e", "live"): [(1, 4), (6, 9)], Place("simulated", "e", "live"): [(5, 5)]}
    assert arrived(Stored({}, ranges, sound=True), {"simulated"}) == (8, 1)


# --- the clock -----------------------------------------------------------------------------------------------------


def copied(template: Path, folder: Path) -> str:
    path = folder / "one.sqlite"
    path.write_bytes(template.read_bytes())
    return f"sqlite:///{path}"


async def test_a_window_that_is_told_twice_and_one_that_never_ends_are_found(
    tmp_path: Path, sqlite_template: Path
) -> None:
    url, now = copied(sqlite_template, tmp_path), utc_now()
    db = Database.open(url)
    tenant = await db.write(tenants.add, NewTenant(slug="acme", name="Acme", plan="enterprise"), now)
    wanted = Wanted(
        title="w", description="", visibility="internal", scheduled_start=now, scheduled_end=now + timedelta(hours=1),
        services=(), exclude_from_sla=False, suppress_alerts=False,
    )  # fmt: skip
    shown = await db.write(changes.schedule, tenant.id, wanted, Act("test", now))
    await db.write(lambda conn: telling.tell(conn, shown.window, "started", Act("test", now)))
    await db.close()
    counts: Counter[str] = Counter()
    troubles = stores.look(url, jumping_clock.audited, counts)
    assert counts["twice"] == 1
    assert any("told started more than once" in trouble for trouble in troubles)
    assert any("is active at the end" in trouble for trouble in troubles)


async def test_a_window_that_ends_before_it_began_is_found(tmp_path: Path, sqlite_template: Path) -> None:
    url, now = copied(sqlite_template, tmp_path), utc_now()
    db = Database.open(url)
    tenant = await db.write(tenants.add, NewTenant(slug="acme", name="Acme", plan="enterprise"), now)
    wanted = Wanted(
        title="w", description="", visibility="internal", scheduled_start=now - timedelta(hours=1), scheduled_end=now,
        services=(), exclude_from_sla=False, suppress_alerts=False,
    )  # fmt: skip
    shown = await db.write(changes.schedule, tenant.id, wanted, Act("test", now - timedelta(hours=1)))
    early = replace(shown.window, actual_start=now, actual_end=now - timedelta(hours=1), status="completed")
    await db.write(lambda conn: store.save(conn, tenant.id, [early]))
    await db.close()
    counts: Counter[str] = Counter()
    troubles = stores.look(url, jumping_clock.audited, counts)
    assert counts["negative"] == 1
    assert "1 rows of maintenance end before they begin" in troubles
