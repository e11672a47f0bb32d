"""Batches survive the journey; what is malformed is refused with a word and a reason, bounded in memory."""

import gzip
import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import wire

AT = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


def batch(lines: list[bytes], seqs: list[int] | None = None) -> tuple[bytes, bytes]:
    return wire.pack(
        lines,
        agent="agt_1",
        epoch="e1",
        stream="live",
        seqs=seqs or list(range(1, len(lines) + 1)),
        boot="b",
        sent_at=AT,
    )


def repack(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


def code_of(body: bytes) -> str:
    with pytest.raises(wire.WireError) as refused:
        wire.unpack(body)
    return refused.value.code


def test_a_batch_comes_out_as_it_went_in() -> None:
    lines = [wire.record_line(seq, wire.Kind.GAP, AT, {"n": seq}) for seq in (4, 5, 9)]
    signed, body = batch(lines, [4, 5, 9])
    unpacked = wire.unpack(body)
    assert unpacked.signed == signed
    assert unpacked.lines == tuple(lines)
    assert (unpacked.header.first, unpacked.header.last, unpacked.header.count) == (4, 9, 3)
    assert wire.parse_record(unpacked.lines[2]).seq == 9


def test_an_altered_payload_is_noticed() -> None:
    _, body = batch([wire.record_line(1, "run", AT, {"a": 1})])
    assert code_of(repack(gzip.decompress(body).replace(b'"a":1', b'"a":2'))) == "digest"


def test_a_gzip_bomb_is_cut_off_while_unpacking() -> None:
    assert code_of(repack(b"0" * (wire.MAX_UNPACKED + 1))) == "too_large"


def test_too_many_packed_bytes_are_refused_unread() -> None:
    assert code_of(b"x" * (wire.MAX_PACKED + 1)) == "too_large"


def test_another_protocol_says_which_one_is_spoken() -> None:
    with pytest.raises(wire.WireError, match="protocol: 2; this collector speaks 1"):
        wire.unpack(repack(b'{"protocol":2}\n{}\n'))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not gzip",
        gzip.compress(b"x", mtime=0)[:-4],
        gzip.compress(b"", mtime=0) + b"more",
        repack(b"[]\n"),
        repack(b'{"protocol":1}\n'),
    ],
)
def test_malformed_batches_are_called_malformed(body: bytes) -> None:
    assert code_of(body) == "malformed"


def test_a_count_that_is_not_the_number_of_records_is_malformed() -> None:
    _, body = batch([b"{}", b"{}"])
    header, _, rest = gzip.decompress(body).partition(b"\n")
    assert code_of(repack(header.replace(b'"count":2', b'"count":3') + b"\n" + rest)) == "malformed"


def test_a_record_over_its_size_is_refused_when_made_and_when_read() -> None:
    with pytest.raises(wire.WireError, match="at most 65536"):
        wire.record_line(1, "run", AT, {"text": "x" * wire.MAX_RECORD})
    with pytest.raises(wire.WireError, match="at most 65536"):
        wire.parse_record(b" " * (wire.MAX_RECORD + 1))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b'{"seq":0,"kind":"run","at":"2026-05-14T03:00:00Z","body":{}}', "seq"),
        (b'{"seq":1,"kind":"","at":"2026-05-14T03:00:00Z","body":{}}', "kind"),
        (b'{"seq":1,"kind":"run","at":"yesterday","body":{}}', "at"),
        (b'{"seq":1,"kind":"run","at":"2026-05-14T03:00:00Z"}', "body"),
        (b"\xff", "malformed|byte|utf-8|character"),
        (b"[" * 50_000, "malformed|depth|recursion|trailing|end|truncated|Expected"),
    ],
)
def test_a_bad_record_names_what_is_wrong(line: bytes, named: str) -> None:
    with pytest.raises(wire.WireError, match=f"(?i){named}"):
        wire.parse_record(line)


def test_fields_of_a_newer_agent_are_ignored() -> None:
    body = b'{"check":"A","category":"b","status":"ok","severity":"info","line":"fine","colour":"green"}'
    assert wire.decode(body, wire.Outcome).line == "fine"


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)), max_size=20))
def test_merged_ranges_cover_the_same_numbers_with_gaps_between(pairs: list[tuple[int, int]]) -> None:
    ranges = [(first, first + length) for first, length in pairs]
    merged = wire.merge_ranges(ranges)
    covered = {n for first, last in merged for n in range(first, last + 1)}
    assert covered == {n for first, last in ranges for n in range(first, last + 1)}
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(merged))


@given(st.binary(max_size=400))
def test_random_bytes_never_escape_as_another_error(body: bytes) -> None:
    for data in (body, gzip.compress(body)):
        with pytest.raises(wire.WireError):
            wire.unpack(data)
