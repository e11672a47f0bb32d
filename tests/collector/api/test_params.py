"""How numbers and times in a URL are read: every number has one spelling."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.api.params import MAX_ID, MAX_SAFE, capped_number, end_of, start_of, whole_number

NO_NUMBERS = ["", "0", "-1", "+1", "01", "1.0", "1e3", " 1", "1 ", "1_000", "٣", "²", "0x1", "None", "1\x00", "½"]


@given(st.integers(min_value=1, max_value=MAX_ID))
def test_every_id_is_read_as_it_is_written(number: int) -> None:
    assert whole_number(at_most=MAX_ID)(str(number)) == number


@pytest.mark.parametrize("text", [*NO_NUMBERS, str(MAX_SAFE + 1), "9" * 10_000])
def test_what_is_no_number_in_range_says_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match=f"^a whole number from 1 to {MAX_SAFE}$"):
        whole_number(at_most=MAX_SAFE)(text)


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("99", 99), ("100", 100), ("101", 100), ("9" * 10_000, 100)])
def test_a_capped_number_is_served_as_its_cap(text: str, value: int) -> None:
    assert capped_number(cap=100)(text) == value


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_capped_number_still_has_to_be_one(text: str) -> None:
    with pytest.raises(ValueError, match="a whole number of at least 1"):
        capped_number(cap=100)(text)


@pytest.mark.parametrize(
    ("text", "start", "length"),
    [
        ("2026-05-14", datetime(2026, 5, 14, tzinfo=UTC), timedelta(days=1)),
        ("2026-05-14T03:01Z", datetime(2026, 5, 14, 3, 1, tzinfo=UTC), timedelta(minutes=1)),
        ("2026-05-14T03:01:22Z", datetime(2026, 5, 14, 3, 1, 22, tzinfo=UTC), timedelta(seconds=1)),
        ("2026-05-14T03:01:22", datetime(2026, 5, 14, 3, 1, 22, tzinfo=UTC), timedelta(seconds=1)),
        ("2026-05-14T03:01:22+02:00", datetime(2026, 5, 14, 1, 1, 22, tzinfo=UTC), timedelta(seconds=1)),
        ("2026-05-14T03:01:22.5Z", datetime(2026, 5, 14, 3, 1, 22, 500_000, tzinfo=UTC), timedelta(microseconds=1)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC), timedelta(days=1)),
    ],
)
def test_a_time_includes_all_that_it_names(text: str, start: datetime, length: timedelta) -> None:
    assert start_of(text) == start
    assert end_of(text) == start + length


NO_TIMES = ["", "today", "2026-13-01", "2026-02-30", "2026-5-1", "20260514", "2026-W20-4", "1747191682", "2026-05-14T"]
NO_TIMES += ["2026-05-14 03:00:00", "2026-05-14T24:00:00Z", "2026-05-14T03:00:00 02:00", "2026-05-14T03:00:61Z"]
NO_TIMES += ["٢٠٢٦-05-14", "2026-05-14\x00", "9999-12-31", "0001-01-01T00:00:00+01:00", "-2026-05-14", "2026-05-14Z"]


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_says_what_is_expected(text: str) -> None:
    for read in (start_of, end_of):
        with pytest.raises(ValueError, match=r"^a date"):
            read(text)
