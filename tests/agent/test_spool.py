import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent import spool as spool_module
from agent.records import Keep, Offer
from agent.spool import Limits, Spool
from common import wire
from common.wire import Gap, Kind

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
ROOMY = Limits(min_free=0)


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(tmp_path: Path, clock: Clock) -> Iterator[Spool]:
    opened = Spool(tmp_path, ROOMY, now=clock)
    yield opened
    opened.close()


def put(spool: Spool, number: int, *, at: datetime = NOW, keep: Keep = Keep.RESULT, kind: str = "run") -> None:
    spool.append(kind, at, {"n": number}, keep=keep)


def numbers(offer: Offer | None) -> list[int]:
    return [wire.decode(wire.parse_record(line).body, dict[str, int])["n"] for line in offer.lines] if offer else []


def drain(spool: Spool) -> list[wire.Record]:
    """Everything, in the order in which it goes out."""
    records: list[wire.Record] = []
    while offer := spool.offer():
        records += [wire.parse_record(line) for line in offer.lines]
        spool.forget(offer, [(offer.seqs[0], offer.seqs[-1])])
    return records


def crash(spool: Spool) -> None:
    """What is left after kill -9: the file, without what was in memory."""
    spool._closed()


class TestOrder:
    def test_a_record_is_offered_until_it_is_forgotten(self, spool: Spool) -> None:
        put(spool, 1)
        spool.flush()
        first, again = spool.offer(), spool.offer()
        assert first
        assert first == again
        spool.forget(first, [(first.seqs[0], first.seqs[-1])])
        assert spool.offer() is None

    def test_nothing_is_offered_before_it_is_durable(self, spool: Spool) -> None:
        put(spool, 1)
        assert spool.offer() is None

    def test_the_newest_status_goes_out_before_the_backlog(self, spool: Spool, clock: Clock) -> None:
        put(spool, 1)
        spool.flush()
        assert numbers(spool.offer()) == [1]  # offered, and then the line is cut for a day
        for hour in range(1, 24):
            put(spool, hour + 1, at=NOW + timedelta(hours=hour))
        clock.at = NOW + timedelta(hours=24)
        put(spool, 100, at=clock.at - timedelta(minutes=1))
        spool.flush()
        streams = []
        order = []
        while offer := spool.offer():
            streams.append(offer.stream)
            order.append(numbers(offer))
            spool.forget(offer, [(offer.seqs[0], offer.seqs[-1])])
        assert streams == ["live", "live", "bulk"]
        assert order == [[1], [100], list(range(2, 25))]

    def test_job_results_go_first_and_an_inventory_before_the_runs_that_need_it(self, spool: Spool) -> None:
        put(spool, 1)
        put(spool, 2, kind="inventory")
        put(spool, 3, kind="job")
        spool.flush()
        assert [record.kind for record in drain(spool)] == ["job", "inventory", "run"]

    def test_an_inventory_that_was_not_sent_is_replaced_by_a_newer_one(self, spool: Spool) -> None:
        for number in (1, 2, 3):
            spool.append("inventory", NOW, {"n": number}, replaces=True)
        spool.flush()
        assert numbers(spool.offer()) == [3]

    def test_an_offer_is_bounded_in_records_and_bytes(self, spool: Spool) -> None:
        for number in range(40):
            spool.append("run", NOW, {"n": number, "text": "x" * 10_000})
        spool.flush()
        few = spool.offer(max_records=7)
        assert few
        assert len(few.seqs) == 7
        small = spool.offer(max_bytes=25_000)
        assert small
        assert len(small.seqs) == 2

    def test_a_record_that_is_too_large_is_refused_when_it_is_appended(self, spool: Spool) -> None:
        with pytest.raises(wire.WireError, match="at most 65536"):
            spool.append("run", NOW, {"text": "x" * 70_000})

    def test_a_refused_record_becomes_a_dead_letter(self, spool: Spool) -> None:
        put(spool, 7)
        spool.flush()
        offer = spool.offer()
        assert offer
        spool.bury(offer, [wire.Rejection(offer.seqs[0], "malformed", "body.outcomes: expected an array")])
        assert spool.offer() is None
        letter = spool.dead_letters()[0]
        assert (letter.stream, letter.seq, letter.kind, letter.code) == ("live", 1, "run", "malformed")
        assert letter.body == b'{"n":7}'
        assert spool.state().dead == 1

    def test_a_number_is_not_used_again_after_all_is_forgotten_and_the_file_is_opened_anew(
        self, tmp_path: Path
    ) -> None:
        seen = []
        for round_ in range(3):
            opened = Spool(tmp_path, ROOMY, now=lambda: NOW)
            put(opened, round_)
            opened.flush()
            offer = opened.offer()
            assert offer
            seen.append((offer.epoch, offer.seqs))
            opened.forget(offer, [(1, 100)])
            opened.close()
        assert len({epoch for epoch, _ in seen}) == 1
        assert [seqs for _, seqs in seen] == [(1,), (2,), (3,)]


