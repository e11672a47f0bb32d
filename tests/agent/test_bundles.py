"""Records that are carried: what each bundle takes along, what receipts change, and that nothing gets lost."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.bundles import NothingToCarryError, ReceiptRefusedError, ledger_of, read_receipt
from agent.carrier import overdue
from agent.carrying import Ledger
from agent.records import Keep
from agent.spool import Limits, Spool
from agent.spool_epochs import place
from common import bundle, wire
from common.bundle import Place
from common.identity import PrivateKey
from common.wire import Gap, Kind
from tests.agent.carrying import NOW, Desk, apply, carried_numbers, export

CARRIED = Limits(min_free=0, carried=True)
DAY = timedelta(days=1)


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
    with closing(Spool(tmp_path, CARRIED, now=clock)) as opened:
        yield opened


@pytest.fixture
def desk() -> Desk:
    return Desk()


def put(spool: Spool, *numbers: int, kind: str = "run", at: datetime = NOW, keep: Keep = Keep.RESULT) -> None:
    for number in numbers:
        spool.append(kind, at, {"n": number}, keep=keep)
    assert spool.flush()


def test_a_bundle_repeats_the_last_ones_until_they_are_older_than_the_overlap(spool: Spool) -> None:
    taken = []
    for number in range(1, 6):
        put(spool, number)
        taken.append(carried_numbers(export(spool, overlap=2)))
    assert taken == [[1], [1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]
    assert spool.state().records == 5
    assert carried_numbers(export(spool, everything=True)) == [1, 2, 3, 4, 5]


def test_bundles_are_numbered_and_name_the_one_before(spool: Spool, desk: Desk) -> None:
    for number in (1, 2):
        put(spool, number)
        desk.take(export(spool))
    first, second = desk.manifests
    assert (first.number, second.number) == (1, 2)
    assert first.before == ""
    assert second.before
    assert second.before != ledger_of(spool).digest
    assert (second.records, second.kept) == (2, 2)


def test_a_bundle_that_never_became_whole_counts_for_nothing(spool: Spool, desk: Desk) -> None:
    put(spool, 1)
    export(spool, commit=False)
    assert desk.take(export(spool)).number == 1
    assert desk.bodies == [1]


def test_a_receipt_frees_what_the_collector_has_and_lets_the_next_bundle_repeat_what_it_misses(
    spool: Spool, desk: Desk
) -> None:
    for number in range(1, 4):
        put(spool, number)
        content = export(spool, overlap=0)
        if number != 2:
            desk.take(content)
    assert apply(spool, desk.receipt(), desk).forgotten == 2
    put(spool, 4)
    assert carried_numbers(export(spool, overlap=0)) == [2, 4]


def test_there_is_nothing_to_carry_when_everything_is_confirmed(spool: Spool, desk: Desk) -> None:
    put(spool, 1)
    desk.take(export(spool))
    apply(spool, desk.receipt(), desk)
    with pytest.raises(NothingToCarryError):
        export(spool)
    assert spool.state().records == 0


def test_what_the_collector_refused_becomes_a_dead_letter(spool: Spool, desk: Desk) -> None:
    put(spool, 1, 2)
    epoch = desk.take(export(spool)).epoch
    desk.refused = {Place(epoch, "bulk"): [2]}
    freed = apply(spool, desk.receipt(), desk)
    assert (freed.forgotten, freed.buried) == (1, 1)
    assert [(letter.seq, letter.code) for letter in spool.dead_letters()] == [(2, "malformed")]


def test_a_receipt_that_was_cut_short_is_applied_again(spool: Spool, desk: Desk) -> None:
    put(spool, 1)
    desk.take(export(spool))
    receipt = desk.receipt()
    assert apply(spool, receipt, desk).forgotten == 1
    assert apply(spool, receipt, desk).forgotten == 0


class TestRefusedReceipts:
    @pytest.fixture(autouse=True)
    def handed_over(self, spool: Spool, desk: Desk) -> Iterator[None]:
        put(spool, 1)
        desk.take(export(spool))
        yield
        assert spool.state().records == 1

    def refused(self, spool: Spool, desk: Desk, content: bytes, **changes: datetime) -> str:
        with pytest.raises(ReceiptRefusedError) as caught:
            apply(spool, content, desk, **changes)
        return str(caught.value)

    def test_of_another_collector(self, spool: Spool, desk: Desk) -> None:
        foreign = Desk(key=PrivateKey.generate())
        assert "signature" in self.refused(spool, desk, foreign.receipt())

    def test_with_a_bit_flipped(self, spool: Spool, desk: Desk) -> None:
        content = bytearray(desk.receipt())
        content[content.index(b"v1")] ^= 1
        assert "signature" in self.refused(spool, desk, bytes(content))

    def test_cut_off(self, spool: Spool, desk: Desk) -> None:
        for length in (0, 10, len(desk.receipt()) - 1):
            assert self.refused(spool, desk, desk.receipt()[:length])

    def test_for_another_agent(self, spool: Spool, desk: Desk) -> None:
        assert "for agent agt_2" in self.refused(spool, desk, desk.receipt(agent="agt_2"))

    def test_that_is_too_old_to_be_applied(self, spool: Spool, desk: Desk) -> None:
        assert "good until 2026-06-13T03:00:00Z" in self.refused(spool, desk, desk.receipt(), now=NOW + 31 * DAY)


def test_a_receipt_older_than_the_newest_applied_one_is_refused(spool: Spool, desk: Desk) -> None:
    older, newer = desk.receipt(), desk.receipt()
    apply(spool, newer, desk)
    with pytest.raises(ReceiptRefusedError, match="receipt 1 is older than 2"):
        apply(spool, older, desk)


def test_a_receipt_is_refused_while_the_collectors_key_is_not_known(desk: Desk) -> None:
    content = desk.receipt()
    with pytest.raises(ReceiptRefusedError, match="does not know by which key"):
        read_receipt(content, collector_key="", agent="agt_1", ledger=Ledger(), now=NOW)


class TestAge:
    """Where nothing comes back, age alone frees the spool."""

    def test_what_was_carried_goes_without_a_gap(self, spool: Spool, clock: Clock) -> None:
        put(spool, 1)
        export(spool)
        clock.at += 8 * DAY
        assert spool.flush()
        state = spool.state()
        assert (state.records, state.dropped) == (0, 0)

    def test_what_nobody_ever_carried_leaves_a_gap(self, spool: Spool, clock: Clock) -> None:
        put(spool, 1, 2)
        export(spool, commit=False)  # numbered, and the stick was full
        clock.at += 8 * DAY
        put(spool, 3, at=clock.at)
        content = export(spool)
        assert carried_numbers(content) == [3]
        gaps = gaps_of(content)
        assert [(gap.stream, gap.first, gap.last, gap.reason, gap.count) for gap in gaps] == [
            ("bulk", 1, 2, "spool_age", 2)
        ]

    def test_a_full_spool_lets_go_of_what_was_carried_before_it_drops_what_waits(
        self, tmp_path: Path, clock: Clock
    ) -> None:
        limits = Limits(max_bytes=1024 * 1024, min_free=0, carried=True)
        (tmp_path / "small").mkdir()
        with closing(Spool(tmp_path / "small", limits, now=clock)) as spool:
            for number in range(60):
                spool.append("run", NOW, {"n": number, "text": "x" * 8_000})
            assert spool.flush()
            export(spool)
            for number in range(60, 140):
                spool.append("run", NOW, {"n": number, "text": "x" * 8_000})
                assert spool.flush()
            assert spool.state().records < 140
            assert [span.first for span in spool.carry(lambda file: file.carriage.spans())] != [1]
            assert spool.state().dropped <= spool.state().records


def gaps_of(content: bytes) -> list[Gap]:
    records = [
        wire.parse_record(line)
        for batch in bundle.batches(io.BytesIO(content))
        for line in wire.unpack(batch.body).lines
    ]
    return [wire.decode(record.body, Gap) for record in records if record.kind == Kind.GAP]


def test_an_agent_says_when_nobody_has_fetched_a_bundle_for_long() -> None:
    ledger = Ledger(made_at=NOW)
    assert overdue(ledger, 86_400, since=NOW, now=NOW + DAY) == ""
    assert "since 2026-05-14T03:00:00Z" in overdue(ledger, 86_400, since=NOW - DAY, now=NOW + 2 * DAY)
    assert overdue(ledger, 86_400, since=NOW + DAY, now=NOW + 2 * DAY) == ""
    assert "fetched a bundle yet" in overdue(Ledger(), 86_400, since=NOW, now=NOW + 2 * DAY)


class Carriage(RuleBasedStateMachine):
    """Any interleaving of exports, losses, imports, receipts and crashes: nothing gets lost, nothing is doubled."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.spool = Spool(Path(self.folder.name), CARRIED)
        self.desk = Desk()
        self.put = 0
        self.carried: list[bytes] = []
        self.receipts: list[bytes] = []

    @rule(count=st.integers(1, 4))
    def find(self, count: int) -> None:
        for _ in range(count):
            self.put += 1
            self.spool.append("run", NOW, {"n": self.put})
        self.spool.flush()

    @rule(overlap=st.integers(0, 3), everything=st.booleans(), whole=st.booleans())
    def export(self, *, overlap: int, everything: bool, whole: bool) -> None:
        try:
            content = export(self.spool, overlap=overlap, everything=everything, commit=whole)
        except NothingToCarryError:
            return
        if whole:
            self.carried.append(content)

    @precondition(lambda self: self.carried)
    @rule(data=st.data(), lost=st.booleans())
    def bring(self, data: st.DataObject, *, lost: bool) -> None:
        which = data.draw(st.integers(0, len(self.carried) - 1))
        if lost:
            del self.carried[which]
        else:
            self.desk.take(self.carried[which])

    @rule()
    def answer(self) -> None:
        self.receipts.append(self.desk.receipt())

    @precondition(lambda self: self.receipts)
    @rule(data=st.data())
    def take_receipt(self, data: st.DataObject) -> None:
        which = data.draw(st.integers(0, len(self.receipts) - 1))
        with suppress(ReceiptRefusedError):  # it is older than one that was applied
            apply(self.spool, self.receipts[which], self.desk)

    @rule()
    def crash(self) -> None:
        self.spool._closed()
        self.spool = Spool(Path(self.folder.name), CARRIED)

    @invariant()
    def nothing_is_doubled_and_nothing_is_gone(self) -> None:
        assert len(self.desk.bodies) == len(set(self.desk.bodies))
        kept = self.spool.state()
        assert kept.dropped == 0
        assert kept.records >= self.put - len(self.desk.bodies)

    def teardown(self) -> None:
        """Everything that is left arrives in the end, in its order within each spool."""
        with suppress(NothingToCarryError):
            self.desk.take(export(self.spool, everything=True))
        assert sorted(self.desk.bodies) == list(range(1, self.put + 1))
        apply(self.spool, self.desk.receipt(), self.desk)
        assert self.spool.state().records == 0
        self.spool.close()
        self.folder.cleanup()


Carriage.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCarriage = Carriage.TestCase


def test_numbers_go_on_and_order_is_kept_when_a_new_epoch_begins(spool: Spool, desk: Desk) -> None:
    """As after every start of the host."""
    spool.carry(lambda file: file.epochs.settle(place(boot="boot-1", host="host-1", agent="agt_1")))
    put(spool, 1, 2)
    desk.take(export(spool))
    assert spool.carry(lambda file: file.epochs.settle(place(boot="boot-2", host="host-1", agent="agt_1")))
    put(spool, 3, 4)
    manifest = desk.take(export(spool))
    assert manifest.number == 2
    assert len({ranges.epoch for ranges in manifest.carried}) == 2
    assert carried_numbers(export(spool, everything=True)) == [1, 2, 3, 4]
    assert apply(spool, desk.receipt(), desk).forgotten == 4
