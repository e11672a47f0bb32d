"""Starting and stopping judges a whole batch before anything moves, as EC2 does."""

import time
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws_standin.conftest import Client
from tests.standins.aws.launch import Aws

IMAGE = "ami-0a1b2c3d4e5f60001"
ADMIN = "OrganizationAccountAccessRole"


@pytest.fixture
def ec2(client: Client) -> Any:
    return client("ec2", ADMIN, region="eu-west-1")


def launch(ec2: Any, count: int = 1, **more: Any) -> list[str]:
    given = ec2.run_instances(ImageId=IMAGE, MinCount=count, MaxCount=count, **{"InstanceType": "m5.large", **more})
    return [instance["InstanceId"] for instance in given["Instances"]]


def states(ec2: Any, ids: Sequence[str]) -> set[str]:
    given = ec2.describe_instances(InstanceIds=list(ids))
    return {one["State"]["Name"] for group in given["Reservations"] for one in group["Instances"]}


def settled(ec2: Any, ids: Sequence[str]) -> set[str]:
    while (found := states(ec2, ids)) & {"pending", "stopping"}:
        time.sleep(0.02)
    return found


def refused_code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return str(refused.value.response["Error"]["Code"])


def test_a_stop_takes_its_time_and_says_when_in_gmt(ec2: Any) -> None:
    ids = launch(ec2, 2)
    (first, _) = ec2.stop_instances(InstanceIds=ids)["StoppingInstances"]
    assert first["PreviousState"]["Name"] == "running"
    assert first["CurrentState"] == {"Code": 64, "Name": "stopping"}
    assert settled(ec2, ids) == {"stopped"}
    (instance,) = ec2.describe_instances(InstanceIds=ids[:1])["Reservations"][0]["Instances"]
    assert instance["StateTransitionReason"].endswith(" GMT)")
    ec2.start_instances(InstanceIds=ids)
    assert settled(ec2, ids) == {"running"}


def test_one_unknown_id_refuses_the_whole_batch(ec2: Any) -> None:
    ids = launch(ec2, 3)
    code = refused_code(ec2.stop_instances, InstanceIds=[*ids, "i-0123456789abcdef0"])
    assert code == "InvalidInstanceID.NotFound"
    assert settled(ec2, ids) == {"running"}


def test_one_protected_instance_refuses_the_whole_batch(ec2: Any) -> None:
    ids = launch(ec2, 2) + launch(ec2, DisableApiStop=True)
    assert refused_code(ec2.stop_instances, InstanceIds=ids) == "OperationNotPermitted"
    assert settled(ec2, ids) == {"running"}


def test_a_one_time_spot_instance_refuses_the_whole_batch(ec2: Any) -> None:
    ids = launch(ec2, 1) + launch(ec2, InstanceMarketOptions={"MarketType": "spot"})
    assert refused_code(ec2.stop_instances, InstanceIds=ids) == "UnsupportedOperation"
    assert settled(ec2, ids) == {"running"}


def test_a_persistent_spot_instance_may_be_stopped(ec2: Any) -> None:
    market = {
        "MarketType": "spot",
        "SpotOptions": {"SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop"},
    }
    ids = launch(ec2, InstanceMarketOptions=market)
    ec2.stop_instances(InstanceIds=ids)
    assert settled(ec2, ids) == {"stopped"}


def test_what_is_terminated_can_neither_be_stopped_nor_started(ec2: Any) -> None:
    ids = launch(ec2)
    ec2.terminate_instances(InstanceIds=ids)
    assert refused_code(ec2.stop_instances, InstanceIds=ids) == "IncorrectInstanceState"
    assert refused_code(ec2.start_instances, InstanceIds=ids) == "IncorrectInstanceState"


def test_a_malformed_id_is_named(ec2: Any) -> None:
    assert refused_code(ec2.stop_instances, InstanceIds=["i-nope"]) == "InvalidInstanceID.Malformed"


