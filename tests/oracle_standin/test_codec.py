"""The bytes of the wire: what goes in comes out again, and known samples look as they should."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.standins.oracle import values
from tests.standins.oracle.codec import MalformedError, NeedMore, Reader, Writer

numbers = st.decimals(
    min_value=Decimal("-1e30"), max_value=Decimal("1e30"), allow_nan=False, allow_infinity=False, places=8
)
moments = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))  # noqa: DTZ001
spans = st.timedeltas(min_value=timedelta(days=-99999), max_value=timedelta(days=99999))


@settings(max_examples=50)
@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_an_unsigned_integer_comes_back_and_uses_a_width_the_clients_know(value: int) -> None:
    data = Writer().ub(value).done()
    assert data[0] in {0, 1, 2, 4, 8}
    assert Reader(data).ub() == value


@settings(max_examples=50)
@given(st.integers(min_value=-(2**63), max_value=2**63))
def test_a_signed_integer_comes_back(value: int) -> None:
    assert Reader(Writer().sb(value).done()).sb() == value


@pytest.mark.parametrize("size", [1, 252, 253, 32767, 32768, 100_000])
def test_counted_bytes_come_back_short_or_in_chunks(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    reader = Reader(Writer().clr(data[:size]).done())
    assert reader.clr() == data[:size]
    assert reader.at_end


def test_nothing_is_null_and_twice_counted_nothing_is_one_byte() -> None:
    assert Reader(Writer().clr(None).done()).clr() is None
    assert Writer().two(b"").done() == b"\x00"
    assert Reader(b"\x00").two() == b""


@settings(max_examples=30)
@given(st.binary(min_size=1, max_size=400), st.data())
def test_a_cut_message_asks_for_more(data: bytes, draw: st.DataObject) -> None:
    whole = Writer().two(data).u32(7).done()
    cut = draw.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    reader = Reader(whole[:cut])
    with pytest.raises(NeedMore):
        (reader.two(), reader.u32())


def test_an_integer_of_nine_bytes_is_malformed() -> None:
    with pytest.raises(MalformedError, match="9 bytes"):
        Reader(b"\x09123456789").ub()


@settings(max_examples=200)
@given(numbers)
def test_a_number_comes_back(value: Decimal) -> None:
    assert values.decode_number(values.encode_number(value)) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "80"),
        (1, "c102"),
        (42, "c12b"),
        (100, "c202"),
        (-1, "3e6466"),
        (Decimal("0.01"), "c002"),
        (Decimal("123.45"), "c202182e"),
        (1e-5, "be0b"),
    ],
)
def test_a_number_has_oracles_bytes(value: float | Decimal, expected: str) -> None:
    assert values.encode_number(value).hex() == expected


def test_thirty_eight_digits_survive() -> None:
    value = 12345678901234567890123456789012345678
    assert values.decode_number(values.encode_number(value)) == value
    assert values.decode_number(values.encode_number(-value)) == -value


@settings(max_examples=100)
@given(moments)
def test_a_timestamp_comes_back(value: datetime) -> None:
    assert values.decode_datetime(values.encode_timestamp(value)) == value


def test_a_date_has_oracles_bytes() -> None:
    assert values.encode_date(datetime(2026, 11, 21, 6, 32, 20)).hex() == "787e0b15072115"  # noqa: DTZ001


@settings(max_examples=50)
@given(moments, st.integers(min_value=-12 * 60, max_value=14 * 60))
def test_a_zoned_timestamp_keeps_moment_and_offset(value: datetime, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    aware = value.replace(year=2024, tzinfo=zone)
    back = values.decode_datetime(values.encode_zoned(aware))
    assert back == aware
    assert back.utcoffset() == aware.utcoffset()


def test_a_naive_timestamp_counts_as_utc_where_a_zone_is_needed() -> None:
    naive = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001
    assert values.decode_datetime(values.encode_zoned(naive)) == naive.replace(tzinfo=UTC)


@settings(max_examples=100)
@given(spans)
def test_an_interval_comes_back(value: timedelta) -> None:
    assert values.decode_interval(values.encode_interval(value)) == value


@settings(max_examples=100)
@given(st.floats(allow_nan=False))
def test_a_double_comes_back(value: float) -> None:
    assert values.decode_float(values.encode_float(value, 8)) == value


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=2))
def test_doubles_sort_as_their_bytes_do(pair: list[float]) -> None:
    low, high = sorted(pair)
    if low < high:
        assert values.encode_float(low, 8) < values.encode_float(high, 8)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\xc1\x00", b"\xc1\xff"])
def test_a_broken_number_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        values.decode_number(data)


def test_a_thirteenth_month_is_malformed() -> None:
    with pytest.raises(MalformedError):
        values.decode_datetime(bytes([120, 126, 13, 1, 1, 1, 1]))
