"""Overrides: default < tenant < tag < connection, and each outcome says where its threshold came from."""

from itertools import permutations

import pytest

from agent.oracle.catalogue import Check, Levels
from agent.oracle.judging import ok
from agent.oracle.thresholds import effective
from common.wire import CheckSetting

CHECK = Check(
    id="SAMPLE",
    category="sessions",
    title="Sample",
    unit="%",
    levels=Levels(80, 90),
    judge=lambda _: ok("fine"),
    remediation="",
    source="",
    interval_s=300,
)
TENANT = CheckSetting(check="SAMPLE", origin="tenant", warning=70, interval_s=600)
TAG = CheckSetting(check="SAMPLE", origin="tag", tag="erp", critical=95)
CONNECTION = CheckSetting(check="SAMPLE", origin="connection", connection="k1", warning=60, enabled=False)


def test_without_overrides_the_declared_values_hold() -> None:
    result = effective(CHECK, [], key="k1", tags=())
    assert (result.levels, result.interval_s, result.enabled, result.origin) == (Levels(80, 90), 300, True, "default")


def test_the_narrowest_override_wins_in_any_order() -> None:
    for settings in permutations([TENANT, TAG, CONNECTION]):
        result = effective(CHECK, settings, key="k1", tags=("erp",))
        assert (result.levels, result.interval_s, result.enabled) == (Levels(60, 95), 600, False)
        assert result.origin == "connection"


def test_overrides_of_other_targets_tags_and_checks_do_not_fit() -> None:
    other = CheckSetting(check="OTHER", origin="tenant", warning=1)
    result = effective(CHECK, [TAG, CONNECTION, other], key="k2", tags=("crm",))
    assert result.levels == Levels(80, 90)


def test_a_changed_interval_alone_leaves_the_thresholds_origin() -> None:
    setting = CheckSetting(check="SAMPLE", origin="tenant", interval_s=900)
    assert effective(CHECK, [setting], key="k1", tags=()).origin == "default"


@pytest.mark.parametrize(
    ("value", "above", "below"),
    [(79.9, "ok", "critical"), (80, "warning", "critical"), (89.9, "warning", "critical"), (90, "critical", "ok")],
)
def test_levels_are_bad_at_and_over_or_under(value: float, above: str, below: str) -> None:
    assert Levels(80, 90).status(value) == above
    assert Levels(90, 90, below=True).status(value) == below
