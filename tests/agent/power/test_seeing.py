from datetime import UTC, datetime
from typing import Any

import pytest

from agent.power.resource import Database, Group, Instance, Sizes
from agent.power.rules import refusal
from agent.power.seeing import Wanted, cluster_of, database_of, group_of, instance_arn, instance_of

LAUNCHED = datetime(2026, 3, 2, 8, tzinfo=UTC)


def said_of_instance(state: str = "running", **more: Any) -> dict[str, Any]:
    return {
        "InstanceId": "i-1",
        "State": {"Name": state},
        "RootDeviceType": "ebs",
        "LaunchTime": LAUNCHED,
        "Placement": {"AvailabilityZone": "eu-west-1a"},
        "Tags": [{"Key": "Name", "Value": "build"}, {"Key": "Schedule", "Value": "office"}],
        **more,
    }


def said_of_database(**more: Any) -> dict[str, Any]:
    return {"DBInstanceIdentifier": "db-1", "Engine": "mysql", "DBInstanceStatus": "available", **more}


def said_of_cluster(**more: Any) -> dict[str, Any]:
    return {"DBClusterIdentifier": "c-1", "Engine": "aurora-mysql", "Status": "available", **more}


def said_of_group(sizes: tuple[int, int, int], *members: str, tags: str = "", **more: Any) -> dict[str, Any]:
    minimum, desired, maximum = sizes
    return {
        "AutoScalingGroupName": "web",
        "MinSize": minimum,
        "DesiredCapacity": desired,
        "MaxSize": maximum,
        "Instances": [{"InstanceId": f"i-{one}", "LifecycleState": one, "HealthStatus": "Healthy"} for one in members],
        "Tags": [{"Key": "fieldpost:sizes", "Value": tags}] if tags else [],
        **more,
    }


# --- what is wanted ---


def test_a_set_of_tags_must_be_there_whole_and_one_of_several_is_enough() -> None:
    wanted = Wanted(({"env": "test", "team": "a"}, {"Schedule": "office"}), ())
    assert wanted.has("x", "", {"Schedule": "office", "env": "prod"})
    assert wanted.has("x", "", {"env": "test", "team": "a"})
    assert not wanted.has("x", "", {"env": "test", "team": "b"})


def test_what_is_named_by_id_or_arn_is_wanted_and_a_set_without_tags_wants_nothing() -> None:
    wanted = Wanted(({},), ("i-1", "arn:aws:rds:eu-west-1:111122223333:db:db-1"))
    assert wanted.has("i-1", "", {})
    assert wanted.has("db-1", "arn:aws:rds:eu-west-1:111122223333:db:db-1", {})
    assert not wanted.has("i-2", "", {"env": "test"})


# --- EC2 ---


def test_of_an_instance_everything_is_known_that_decides_on_it() -> None:
    one = instance_of(said_of_instance(HibernationOptions={"Configured": True}), {})
    assert (one.id, one.name, one.state, one.launched_at) == ("i-1", "build", "RUNNING", LAUNCHED)
    assert one.kind == Instance(zone="eu-west-1a", hibernation=True)
    assert one.tags == {"Name": "build", "Schedule": "office"}


@pytest.mark.parametrize(("kinds", "expected"), [({"i-1": "persistent"}, "persistent"), ({}, "one-time")])
def test_a_spot_instance_whose_request_is_not_known_is_taken_for_one_that_cannot_stop(
    kinds: dict[str, str], expected: str
) -> None:
    one = instance_of(said_of_instance(InstanceLifecycle="spot"), kinds)
    assert isinstance(one.kind, Instance)
    assert one.kind.spot == expected
    assert bool(refusal(one, "STOP")) == (expected == "one-time")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ({"Code": "Client.UserInitiatedShutdown", "Message": "User initiated shutdown"}, ""),
        ({"Code": "Client.InstanceInitiatedShutdown", "Message": "Instance initiated"}, ""),
        ({"Code": "Server.ScheduledStop", "Message": "Stopped due to a scheduled retirement"}, ""),
        (
            {"Code": "Client.InternalError", "Message": "Client.InternalError: Client error on launch"},
            "START_FAILED_KMS: Client.InternalError: Client error on launch",
        ),
        (
            {"Code": "Client.InvalidKMSKey.InvalidState", "Message": "the key is disabled"},
            "START_FAILED_KMS: the key is disabled",
        ),
        (
            {"Code": "Server.InsufficientInstanceCapacity", "Message": "no capacity"},
            "START_FAILED: no capacity",
        ),
        ({}, ""),
    ],
)
def test_a_stop_that_nobody_wished_has_its_class_first(reason: dict[str, str], expected: str) -> None:
    assert instance_of(said_of_instance("stopped", StateReason=reason), {}).fault == expected
    assert instance_of(said_of_instance("running", StateReason=reason), {}).fault == ""


@pytest.mark.parametrize(
    ("region", "start"),
    [("eu-west-1", "arn:aws:ec2:"), ("cn-north-1", "arn:aws-cn:ec2:"), ("us-gov-west-1", "arn:aws-us-gov:ec2:")],
)
def test_an_arn_has_the_partition_of_its_region(region: str, start: str) -> None:
    assert instance_arn(region, "111122223333", "i-1") == f"{start}{region}:111122223333:instance/i-1"