class TestRoom:
    def test_repeats_go_before_findings_and_changes_last(self, tmp_path: Path) -> None:
        with closing(Spool(tmp_path, Limits(max_bytes=400_000, min_free=0), now=lambda: NOW)) as spool:
            for number in range(300):
                keep = Keep(number % 3)
                spool.append("run", NOW + timedelta(seconds=number), {"n": number, "text": "x" * 1_500}, keep=keep)
                spool.flush()
            state = spool.state()
            records = drain(spool)
        kept = [wire.decode(record.body, dict[str, object])["n"] for record in records if record.kind == "run"]
        by_keep = {level: sum(1 for number in kept if int(str(number)) % 3 == level) for level in Keep}
        assert by_keep[Keep.CHANGE] == 100
        assert by_keep[Keep.REPEAT] < by_keep[Keep.RESULT]
        assert state.dropped == 300 - len(kept)
        assert state.bytes <= 400_000

    def test_what_was_dropped_is_said_in_gaps_that_leave_no_number_out(self, tmp_path: Path) -> None:
        with closing(Spool(tmp_path, Limits(max_bytes=200_000, min_free=0), now=lambda: NOW)) as spool:
            for number in range(200):
                spool.append("run", NOW, {"n": number, "text": "x" * 2_000}, keep=Keep.REPEAT)
                spool.flush()
            records = drain(spool)
        gaps = [wire.decode(record.body, Gap) for record in records if record.kind == Kind.GAP]
        assert len(gaps) == 1, "gaps that touch are one"
        assert gaps[0].reason == "spool_full"
        assert gaps[0].count == gaps[0].last - gaps[0].first + 1
        assert gaps[0].count + sum(1 for record in records if record.kind == "run") == 200

    def test_records_of_last_week_are_dropped_but_job_results_stay(self, spool: Spool, clock: Clock) -> None:
        put(spool, 1)
        put(spool, 2, kind="job")
        spool.flush()
        clock.at = NOW + timedelta(days=8)
        put(spool, 3, at=clock.at)
        spool.flush()
        records = drain(spool)
        assert [record.kind for record in records if record.kind != "gap"] == ["job", "run"]
        gap = wire.decode(next(record.body for record in records if record.kind == "gap"), Gap)
        assert (gap.reason, gap.count) == ("spool_age", 1)

    def test_while_little_is_free_on_the_disk_the_file_does_not_grow(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spool_module, "_FLOOR", 300_000)
        with closing(Spool(tmp_path, Limits(min_free=2**62), now=lambda: NOW)) as spool:
            for number in range(400):
                spool.append("run", NOW, {"n": number, "text": "x" * 2_000}, keep=Keep.REPEAT)
                spool.flush()
            assert spool.state().bytes <= 330_000
            assert spool.state().dropped > 200

    def test_the_file_gives_its_space_back_after_the_backlog_is_gone(self, spool: Spool, clock: Clock) -> None:
        for number in range(500):
            spool.append("run", NOW, {"n": number, "text": "x" * 8_000})
        spool.flush()
        drain(spool)
        for _ in range(5):
            clock.at += timedelta(minutes=2)
            spool.flush()
        file = spool._opened()
        assert file.file_bytes < 1_000_000


