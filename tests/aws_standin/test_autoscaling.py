"""Groups are resized and tagged as strictly as by AWS."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws_standin.conftest import Client

ADMIN = "OrganizationAccountAccessRole"
REGION = "eu-west-1"
IMAGE = "ami-0a1b2c3d4e5f60001"


def made(client: Client, name: str, *, tags: Mapping[str, str]) -> None:
    api = client("autoscaling", ADMIN, region=REGION)
    api.create_launch_configuration(LaunchConfigurationName=name, ImageId=IMAGE, InstanceType="m5.large")
    api.create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchConfigurationName=name,
        MinSize=1,
        MaxSize=3,
        DesiredCapacity=2,
        AvailabilityZones=[f"{REGION}a"],
        Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": False} for key, value in tags.items()],
    )


def refused(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**given)
    said = error.value.response["Error"]
    return said["Code"], said["Message"]


def test_sizes_must_fit_together(client: Client) -> None:
    made(client, "fitting", tags={})
    api = client("autoscaling", ADMIN, region=REGION)
    update = api.update_auto_scaling_group
    assert refused(update, AutoScalingGroupName="fitting", MinSize=0, MaxSize=0)[1].startswith(
        "Desired capacity:2 must"
    )
    assert refused(update, AutoScalingGroupName="fitting", MinSize=4)[1].startswith("Max bound, 3")
    assert refused(update, AutoScalingGroupName="nobody", MinSize=4)[0] == "ValidationError"
    tag = {"ResourceId": "nobody", "ResourceType": "auto-scaling-group", "Key": "k", "Value": "v"}
    assert refused(api.create_or_update_tags, Tags=[tag])[0] == "ValidationError"
    update(AutoScalingGroupName="fitting", MinSize=0, DesiredCapacity=0, MaxSize=0)
    (group,) = api.describe_auto_scaling_groups(AutoScalingGroupNames=["fitting"])["AutoScalingGroups"]
    assert (group["MinSize"], group["DesiredCapacity"], group["MaxSize"], group["Instances"]) == (0, 0, 0, [])


def test_the_role_of_schedules_resizes_only_groups_with_the_tag(client: Client) -> None:
    made(client, "tagged", tags={"Schedule": "office"})
    made(client, "untagged", tags={"env": "test"})
    api = client("autoscaling", "FieldpostSchedule", region=REGION)
    api.update_auto_scaling_group(AutoScalingGroupName="tagged", MinSize=0)
    code, message = refused(api.update_auto_scaling_group, AutoScalingGroupName="untagged", MinSize=0)
    assert code == "AccessDenied"
    assert "autoScalingGroupName/untagged" in message