# --- RDS ---


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({}, ""),
        ({"MultiAZ": True}, ""),
        ({"ReadReplicaSourceDBInstanceIdentifier": "db-0"}, "read replica of db-0"),
        ({"ReadReplicaSourceDBClusterIdentifier": "c-0"}, "read replica of c-0"),
        ({"ReadReplicaDBInstanceIdentifiers": ["db-2"]}, "has read replicas (db-2)"),
        ({"ReadReplicaDBClusterIdentifiers": ["c-2"]}, "has read replicas (c-2)"),
        ({"Engine": "sqlserver-se", "MultiAZ": True}, "SQL Server Multi-AZ"),
        ({"Engine": "sqlserver-se", "MultiAZ": False}, ""),
        ({"DBClusterIdentifier": "c-1", "Engine": "docdb"}, "member of the cluster c-1"),
    ],
)
def test_of_a_database_is_known_what_forbids_to_stop_it(more: dict[str, Any], refused: str) -> None:
    reason = refusal(database_of(said_of_database(**more)), "STOP")
    assert reason.startswith(refused) if refused else reason == ""


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({}, ""),
        ({"Engine": "neptune"}, ""),
        ({"EngineMode": "provisioned"}, ""),
        ({"EngineMode": "serverless"}, "Aurora Serverless v1"),
        ({"GlobalClusterIdentifier": "everywhere"}, "part of a global database"),
        (
            {"ReadReplicaIdentifiers": ["arn:aws:rds:us-east-1:1:cluster:c-2"]},
            "part of a global database or replicated",
        ),
        ({"ReplicationSourceIdentifier": "arn:aws:rds:us-east-1:1:cluster:c-0"}, "part of a global database or repl"),
        ({"Engine": "postgres", "DBClusterInstanceClass": "db.m6gd.large"}, "Multi-AZ DB cluster"),
    ],
)
def test_of_a_cluster_is_known_what_forbids_to_stop_it(more: dict[str, Any], refused: str) -> None:
    one = cluster_of(said_of_cluster(**more))
    assert isinstance(one.kind, Database)
    assert one.kind.is_cluster
    assert refusal(one, "STOP").startswith(refused) if refused else refusal(one, "STOP") == ""


def test_when_aws_will_start_it_again_and_when_it_is_maintained_is_known() -> None:
    again = datetime(2026, 3, 9, tzinfo=UTC)
    said = {"AutomaticRestartTime": again, "PreferredMaintenanceWindow": "sun:05:00-sun:05:30"}
    for one in (
        database_of(said_of_database(**said, DBInstanceStatus="stopped")),
        cluster_of(said_of_cluster(**said, Status="stopped")),
    ):
        assert one.state == "STOPPED"
        assert isinstance(one.kind, Database)
        assert (one.kind.restart_at, one.kind.maintenance) == (again, "sun:05:00-sun:05:30")


# --- Auto Scaling ---


@pytest.mark.parametrize(
    ("sizes", "members", "expected"),
    [
        ((1, 2, 4), ("InService", "InService"), "RUNNING"),
        ((1, 2, 4), ("InService", "Terminating"), "RUNNING"),
        ((1, 2, 4), ("InService", "Pending"), "STARTING"),
        ((1, 2, 4), ("Pending:Wait",), "STARTING"),
        ((1, 2, 4), (), "STARTING"),
        ((0, 0, 0), ("Terminating",), "STOPPING"),
        ((0, 0, 0), ("InService",), "STOPPING"),
        ((0, 0, 0), (), "STOPPED"),
        ((0, 0, 0), ("Standby",), "STOPPED"),
        ((0, 0, 4), (), "STOPPED"),
    ],
)
def test_a_group_is_what_its_sizes_and_members_say_together(
    sizes: tuple[int, int, int], members: tuple[str, ...], expected: str
) -> None:
    assert group_of(said_of_group(sizes, *members)).state == expected


def test_a_group_whose_members_are_all_unhealthy_is_not_running_yet() -> None:
    said = said_of_group((1, 1, 1), "InService")
    said["Instances"][0]["HealthStatus"] = "Unhealthy"
    assert group_of(said).state == "STARTING"


def test_sizes_that_a_schedule_took_away_and_members_that_are_protected_are_known() -> None:
    said = said_of_group((0, 0, 0), "InService", tags="1/2/4")
    said["Instances"][0]["ProtectedFromScaleIn"] = True
    assert group_of(said).kind == Group(sizes=Sizes(0, 0, 0), saved=Sizes(1, 2, 4), protected=1)


def test_sizes_that_cannot_be_read_are_none() -> None:
    kind = group_of(said_of_group((0, 0, 0), tags="a lot")).kind
    assert isinstance(kind, Group)
    assert kind.saved is None


def test_a_group_that_is_being_deleted_is_gone() -> None:
    assert group_of(said_of_group((0, 0, 0), Status="Delete in progress")).state == "GONE"
