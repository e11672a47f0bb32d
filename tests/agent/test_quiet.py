from datetime import datetime, time

import pytest

from agent.quiet import Window, window


def local(clock: str) -> datetime:
    """A moment by this host's clock."""
    return datetime.combine(datetime(2026, 5, 14), time.fromisoformat(clock)).astimezone()  # noqa: DTZ001 - local


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22:00-06:00", ("22:00", "23:59", "00:00", "05:59"), ("06:00", "12:00", "21:59")),
        ("01:30-04:00", ("01:30", "03:59"), ("01:29", "04:00", "23:00")),
        ("always", ("00:00", "12:00"), ()),
        ("08:00-08:00", ("07:59", "08:00"), ()),
    ],
)
def test_a_window_is_open_from_its_start_until_its_end(
    text: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    assert [clock for clock in inside if not window(text).open(local(clock))] == []
    assert [clock for clock in outside if window(text).open(local(clock))] == []


@pytest.mark.parametrize("text", ["", "22-06", "24:00-06:00", "22:00-06:60", "22:00", "night"])
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected a window such as 22:00-06:00, or always"):
        window(text)


def test_without_one_heavy_checks_may_always_run() -> None:
    assert Window().open(local("12:00"))