def test_hibernation_needs_to_be_configured(ec2: Any) -> None:
    ids = launch(ec2)
    code = refused_code(ec2.stop_instances, InstanceIds=ids, Hibernate=True)
    assert code == "UnsupportedHibernationConfiguration"


def test_a_type_without_capacity_does_not_start(aws: Aws, ec2: Any) -> None:
    ids = launch(ec2, InstanceType="p3.2xlarge")
    ec2.stop_instances(InstanceIds=ids)
    settled(ec2, ids)
    aws.set_faults("capacity=p3.2xlarge")
    assert refused_code(ec2.start_instances, InstanceIds=ids) == "InsufficientInstanceCapacity"
    assert settled(ec2, ids) == {"stopped"}


def test_a_dry_run_says_whether_it_would(client: Client, ec2: Any) -> None:
    ids = launch(ec2)
    assert refused_code(ec2.stop_instances, InstanceIds=ids, DryRun=True) == "DryRunOperation"
    reader = client("ec2", "FieldpostScan", region="eu-west-1")
    assert refused_code(reader.stop_instances, InstanceIds=ids, DryRun=True) == "UnauthorizedOperation"
    assert settled(ec2, ids) == {"running"}


def test_only_tagged_instances_may_be_switched_by_the_schedule_role(client: Client, ec2: Any) -> None:
    tagged = launch(
        ec2, TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Schedule", "Value": "office"}]}]
    )
    untagged = launch(ec2)
    switching = client("ec2", "FieldpostSchedule", region="eu-west-1")
    assert refused_code(switching.stop_instances, InstanceIds=[*tagged, *untagged]) == "UnauthorizedOperation"
    switching.stop_instances(InstanceIds=tagged)
    assert settled(ec2, tagged) == {"stopped"}


def test_a_disabled_image_is_hidden_unless_asked_for(ec2: Any) -> None:
    image = ec2.create_image(InstanceId=launch(ec2)[0], Name="golden")["ImageId"]
    ec2.disable_image(ImageId=image)
    seen = {one["ImageId"] for one in ec2.describe_images(Owners=["self"])["Images"]}
    all_of_them = {one["ImageId"] for one in ec2.describe_images(Owners=["self"], IncludeDisabled=True)["Images"]}
    assert image not in seen
    assert image in all_of_them


def test_my_snapshots_are_mine(aws: Aws, ec2: Any) -> None:
    volume = ec2.create_volume(Size=8, AvailabilityZone="eu-west-1a", VolumeType="gp3")["VolumeId"]
    mine = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    found = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert mine in {one["SnapshotId"] for one in found}
    assert {one["OwnerId"] for one in found} == {aws.accounts[0]["account_id"]}


def test_who_may_not_stop_one_of_a_batch_is_told_which(ec2: Any, client: Client) -> None:
    (bare,) = launch(ec2)
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Schedule", "Value": "office"}]}]
    tagged = launch(ec2, 2, TagSpecifications=tags)
    scheduling = client("ec2", "FieldpostSchedule", region="eu-west-1")
    with pytest.raises(ClientError, match=f"instance/{bare} because no identity-based policy allows") as refused:
        scheduling.stop_instances(InstanceIds=[*tagged, bare])
    assert refused.value.response["Error"]["Code"] == "UnauthorizedOperation"
    assert settled(ec2, [*tagged, bare]) == {"running"}


def test_without_a_grant_on_the_key_an_instance_that_was_started_is_soon_stopped_again(aws: Aws, ec2: Any) -> None:
    ids = launch(ec2)
    ec2.stop_instances(InstanceIds=ids)
    assert settled(ec2, ids) == {"stopped"}
    aws.set_faults(f"kms={ids[0]}")
    ec2.start_instances(InstanceIds=ids)
    assert settled(ec2, ids) == {"stopped"}
    (instance,) = ec2.describe_instances(InstanceIds=ids)["Reservations"][0]["Instances"]
    assert instance["StateReason"]["Code"] == "Client.InternalError"