class TestFaults:
    def test_a_full_file_costs_the_least_valuable_records_and_ends_nothing(self, spool: Spool) -> None:
        put(spool, 1)
        spool.flush()
        spool._opened().limit_file(600_000)
        for number in range(600):
            keep = Keep.CHANGE if number % 10 == 0 else Keep.REPEAT
            spool.append("run", NOW, {"n": number, "text": "x" * 2_000}, keep=keep)
            assert spool.flush(), spool.trouble
        kept = [number for record in drain(spool) if record.kind == "run" for number in [_n(record)]]
        assert set(range(0, 600, 10)) <= set(kept)

    def test_while_the_disk_fails_records_wait_in_memory_and_are_written_when_it_works_again(
        self, spool: Spool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(spool, 1)
        spool.flush()
        spool._opened()._db.execute("PRAGMA query_only = ON")  # every write fails, as on a disk remounted read-only
        monkeypatch.setattr(spool, "_repair", lambda _: False)
        put(spool, 2)
        assert not spool.flush()
        assert "cannot be used" in spool.trouble
        put(spool, 3)
        assert not spool.flush()
        monkeypatch.undo()
        assert spool.flush()
        assert spool.trouble == ""
        assert [_n(record) for record in drain(spool)] == [1, 2, 3]

    def test_memory_is_bounded_while_the_disk_fails_and_the_loss_is_said(
        self, spool: Spool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spool_module, "MAX_BUFFER", 50_000)
        for number in range(100):
            keep = Keep.CHANGE if number == 0 else Keep.REPEAT
            spool.append("run", NOW, {"n": number, "text": "x" * 1_000}, keep=keep)
        assert spool._buffered <= 50_000
        spool.flush()
        records = drain(spool)
        kept = [_n(record) for record in records if record.kind == "run"]
        gap = wire.decode(next(record.body for record in records if record.kind == "gap"), Gap)
        assert kept[0] == 0
        assert kept[-1] == 99, "the newest stay"
        assert gap.count == 100 - len(kept)

    @pytest.mark.parametrize("damage", ["header", "middle", "every_page", "not_a_database"])
    def test_a_damaged_spool_is_set_aside_salvaged_and_a_new_epoch_starts(self, tmp_path: Path, damage: str) -> None:
        with closing(Spool(tmp_path, ROOMY, now=lambda: NOW)) as spool:
            for number in range(300):
                spool.append("run", NOW, {"n": number, "text": "x" * 3_000})
            spool.flush()
            offer = spool.offer(max_records=5)
        assert offer
        _damage(tmp_path / "spool.db", damage)
        with closing(Spool(tmp_path, ROOMY, now=lambda: NOW)) as spool:
            assert spool.trouble == ""
            put(spool, 1_000)
            assert spool.flush()
            offers = []
            while found := spool.offer():
                offers.append(found)
                spool.forget(found, [(found.seqs[0], found.seqs[-1])])
        assert list(tmp_path.glob("spool.db.corrupt-*"))
        records = [wire.parse_record(line) for found in offers for line in found.lines]
        gap = wire.decode(next(record.body for record in records if record.kind == "gap"), Gap)
        assert gap.reason == "spool_corrupt"
        assert _n(records[-1]) == 1_000 or 1_000 in [_n(r) for r in records if r.kind == "run"]
        assert offers[-1].epoch != offer.epoch
        if damage == "middle":
            assert len(records) > 200
            assert (offers[0].epoch, offers[0].seqs[0]) == (offer.epoch, 1), "what was offered keeps its number"

    def test_a_crash_while_a_damaged_spool_is_rebuilt_loses_nothing(self, tmp_path: Path) -> None:
        with closing(Spool(tmp_path, ROOMY, now=lambda: NOW)) as spool:
            put(spool, 1)
        (tmp_path / "spool.db").rename(tmp_path / "spool.db.new")
        with closing(Spool(tmp_path, ROOMY, now=lambda: NOW)) as spool:
            assert numbers(spool.offer()) == [1]

    @pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
    def test_a_disk_that_is_really_full_loses_nothing_that_is_worth_more_than_a_repeat(self, tmp_path: Path) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], check=False)
        if mounted.returncode:
            pytest.skip("this container may not mount")
        try:
            _fill(disk)
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


