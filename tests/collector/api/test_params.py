"""How numbers in a URL are read: every number has one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.api.params import MAX_ID, MAX_SAFE, capped_number, whole_number

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
