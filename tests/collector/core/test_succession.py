"""When one CA follows the other, and who would be left behind."""

from datetime import UTC, datetime, timedelta

import pytest

from collector.core.certificates import Stage
from collector.core.succession import Step, Trust, due, left_behind, trust_of

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stage", "ends_in", "since", "behind", "step"),
    [
        ("settled", 3000, 0, 0, None),
        ("settled", 399, 0, 0, "begin"),
        ("announced", 399, 0, 0, None),
        ("announced", 398, 1, 0, "move"),
        ("announced", 300, 99, 1, None),
        ("announced", 59, 340, 1, "move"),
        ("moved", 3652, 29, 0, None),
        ("moved", 3652, 30, 5, "drop"),
    ],
)
def test_each_step_has_its_time(stage: Stage, ends_in: int, since: int, behind: int, step: Step | None) -> None:
    ends, last = NOW + timedelta(days=ends_in), NOW - timedelta(days=since)
    assert due(stage, ca_ends=ends, since=last, left_behind=behind, now=NOW) == step


def test_who_recognises_the_collector_by_its_ca_alone_is_left_behind() -> None:
    agents = [
        Trust("knows both", ("old", "new")),
        Trust("knows the old one", ("old",)),
        Trust("says nothing", ()),
        Trust("trusts the system", ("system",)),
        Trust("is on this host", ("none",)),
        Trust("sees a proxy", ("corporate",)),
    ]
    assert left_behind(agents, current="old", following="new") == ["knows the old one", "says nothing"]


def test_what_an_agent_trusts_is_read_from_its_heartbeat() -> None:
    assert trust_of("a", {"trusts": ["x"]}) == Trust("a", ("x",))
    assert trust_of("a", {}) == trust_of("a", None) == Trust("a", ())
