from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.power.overrides import Read, from_api, from_tags, together
from common.wire_aws import Override
from tests.agent.power.builders import at

BERLIN = ZoneInfo("Europe/Berlin")
NOW = at("2026-06-01T12:00:00")


def read(**tags: str) -> Read:
    named = {f"fieldpost:{name.replace('_', '-')}": value for name, value in tags.items()}
    seen = {f"{tag}={value}": NOW for tag, value in named.items()}
    return from_tags(named, first_seen=seen, zone=BERLIN)


@pytest.mark.parametrize(
    ("value", "until"),
    [
        ("2026-06-01T20:00:00Z", "2026-06-01T20:00:00"),
        ("2026-06-01T20:00:00+02:00", "2026-06-01T18:00:00"),
        ("2026-06-01T20:00", "2026-06-01T18:00:00"),
        ("2026-06-02", "2026-06-01T22:00:00"),
        ("+4h", "2026-06-01T16:00:00"),
        ("+90m", "2026-06-01T13:30:00"),
        ("+2d", "2026-06-03T12:00:00"),
    ],
)
def test_a_tag_holds_until_then(value: str, until: str) -> None:
    found = read(keep_running_until=value)
    hold = found.active(NOW)
    assert hold is not None
    assert (hold.keep, hold.until) == ("running", at(until))
    assert found.active(at(until)) is None
    assert found.expired(at(until)) == (hold,)


@pytest.mark.parametrize("value", ["tomorrow", "4h", "+h", "+-4h", "+4w", "2026-13-01"])
def test_what_cannot_be_read_is_ignored_and_reported(value: str) -> None:
    found = read(keep_stopped_until=value)
    assert found.active(NOW) is None
    (note,) = found.ignored
    assert note.startswith(f"fieldpost:keep-stopped-until: `{value}`; expected")


def test_skip_holds_for_good() -> None:
    hold = read(skip="True").active(NOW + timedelta(days=9999))
    assert str(hold) == "kept as is for good (fieldpost:skip)"
    assert read(skip="false").active(NOW) is None
    assert read(skip="yes").ignored == ("fieldpost:skip: `yes`; expected true or false",)


def test_the_longest_of_several_holds() -> None:
    over = Override(
        account="111122223333", region="eu-west-1", resource="i-1", keep="stopped", until=at("2026-06-03"), by="ana"
    )
    both = together(read(keep_running_until="+1h"), from_api([over]))
    assert str(both.active(NOW)) == "kept stopped until 2026-06-03T00:00:00Z (by ana)"