def _fill(disk: Path) -> None:
    with closing(Spool(disk, ROOMY, now=lambda: NOW)) as spool:
        for number in range(700):
            keep = Keep.CHANGE if number % 20 == 0 else Keep.REPEAT
            spool.append("run", NOW, {"n": number, "text": "x" * 2_000}, keep=keep)
            spool.flush()
        (disk / "other").write_bytes(b"x" * max(0, os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))
        put(spool, 5_000, keep=Keep.CHANGE)
        spool.flush()
        records = drain(spool)
        assert (disk / "other").exists()
        (disk / "other").unlink()
        assert spool.flush()
        records += drain(spool)
        kept = {_n(record) for record in records if record.kind == "run"}
        gaps = [wire.decode(record.body, Gap) for record in records if record.kind == "gap"]
    assert set(range(0, 700, 20)) <= kept
    assert 5_000 in kept
    assert sum(gap.count for gap in gaps) + len(kept) == 701


def _n(record: wire.Record) -> int:
    return int(str(wire.decode(record.body, dict[str, object])["n"])) if record.kind == "run" else -1


def _damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    noise = random.Random(7)
    if kind == "header":
        content[:100] = noise.randbytes(100)
    elif kind == "middle":
        start = len(content) // 2
        content[start : start + 20_000] = noise.randbytes(20_000)
    elif kind == "every_page":
        for start in range(0, len(content), 4096):
            content[start : start + 64] = noise.randbytes(64)
    else:
        content = bytearray(b"this is a text file\n" * 50)
    path.write_bytes(content)


