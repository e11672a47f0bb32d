from datetime import UTC, datetime, timedelta

import pytest

from agent.power.retries import next_try

NOW = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


def waits(code: str, tries: int = 12) -> list[timedelta]:
    """How long after each try the next one comes, up to the last."""
    found = [next_try(code, attempt, NOW) for attempt in range(1, tries + 1)]
    return [moment - NOW for moment in found if moment is not None]


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "ThrottlingException", "Deadline", "ReadTimeoutError"])
def test_what_says_nothing_of_the_resource_is_tried_until_the_next_edge_at_most_a_minute_apart(code: str) -> None:
    assert len(waits(code)) == 12
    assert waits(code)[0] == timedelta(seconds=2)
    assert waits(code)[-1] == timedelta(minutes=1)


def test_capacity_is_asked_for_less_and_less_often() -> None:
    assert [wait // timedelta(minutes=1) for wait in waits("InsufficientInstanceCapacity", 5)] == [5, 10, 20, 40, 40]


@pytest.mark.parametrize(
    ("code", "tries"), [("IncorrectInstanceState", 9), ("InvalidDBInstanceState", 9), ("InternalError", 2)]
)
def test_what_may_pass_is_tried_a_few_times(code: str, tries: int) -> None:
    assert waits(code) == [timedelta(minutes=1)] * tries


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AccessDenied"])
def test_what_is_denied_is_not_tried_again(code: str) -> None:
    assert waits(code) == []
