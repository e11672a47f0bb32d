"""Bytes from outside become records or rejections; nothing else ever comes of them."""

from datetime import datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.results.decode import Known, Strange, decode_batch
from common import wire
from common.wire import BatchHeader, Kind, Unpacked, WireError
from tests.collector import builders
from tests.collector.builders import T0

HEARTBEAT = msgspec.json.decode(wire.record_line(1, Kind.HEARTBEAT, T0, builders.heartbeat()))
RUN = msgspec.json.decode(wire.record_line(1, Kind.RUN, T0, builders.run([builders.outcome()], key="r")))


def batch(*lines: bytes, first: int = 1, last: int | None = None) -> Unpacked:
    header = BatchHeader(
        protocol=1,
        agent="agt_1",
        epoch="e",
        stream="live",
        first=first,
        last=first + len(lines) - 1 if last is None else last,
        count=len(lines),
        payload_sha256="",
        boot="b",
        sent_at=T0,
    )
    return Unpacked(b"", header, lines)


def line(record: object) -> bytes:
    return msgspec.json.encode(record)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"at": "yesterday"}, "at"),
        ({"at": "2026-05-14T03:00:00"}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"at": "9999-12-31T23:59:59Z"}, "at"),
        ({"kind": ""}, "kind"),
        ({"kind": 7}, "kind"),
        ({"body": {}}, "run"),
        ({"body": None}, "object"),
        ({"body": RUN["body"] | {"outcomes": [{}]}}, "check"),
        ({"body": RUN["body"] | {"outcomes": [RUN["body"]["outcomes"][0] | {"status": "fine"}]}}, "status"),
        ({"body": RUN["body"] | {"outcomes": [RUN["body"]["outcomes"][0] | {"cap": 101}]}}, "cap"),
        ({"body": RUN["body"] | {"outcomes": [RUN["body"]["outcomes"][0] | {"interval_s": 1 << 40}]}}, "interval_s"),
        ({"body": RUN["body"] | {"part": 3, "parts": 2}}, "part"),
        ({"body": RUN["body"] | {"parts": 65}}, "parts"),
        ({"body": RUN["body"] | {"ended_at": "1969-01-01T00:00:00Z"}}, "ended_at"),
        ({"body": RUN["body"] | {"facts": {"n": 1 << 64}}}, "facts"),
        ({"body": RUN["body"] | {"connection": "a\0b"}}, "NUL"),
    ],
)
def test_a_record_that_cannot_be_stored_is_rejected_and_the_detail_names_why(
    change: dict[str, object], named: str
) -> None:
    decoded = decode_batch(batch(line(RUN | change)))
    assert (decoded.known, decoded.strange) == ((), ())
    assert (decoded.rejected[0].seq, decoded.rejected[0].code) == (1, "malformed")
    assert named in decoded.rejected[0].detail


def test_a_record_may_speak_of_a_nul_as_long_as_it_has_none() -> None:
    spoken = RUN["body"] | {"connection": "a\\u0000b"}
    assert isinstance(decode_batch(batch(line(RUN | {"body": spoken}))).known[0], Known)


def test_a_record_that_is_too_large_is_rejected() -> None:
    large = RUN["body"] | {"connection": "c" * 70_000}
    assert decode_batch(batch(line(RUN | {"body": large}))).rejected[0].code == "too_large"


def test_fields_of_a_newer_agent_are_no_reason_to_refuse() -> None:
    assert decode_batch(batch(line(HEARTBEAT | {"mood": "good"}))).known[0].at == T0


def test_a_line_that_is_no_record_takes_its_number_from_its_place() -> None:
    decoded = decode_batch(batch(line(HEARTBEAT | {"seq": 7}), b"\xff\xfe", first=7))
    assert [rejection.seq for rejection in decoded.rejected] == [8]


def test_a_line_without_a_number_in_a_batch_with_holes_spoils_the_batch() -> None:
    with pytest.raises(WireError, match="line 1"):
        decode_batch(batch(b"{", first=1, last=9))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    changes=st.dictionaries(st.sampled_from(["seq", "kind", "at", "body"]), json_values, min_size=1),
    inner=st.dictionaries(st.sampled_from(sorted(RUN["body"])), json_values),
    base=st.sampled_from([RUN, HEARTBEAT]),
)
@settings(max_examples=200)
def test_any_change_to_a_record_is_taken_kept_or_refused(
    changes: dict[str, object], inner: dict[str, object], base: dict[str, object]
) -> None:
    body = base["body"]
    assert isinstance(body, dict)
    record = base | {"body": body | inner} | changes
    try:
        decoded = decode_batch(batch(line(record)))
    except WireError:
        return  # its number is not one of this batch
    assert len(decoded.known) + len(decoded.strange) + len(decoded.rejected) == 1
    for item in (*decoded.known, *decoded.strange):
        assert isinstance(item, Known | Strange)
        assert isinstance(item.at, datetime)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_a_rejection_at_worst(raw: bytes) -> None:
    with_feeds = raw.replace(b"\n", b" ") or b" "
    decoded = decode_batch(batch(with_feeds))
    assert len(decoded.rejected) == 1


def test_how_long_a_check_took_is_forgotten_so_that_an_outcome_that_is_as_it_was_equals_the_last_one() -> None:
    took = [builders.run([builders.outcome(elapsed_ms=each)], key="r") for each in (0.0, 12.5)]
    first, second = [decode_batch(batch(wire.record_line(1, Kind.RUN, T0, run))).known[0].body for run in took]
    assert first == second


def test_a_time_that_a_check_cannot_have_taken_is_still_refused() -> None:
    odd = RUN["body"] | {"outcomes": [RUN["body"]["outcomes"][0] | {"elapsed_ms": "long"}]}
    decoded = decode_batch(batch(line(RUN | {"body": odd})))
    assert "elapsed_ms" in decoded.rejected[0].detail
