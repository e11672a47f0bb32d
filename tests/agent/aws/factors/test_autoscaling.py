"""Auto Scaling groups: idle as a whole, or not to be judged."""

from collections.abc import Mapping

import pytest

from agent.aws.factors import catalogue
from agent.aws.snapshot import Reading, Resource, Snapshot
from tests.agent.aws.builders import NO_PRICES, ago, found, instance, snapshot, tags, undecided, wished

IDLE = catalogue()["IDLE_ASG"]


def group(tagged: Mapping[str, str] | None = None, **fields: object) -> Resource:
    return {
        "AutoScalingGroupName": "web",
        "MinSize": 0,
        "DesiredCapacity": 2,
        "MaxSize": 4,
        "CreatedTime": ago(100),
        "Instances": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}],
        "Tags": tags(tagged),
        **fields,
    }


def of(
    one: Resource, *, cpu: float = 2.0, mb_a_day: float = 2.0, samples: float = 8000.0, spot: bool = False
) -> Snapshot:
    """Two members that carry so many MB a day each."""
    lifecycle = {"InstanceLifecycle": "spot"} if spot else {}
    members: list[Resource] = [{**instance(name), **lifecycle} for name in ("i-1", "i-2")]
    resources: dict[str, list[Resource]] = {"autoscaling.groups": [one], "ec2.instances": members}
    network = Reading(mb_a_day * 1e6 * 14, samples)
    values = {"CPUUtilization": Reading(cpu, samples), "NetworkIn": network, "NetworkOut": network}
    return snapshot(resources, {series: values[series.metric] for series in wished(IDLE, snapshot(resources))})


def test_an_idle_group_saves_down_to_its_minimum() -> None:
    assert found(IDLE, of(group()))["web"].savings == pytest.approx(2 * 0.096 * 730)
    one = found(IDLE, of(group(MinSize=1)))["web"]
    assert one.savings == pytest.approx(0.096 * 730)
    assert "--desired-capacity 1" in one.cli


@pytest.mark.parametrize(
    "look",
    [
        of(group(), cpu=5.0),
        of(group(), mb_a_day=5.0),
        of(group(), spot=True),
        of(group(MinSize=2)),
        of(group(DesiredCapacity=0, Instances=[])),
        of(group({"eks:cluster-name": "prod"})),
        of(group({"Schedule": "office"})),
        of(group({"role": "standby"})),
        of(group({"fieldpost:exclude": "IDLE_ASG"})),
    ],
)
def test_groups_with_work_at_their_minimum_or_with_an_owner_are_left_alone(look: Snapshot) -> None:
    assert not found(IDLE, look)


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (of(group(CreatedTime=ago(13))), "13 days old"),
        (of(group(), samples=3000), "too few datapoints"),
        (snapshot({"autoscaling.groups": [group()], "ec2.instances": [instance()]}), "no datapoint"),
    ],
)
def test_what_is_not_known_of_a_group_decides_nothing(look: Snapshot, reason: str) -> None:
    assert not found(IDLE, look)
    assert reason in undecided(IDLE, look)["web"]


def test_a_group_whose_types_have_no_price_is_found_with_unknown_savings() -> None:
    assert found(IDLE, of(group()), NO_PRICES)["web"].savings is None
