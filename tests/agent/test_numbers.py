"""Numbers that somebody else has given too: seen whatever got lost on the way, and never seen where all is well."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.numbers import Numbers
from agent.records import Offer
from common.wire import Ack

T0 = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


def offer(first: int, count: int = 3, *, fresh: bool = True, epoch: str = "e1") -> Offer:
    seqs = tuple(range(first, first + count))
    return Offer(epoch, "live", seqs, tuple(b"{}" for _ in seqs), fresh=fresh)


def ack(new: int, dup: int) -> Ack:
    return Ack((), new, dup, (), (), T0, "v1")


def sent(numbers: Numbers, batch: Offer, *, new_epoch: bool = False) -> Offer:
    numbers.offered(batch, new_epoch=new_epoch)
    return batch


def test_a_batch_that_was_never_sent_and_is_known_shows_somebody_else() -> None:
    numbers = Numbers()
    assert not numbers.taken(sent(numbers, offer(1)), ack(3, 0))
    assert numbers.taken(sent(numbers, offer(4)), ack(2, 1))


def test_an_ack_that_got_lost_shows_nothing() -> None:
    numbers = Numbers()
    sent(numbers, offer(1), new_epoch=True)
    assert not numbers.taken(sent(numbers, offer(1, fresh=False)), ack(0, 3))


def test_what_an_earlier_process_had_sent_shows_nothing() -> None:
    numbers = Numbers()
    assert not numbers.taken(sent(numbers, offer(1, fresh=False)), ack(0, 3))


def test_after_a_state_folder_was_put_back_the_first_doubt_is_enough() -> None:
    """The first batch got lost on the way, and the second try finds its numbers used: by whom is not known."""
    numbers = Numbers()
    sent(numbers, offer(1))
    assert numbers.taken(sent(numbers, offer(1, fresh=False)), ack(0, 3))


def test_after_a_machine_was_put_back_with_its_memory_what_was_proved_counts_no_more() -> None:
    numbers = Numbers()
    sent(numbers, offer(1), new_epoch=True)
    numbers.heard(T0, at_s=1000, round_trip_s=0.1)
    assert not numbers.taken(offer(1), ack(3, 0))
    sent(numbers, offer(4))
    numbers.heard(T0 + timedelta(hours=2), at_s=1010, round_trip_s=0.1)
    assert numbers.taken(sent(numbers, offer(4, fresh=False)), ack(0, 3))


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=30),
    st.floats(0, 20),
)
def test_one_machine_on_a_bad_line_never_takes_itself_for_two(
    steps: list[tuple[bool, bool, bool]], wander: float
) -> None:
    """Requests and answers get lost; the process is the one that began the epoch, its clock wanders a little."""
    numbers, stored = Numbers(), set[int]()
    first, fresh, clock = 1, True, 0.0
    for request_lost, answer_lost, wanders in [*steps, (False, False, False)]:
        batch = sent(numbers, offer(first, fresh=fresh), new_epoch=True)
        fresh = False
        clock += 1 + (wander if wanders else 0)
        if request_lost:
            continue
        dup = len(stored & set(batch.seqs))
        stored |= set(batch.seqs)
        if answer_lost:
            continue
        numbers.heard(T0 + timedelta(seconds=clock), at_s=clock, round_trip_s=1)
        assert not numbers.taken(batch, ack(3 - dup, dup))
        first, fresh = first + 3, True
