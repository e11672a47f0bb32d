import pytest

from agent.power.resource import Group, Resource, Sizes, database_state, instance_state
from agent.power.rules import refusal, waits
from tests.agent.power.builders import at, database, instance

NIGHT = "sun:23:45-mon:00:15"


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (instance(), ""),
        (instance(spot="persistent"), ""),
        (instance(spot="one-time"), "one-time Spot"),
        (instance(root="instance-store"), "instance store"),
        (instance(stop_protected=True), "DisableApiStop"),
        (instance(tags={"aws:autoscaling:groupName": "web"}), "member of the Auto Scaling group web"),
        (instance(tags={"eks:cluster-name": "c"}), "node of EKS"),
        (instance(tags={"kubernetes.io/cluster/c": "owned"}), "node of Kubernetes"),
        (instance(tags={"elasticbeanstalk:environment-name": "e"}), "node of Elastic Beanstalk"),
        (instance(tags={"Team": "eks:"}), ""),
        (database(), ""),
        (database(cluster="c1"), "member of the cluster c1"),
        (database(source="db-0"), "read replica of db-0"),
        (database(replicas=("r1", "r2")), "has read replicas (r1, r2)"),
        (database(across_regions=True), "global database"),
        (database(serverless_v1=True), "Serverless v1"),
        (database(mirrored=True), "mirroring"),
    ],
)
def test_what_is_never_stopped_says_why(resource: Resource, expected: str) -> None:
    assert refusal(resource, "STOP").startswith(expected) or expected in refusal(resource, "STOP")
    assert bool(refusal(resource, "STOP")) == bool(expected)


def test_stop_protection_does_not_hinder_a_start() -> None:
    assert refusal(instance("STOPPED", stop_protected=True), "START") == ""


def group(sizes: Sizes, saved: Sizes | None = None, protected: int = 0) -> Resource:
    kind = Group(sizes=sizes, saved=saved, protected=protected)
    return Resource(id="g", type="ASG", state="STOPPED" if sizes.empty else "RUNNING", kind=kind)


def test_a_group_that_somebody_else_emptied_stays_empty() -> None:
    assert "no schedule has set" in refusal(group(Sizes(0, 0, 0)), "START")
    assert refusal(group(Sizes(0, 0, 0), saved=Sizes(1, 2, 4)), "START") == ""


def test_scale_in_protection_is_respected() -> None:
    assert "protected from scale-in" in refusal(group(Sizes(1, 2, 4), protected=1), "STOP")
    assert refusal(group(Sizes(1, 2, 4)), "STOP") == ""


@pytest.mark.parametrize(
    ("window", "now", "waiting"),
    [
        ("sun:05:00-sun:05:30", "2026-06-07T04:29:59", False),
        ("sun:05:00-sun:05:30", "2026-06-07T04:30:00", True),
        ("sun:05:00-sun:05:30", "2026-06-07T05:29:59", True),
        ("sun:05:00-sun:05:30", "2026-06-07T05:30:00", False),
        (NIGHT, "2026-06-07T23:15:00", True),
        (NIGHT, "2026-06-08T00:14:00", True),
        (NIGHT, "2026-06-08T00:15:00", False),
        ("mon:00:10-mon:00:40", "2026-06-07T23:40:00", True),
        ("", "2026-06-07T05:00:00", False),
    ],
)
def test_a_stop_waits_for_the_end_of_the_maintenance_window(window: str, now: str, *, waiting: bool) -> None:
    resource = database(maintenance=window)
    assert bool(waits(resource, "STOP", at(now))) == waiting
    assert waits(resource, "START", at(now)) == ""


def test_states_of_aws_become_ours() -> None:
    assert [instance_state(name) for name in ("pending", "stopped", "terminated", "new")] == [
        "STARTING",
        "STOPPED",
        "GONE",
        "BUSY",
    ]
    assert [database_state(name) for name in ("available", "backing-up", "storage-full")] == [
        "RUNNING",
        "BUSY",
        "BROKEN",
    ]
