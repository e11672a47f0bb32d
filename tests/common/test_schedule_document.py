import pytest

from common.schedule_document import WindowError, check, parse, zones
from common.wire_aws import Window

GOOD = {"startTime": "07:00", "stopTime": "19:00", "timezone": "America/New_York", "weekdays": [5, 1, 1]}


def test_the_schedule_of_the_api_becomes_a_window() -> None:
    document = {**GOOD, "skipDates": ["2026-12-24"], "extraDates": ["2026-12-27"], "colour": "ignored"}
    assert parse(document) == Window(
        timezone="America/New_York",
        weekdays=(1, 5),
        start="07:00",
        stop="19:00",
        skip=("2026-12-24",),
        extra=("2026-12-27",),
    )


def test_one_of_the_times_may_be_missing() -> None:
    assert parse({**GOOD, "startTime": None}).start is None
    assert parse({name: value for name, value in GOOD.items() if name != "stopTime"}).stop is None


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("startTime", "24:00", "startTime: `24:00`; expected a time"),
        ("startTime", "7:00", "startTime: `7:00`; expected a time"),
        ("stopTime", "19:00\n", "stopTime: `19:00\n`; expected a time"),
        ("stopTime", "١٩:00", "stopTime: `١٩:00`; expected a time"),
        ("stopTime", 1900, "stopTime: `1900`; expected a time"),
        ("stopTime", "07:00", "stopTime: `07:00`; expected another time than startTime"),
        ("timezone", "Europe/Atlantis", "timezone: `Europe/Atlantis`; expected the name"),
        ("timezone", "Europe", "timezone: `Europe`; expected the name"),
        ("timezone", "right/Europe/Berlin", "timezone: `right/Europe/Berlin`; expected the name"),
        ("timezone", "../zoneinfo/UTC", "timezone: `../zoneinfo/UTC`; expected the name"),
        ("timezone", "", "timezone: ``; expected the name"),
        ("timezone", None, "timezone: `None`; expected the name"),
        ("timezone", ["UTC"], "timezone: `['UTC']`; expected the name"),
        ("weekdays", [], "weekdays: `\\[\\]`; expected a list"),
        ("weekdays", [1, 8], "weekdays: `8`; expected a list"),
        ("weekdays", [0], "weekdays: `0`; expected a list"),
        ("weekdays", [True], "weekdays: `True`; expected a list"),
        ("weekdays", ["1"], "weekdays: `1`; expected a list"),
        ("weekdays", None, "weekdays: `None`; expected a list"),
        ("weekdays", 3, "weekdays: `3`; expected a list"),
        ("skipDates", ["2026-02-30"], "skipDates: `2026-02-30`; expected a date"),
        ("skipDates", "2026-02-03", "skipDates: `2026-02-03`; expected a list"),
        ("extraDates", ["20260203"], "extraDates: `20260203`; expected a date"),
        ("extraDates", [20260203], "extraDates: `20260203`; expected a date"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_was_expected(field: str, value: object, expected: str) -> None:
    with pytest.raises(WindowError) as refused:
        parse({**GOOD, field: value})
    assert refused.value.field == field
    assert str(refused.value).startswith(expected.replace("\\", ""))


def test_a_schedule_without_any_time_is_refused() -> None:
    with pytest.raises(WindowError, match="startTime: `None`; expected startTime, stopTime or both"):
        parse({**GOOD, "startTime": None, "stopTime": None})


def test_something_else_than_an_object_is_refused() -> None:
    with pytest.raises(WindowError, match="schedule: `\\[\\]`; expected an object"):
        parse([])


def test_a_window_that_was_sent_is_checked_alike() -> None:
    check(Window(timezone="Asia/Kathmandu", weekdays=(1,), stop="20:00"))
    with pytest.raises(WindowError, match="timezone: `Mars/Olympus`"):
        check(Window(timezone="Mars/Olympus", weekdays=(1,), stop="20:00"))


def test_the_zones_that_are_shipped_are_those_of_iana() -> None:
    assert {"UTC", "Europe/Berlin", "Australia/Lord_Howe"} <= zones()
