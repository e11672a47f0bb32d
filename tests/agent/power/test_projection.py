"""What schedules are projected to save, and what is not claimed."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from agent.power.messages import Seen
from agent.power.plan import active
from agent.power.projection import Projection, Subject, project
from common.wire_aws import Money, Schedule
from tests.agent.power.builders import OFFICE, at, instance, schedule
from tests.agent.power.test_plan import windows

NOW = at("2026-06-01T12:00:00")
ONE = schedule()


def subject(
    schedules: Sequence[Schedule] = (ONE,), *, rate: Money = 0.096, baseline: float | None = 730.0, **more: Any
) -> Subject:
    seen = Seen(instance(), rate=rate, price_label=more.pop("label", "BUNDLED"), note=more.pop("note", ""))
    terms = active(schedules, NOW)
    return Subject(seen=seen, schedules=tuple(schedules), terms=terms, baseline=baseline, **more)


def of(*subjects: Subject, schedules: Sequence[Schedule] = (ONE,)) -> dict[str, Projection]:
    return project(subjects, schedules, NOW)


def test_a_machine_in_office_hours_saves_what_the_specification_says() -> None:
    found = of(subject())["s1"]
    assert found.savings == pytest.approx(45.05)
    assert found.matched[0].saving == pytest.approx(45.05)
    assert (found.matched[0].rate, found.matched[0].baseline_hours, found.matched[0].note) == (0.096, 730.0, "")


def test_hours_in_which_it_is_off_anyhow_are_not_claimed_again() -> None:
    assert of(subject(baseline=360.0))["s1"].savings == pytest.approx((360 - 60 / 168 * 730) * 0.096, abs=0.01)


def test_what_runs_longer_because_of_a_schedule_costs() -> None:
    found = of(subject(baseline=100.0))["s1"].savings
    assert found is not None
    assert found < 0


def test_hours_that_nobody_knows_are_assumed_and_said_to_be() -> None:
    found = of(subject(baseline=None))["s1"]
    assert found.savings == pytest.approx(45.05)
    assert found.matched[0].note == "running hours not known, 730 assumed"


def test_a_price_that_is_not_known_stays_outside_the_sum_and_is_never_zero() -> None:
    unknown = subject(rate=None, label="UNKNOWN")
    found = of(subject(), unknown)["s1"]
    assert found.savings == pytest.approx(45.05)
    assert [(one.saving is None, one.note) for one in found.matched] == [(False, ""), (True, "its price is not known")]
    assert of(unknown)["s1"].savings is None


def test_what_is_left_alone_counts_nothing_and_is_listed_with_the_reason() -> None:
    found = of(subject(skipped="stop protection (DisableApiStop) is on"))["s1"]
    assert found.savings == 0
    assert [(one.saving, one.skipped) for one in found.matched] == [(0, "stop protection (DisableApiStop) is on")]


def test_a_schedule_that_matches_nothing_saves_nothing() -> None:
    assert of()["s1"] == Projection((), 0)


def test_what_only_stops_says_nothing_of_hours() -> None:
    stopping = schedule(structs.replace(OFFICE, start=None))
    found = of(subject([stopping]), schedules=[stopping])["s1"]
    assert found.savings is None
    assert found.matched[0].note == "nothing says how long it runs"


def test_a_paused_schedule_saves_nothing_and_takes_no_share() -> None:
    both = [schedule(), schedule(id="s2", paused=True)]
    found = of(subject(both), schedules=both)
    assert found["s1"].savings == pytest.approx(45.05)
    assert found["s2"].savings == 0


def test_a_trial_is_projected_as_if_it_were_real_where_it_is_alone() -> None:
    trial = schedule(dry_run=True)
    assert of(subject([trial]), schedules=[trial])["s1"].savings == pytest.approx(45.05)


def test_labels_of_prices_and_what_covers_a_machine_are_said() -> None:
    assert of(subject(label="REGION_SCALED"))["s1"].matched[0].note == "price scaled from another region"
    assert of(subject(rate=0.0, note="covered by a reservation"))["s1"].matched[0].note == "covered by a reservation"


@settings(max_examples=25, deadline=None)
@given(st.lists(windows(), min_size=1, max_size=3), st.floats(0, 5), st.floats(0, 730))
def test_what_several_schedules_save_together_is_that_of_their_union(
    chosen: list[Any], rate: float, baseline: float
) -> None:
    schedules = [schedule(window, id=f"s{number}") for number, window in enumerate(chosen)]
    found = of(subject(schedules, rate=rate, baseline=baseline), schedules=schedules)
    savings = [one.savings for one in found.values() if one.savings is not None]
    assert len(savings) == len(schedules)
    assert max(savings) - min(savings) <= 0.01, "equal shares"
    assert sum(savings) <= rate * baseline + 0.05
