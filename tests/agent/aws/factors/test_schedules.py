"""What need not run all week: found with the schedule that fits, on a list price and the hours that it really ran."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.aws.factors import _weeks, catalogue
from agent.aws.factors._weeks import hour_of_week
from agent.aws.snapshot import Reading, Resource, Series, Snapshot
from tests.agent.aws.builders import NO_PRICES, NOW, ago, db_instance, found, instance, snapshot, undecided, wished

FACTOR = catalogue()["SCHEDULE_CANDIDATE"]
DEV = {"Environment": "dev"}


def office(hour: int) -> bool:
    """Monday to Friday, 08:00 to 20:00."""
    return hour < 120 and 8 <= hour % 24 < 20


def never(_: int) -> bool:
    return False


def hourly(level: Callable[[int], float], hours: int = 672) -> Reading:
    moments = [NOW - timedelta(hours=back) for back in range(hours, 0, -1)]
    points = tuple((at, level(hour_of_week(at))) for at in moments)
    return Reading(1.0, 100_000.0, points)


def of(
    one: Resource, busy: Callable[[int], bool] = office, *, network: float = 0.0, hours: int = 672, silent: bool = False
) -> Snapshot:
    """Busy with CPU in these hours; the network the same all week; `silent`: only CPU is published."""
    resources: dict[str, list[Resource]] = {"rds.instances" if "DBInstanceClass" in one else "ec2.instances": [one]}
    cpu = hourly(lambda hour: 40.0 if busy(hour) else 1.0, hours)
    others: Mapping[str, Reading] = {
        "DatabaseConnections": hourly(lambda hour: 3.0 if busy(hour) else 0.0, hours),
    }
    readings: dict[Series, Reading | float] = {}
    for series in wished(FACTOR, snapshot(resources)):
        if series.metric == "CPUUtilization":
            readings[series] = cpu
        elif not silent:
            readings[series] = others.get(series.metric, hourly(lambda _: network, hours))
    return snapshot(resources, readings)


def test_office_hours_save_what_the_rest_of_the_week_costs() -> None:
    one = found(FACTOR, of(instance(tagged=DEV)))["i-1"]
    assert one.savings == pytest.approx((730 - 60 / 168 * 730) * 0.096)
    assert one.metadata["schedule"] == {
        "startTime": "08:00",
        "stopTime": "20:00",
        "timezone": "UTC",
        "weekdays": [1, 2, 3, 4, 5],
    }
    assert one.risk == "LOW"


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_starts() -> None:
    look = of(instance(tagged=DEV), lambda hour: hour in {22, 23, 24, 25, 46, 47, 48, 49})
    schedule = found(FACTOR, look)["i-1"].metadata["schedule"]
    assert schedule == {"startTime": "22:00", "stopTime": "02:00", "timezone": "UTC", "weekdays": [1, 2]}


def test_a_database_is_idle_while_nobody_is_connected() -> None:
    one = found(FACTOR, of(db_instance(tagged=DEV, MultiAZ=True)))["db-1"]
    assert one.savings == pytest.approx((730 - 60 / 168 * 730) * 0.171 * 2)
    assert one.cli.startswith("aws rds stop-db-instance")


def test_hours_that_it_was_off_are_not_saved_again() -> None:
    one = found(FACTOR, of(instance(tagged=DEV), hours=605))["i-1"]
    assert one.savings == pytest.approx((730 * 605 / 672 - 60 / 168 * 730) * 0.096)


@pytest.mark.parametrize(
    "look",
    [
        of(instance()),
        of(instance(tagged={"Environment": "prod"})),
        of(instance(tagged={**DEV, "Schedule": "office"})),
        of(instance(tagged={**DEV, "aws:autoscaling:groupName": "web"})),
        of(instance(tagged={**DEV, "fieldpost:exclude": "SCHEDULE_CANDIDATE"})),
        of(instance(tagged=DEV, InstanceLifecycle="spot")),
        of(instance(tagged=DEV, RootDeviceType="instance-store")),
        of(instance(tagged=DEV), never),
        of(instance(tagged=DEV), lambda hour: hour % 24 < 15),
        of(instance(tagged=DEV), lambda hour: hour % 24 in {3, 11, 19}),
        of(instance(tagged=DEV), network=600_000.0),
        of(db_instance(tagged=DEV, ReadReplicaDBInstanceIdentifiers=["db-2"])),
        of(db_instance(tagged=DEV, DBClusterIdentifier="aurora-1")),
        of(db_instance(tagged=DEV, DBInstanceStatus="stopped")),
    ],
)
def test_what_works_all_week_or_may_not_be_stopped_is_left_alone(look: Snapshot) -> None:
    assert not found(FACTOR, look)


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (of(instance(tagged=DEV), hours=500), "74% of 28 days"),
        (of(instance(tagged=DEV, BlockDeviceMappings=[], LaunchTime=ago(27))), "27 days old"),
        (of(instance(tagged=DEV), silent=True), "neither its network nor its sessions"),
    ],
)
def test_weeks_that_are_not_known_decide_nothing(look: Snapshot, reason: str) -> None:
    assert not found(FACTOR, look)
    assert reason in undecided(FACTOR, look)["i-1"]


def test_a_candidate_without_a_price_is_found_with_unknown_savings() -> None:
    assert found(FACTOR, of(instance(tagged=DEV)), NO_PRICES)["i-1"].savings is None


@settings(max_examples=60)
@given(st.frozensets(st.integers(0, 167), min_size=1, max_size=40))
def test_the_window_holds_every_busy_hour_and_no_rotation_has_a_smaller_one(busy: frozenset[int]) -> None:
    week = _weeks.smallest(busy)
    assert week is not None
    assert all(_weeks.covers(week, hour) for hour in busy)
    assert 1 <= week.length <= 24
    assert sum(_weeks.covers(week, hour) for hour in range(168)) == week.hours