# --- any interleaving ----------------------------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """A collector that takes what it gets, and a spool that is appended to, filled, drained and killed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.next = 0
        self.appended: set[int] = set()
        self.durable: set[int] = set()
        self.received: dict[tuple[str, str, int], bytes] = {}
        self.open()

    def open(self) -> None:
        self.spool = Spool(Path(self.folder.name), Limits(max_bytes=120_000, min_free=0), now=self.clock)

    @rule(count=st.integers(1, 12), size=st.integers(0, 4_000), keep=st.sampled_from(Keep))
    def append(self, count: int, size: int, keep: Keep) -> None:
        for _ in range(count):
            self.next += 1
            body = {"n": self.next, "text": "x" * size}
            self.spool.append("run", self.clock(), body, keep=keep)
            self.appended.add(self.next)

    @rule()
    def flush(self) -> None:
        assert self.spool.flush(), self.spool.trouble
        self.durable |= self.appended
        self.appended.clear()

    @rule(minutes=st.sampled_from([1, 10, 600]))
    def wait(self, minutes: int) -> None:
        self.clock.at += timedelta(minutes=minutes)

    @rule(records=st.integers(1, 30), lost=st.booleans(), share=st.integers(0, 30))
    def send(self, records: int, lost: bool, share: int) -> None:  # noqa: FBT001 - drawn
        offer = self.spool.offer(max_records=records)
        if offer is None:
            return
        for seq, line in zip(offer.seqs, offer.lines, strict=True):
            key = (offer.epoch, offer.stream, seq)
            assert self.received.setdefault(key, line) == line, "one number, two records"
        if not lost:
            acked = offer.seqs[: max(share, 1)]
            self.spool.forget(offer, [(acked[0], acked[-1])])

    @rule()
    def kill(self) -> None:
        crash(self.spool)
        self.appended.clear()
        self.open()

    @invariant()
    def numbers_have_no_holes(self) -> None:
        for epoch, stream in {key[:2] for key in self.received}:
            known = {seq for key in self.received for seq in [key[2]] if key[:2] == (epoch, stream)}
            assert min(known) >= 1

    def teardown(self) -> None:
        self.flush()
        while offer := self.spool.offer():
            for seq, line in zip(offer.seqs, offer.lines, strict=True):
                assert self.received.setdefault((offer.epoch, offer.stream, seq), line) == line
            self.spool.forget(offer, [(offer.seqs[0], offer.seqs[-1])])
        self.spool.close()
        self.folder.cleanup()
        self.everything_is_accounted_for()

    def everything_is_accounted_for(self) -> None:
        records = [wire.parse_record(line) for line in self.received.values()]
        runs = [_n(record) for record in records if record.kind == "run"]
        gaps = [wire.decode(record.body, Gap) for record in records if record.kind == "gap"]
        assert len(runs) == len(set(runs)), "a record has one number only"
        assert set(runs) <= self.durable
        assert len(self.durable) - len(runs) == sum(gap.count for gap in gaps)
        for stream in ("live", "bulk", "actions"):
            seqs = {key[2] for key in self.received if key[1] == stream}
            for gap in gaps:
                if gap.stream == stream:
                    seqs |= set(range(gap.first, gap.last + 1))
            assert seqs == set(range(1, len(seqs) + 1)), "every number is a record or part of a gap"


def test_only_what_waits_and_the_upkeep_of_each_minute_need_the_disk(spool: Spool, clock: Clock) -> None:
    assert not spool.due()
    put(spool, 1)
    assert spool.due()
    spool.flush()
    assert not spool.due()
    clock.at += timedelta(minutes=1)
    assert spool.due()
    spool.flush()
    assert not spool.due()


def test_whoever_made_records_durable_it_is_said_once(spool: Spool) -> None:
    assert not spool.news()
    put(spool, 1)
    assert not spool.news()
    spool.flush()
    assert (spool.news(), spool.news()) == (True, False)
    spool.flush()
    assert not spool.news()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


# --- kill -9 -------------------------------------------------------------------------------------------------------

_APPENDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from agent.spool import Limits, Spool
spool = Spool(Path(sys.argv[1]), Limits(min_free=0))
number = int(sys.argv[2])
while True:
    for _ in range(7):
        number += 1
        spool.append("run", datetime.now(UTC), {"n": number})
    if spool.flush():
        print(number, flush=True)
"""


@pytest.mark.slow
def test_what_was_said_to_be_durable_survives_kill_nine(tmp_path: Path) -> None:
    last = 0
    for round_ in range(5):
        command = [sys.executable, "-c", _APPENDER, str(tmp_path), str(last)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.05 + 0.07 * round_)
            process.send_signal(signal.SIGKILL)
            said = [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        last = int(said[-1])
        with closing(Spool(tmp_path, ROOMY)) as spool:
            kept = [_n(record) for record in drain(spool)]
        assert set(range(kept[0], last + 1)) <= set(kept)
        assert len(kept) == len(set(kept))
        last = max(kept)


def test_two_processes_cannot_read_a_half_written_commit(spool: Spool, tmp_path: Path) -> None:
    put(spool, 1)
    spool.flush()
    with closing(sqlite3.connect(f"file:{tmp_path / 'spool.db'}?mode=ro", uri=True)) as reader:
        assert reader.execute("SELECT count(*) FROM records").fetchone() == (1,)
