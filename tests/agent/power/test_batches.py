import math
from collections import Counter, deque
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.power.batches import LARGEST, after_refusal, after_success, grouped
from agent.power.messages import Call
from agent.power.pacing import BURST, RATE, Bucket, pause_s
from agent.power.refusals import named, reach
from common.wire_aws import Action

Naming = Callable[[Sequence[Call]], Sequence[Call]]
"""Which of the calls that are bad a refusal names."""


def ids(count: int) -> list[str]:
    return [f"i-{number:017x}" for number in range(count)]


def stop(name: str, action: Action = "STOP", zone: str = "") -> Call:
    return Call(name, "EC2", action, zone=zone)


def made(calls: Sequence[Call], bad: set[str], naming: Naming) -> tuple[Counter[str], set[str], int]:
    """All of it against what moves nothing when one is bad: how often each was answered, which refused, in how many."""
    queue, answered, refused, count = deque(grouped(calls)), Counter[str](), set[str](), 0
    while queue:
        batch = queue.popleft()
        count += 1
        wrong = [call for call in batch.calls if call.resource in bad]
        blamed = list(batch.calls) if wrong and len(batch.calls) == 1 else list(naming(wrong))
        done = blamed if wrong else batch.calls
        answered.update(call.resource for call in done)
        refused |= {call.resource for call in blamed}
        queue.extend(after_refusal(batch, blamed) if wrong else after_success(batch))
    return answered, refused, count


def nobody(_: Sequence[Call]) -> Sequence[Call]:
    return ()


def the_first(wrong: Sequence[Call]) -> Sequence[Call]:
    return wrong[:1]


def everybody(wrong: Sequence[Call]) -> Sequence[Call]:
    return wrong


@given(st.data(), st.integers(1, 130), st.sampled_from([nobody, the_first, everybody]))
@settings(max_examples=80, deadline=None)
def test_whoever_is_bad_every_id_is_answered_once_and_only_the_bad_are_refused(
    data: st.DataObject, count: int, naming: Naming
) -> None:
    bad = data.draw(st.sets(st.sampled_from(ids(count))))
    answered, refused, made_in = made([stop(name) for name in ids(count)], bad, naming)
    assert answered == Counter(ids(count))
    assert refused == bad
    batches = math.ceil(count / LARGEST)
    each = {nobody: 2 * math.ceil(math.log2(min(count, LARGEST))), the_first: 1, everybody: 1}[naming]
    assert made_in <= batches + len(bad) * each
    assert made_in <= 2 * count


@given(st.integers(1, LARGEST), st.data())
def test_one_bad_among_many_that_is_not_named_costs_fewer_calls_than_two_for_each_halving(
    count: int, data: st.DataObject
) -> None:
    bad = data.draw(st.sampled_from(ids(count)))
    _, refused, made_in = made([stop(name) for name in ids(count)], {bad}, nobody)
    assert refused == {bad}
    assert made_in <= 1 + 2 * math.ceil(math.log2(count))


def test_one_of_forty_that_is_named_costs_one_call_more() -> None:
    forty = [stop(name) for name in ids(40)]
    assert made(forty, {ids(40)[17]}, the_first)[2] == 2
    assert max(made(forty, {name}, nobody)[2] for name in ids(40)) == 10


def test_batches_hold_fifty_of_a_kind_and_starts_those_of_one_zone() -> None:
    calls = [stop(name) for name in ids(120)]
    assert [len(batch.calls) for batch in grouped(calls)] == [50, 50, 20]
    zoned = [stop(name, "START", "eu-west-1" + "ab"[place % 2]) for place, name in enumerate(ids(40))]
    assert [(len(batch.calls), batch.first.zone) for batch in grouped(zoned)] == [
        (20, "eu-west-1a"),
        (20, "eu-west-1b"),
    ]
    mixed = [stop("i-1"), Call("i-2", "EC2", "STOP", hibernate=True), Call("i-3", "EC2", "STOP", dry_run=True)]
    assert [batch.every for batch in grouped(mixed)] == [(call,) for call in mixed]


def test_databases_and_groups_go_one_by_one_in_the_order_given() -> None:
    calls = [Call("db", "RDS", "START"), stop("i-1", "START"), Call("db", "RDS", "START", cluster=True)]
    assert [[call.type for call in batch.calls] for batch in grouped(calls)] == [["RDS"], ["RDS"], ["EC2"]]


def test_what_is_named_twice_is_called_once() -> None:
    assert [batch.every for batch in grouped([stop("i-1"), stop("i-2"), stop("i-1")])] == [(stop("i-1"), stop("i-2"))]


def test_an_id_is_named_as_a_whole_word_only() -> None:
    calls = [stop("i-0abc"), stop("i-0abcdef0"), stop("banana")]
    assert named(calls, "The instance 'i-0abcdef0' may not be stopped") == (calls[1],)
    assert named(calls, "not authorized: arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc because") == (calls[0],)
    assert named(calls, 'Invalid id: "banana"') == (calls[2],)
    assert named(calls, "We do not have capacity") == ()


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("RequestLimitExceeded", 503, "moment"),
        ("Throttling", 400, "moment"),
        ("InternalError", 500, "moment"),
        ("InsufficientInstanceCapacity", 500, "some"),
        ("UnauthorizedOperation", 403, "some"),
        ("IncorrectInstanceState", 400, "some"),
        ("AuthFailure", 401, "all"),
        ("ExpiredToken", 400, "all"),
    ],
)
def test_how_far_a_refusal_goes(code: str, status: int, expected: str) -> None:
    assert reach(code, status) == expected


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_the_bucket_lets_no_more_than_its_rate_through_in_any_stretch(gaps: list[float]) -> None:
    bucket, now, sent = Bucket(), 0.0, list[float]()
    for gap in gaps:
        now += gap
        now += bucket.take(now)
        sent.append(now)
    for place, begin in enumerate(sent):
        for later, end in enumerate(sent[place:]):
            assert later <= BURST + RATE * (end - begin) + 1e-6


def test_pauses_grow_from_a_second_to_a_minute() -> None:
    assert [pause_s(often, lambda _, longest: longest) for often in (1, 2, 3, 6, 40)] == [2, 4, 8, 60, 60]
    assert pause_s(9, lambda shortest, _: shortest) == 1
