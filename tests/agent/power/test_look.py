import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from agent.aws import sweep
from agent.aws.messages import Failed, Target
from agent.aws.policy import APPRAISING, LOOKING, SWITCHING
from agent.aws.session import Access
from agent.power.look import look
from agent.power.messages import Answer, Looked, LookRequest
from agent.power.resource import Database, Group, Instance, Resource
from agent.power.rules import refusal
from common.clock import utc_now
from tests.agent.power.conftest import Asking
from tests.standins.aws.launch import Aws

pytestmark = pytest.mark.slow
HOME = "eu-west-1"
PLANTED = "eu-central-1"
IMAGE = "ami-0a1b2c3d4e5f60001"
OFFICE = {"Schedule": "office-hours"}


def looked(request: LookRequest, **more: Any) -> Looked:
    answer = answered(request, **more)
    assert isinstance(answer, Looked), answer
    return answer


def answered(request: LookRequest, **more: Any) -> Answer:
    said: list[Answer] = []
    look(request, said.append, **more)
    assert len(said) == 1 + request.worth, "what there is, before what it is worth"
    return said[-1]


def seen(found: Looked) -> dict[str, Resource]:
    return {one.resource.id: one.resource for one in found.resources}


def labels(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def launch(planting: Access, tags: Mapping[str, str], count: int = 1) -> list[str]:
    given = planting.client("ec2", PLANTED).run_instances(
        ImageId=IMAGE,
        InstanceType="t3.micro",
        MinCount=count,
        MaxCount=count,
        TagSpecifications=[{"ResourceType": "instance", "Tags": labels(tags)}],
    )
    return [str(one["InstanceId"]) for one in given["Instances"]]


# --- the estate ---


def test_all_that_carries_the_tag_is_seen_and_what_must_be_left_alone_is_known(as_agent: Aws, asking: Asking) -> None:
    key = [one for one in as_agent.expected()["scheduled"] if one["account"] == "111122223333"]
    found = looked(asking(tags=(OFFICE,)))
    resources = seen(found)
    assert found.gaps == {}
    assert {one["resourceId"] for one in key} <= set(resources)
    for one in key:
        resource = resources[one["resourceId"]]
        assert bool(refusal(resource, "STOP")) == bool(one["refusal"]), (one, refusal(resource, "STOP"))
    others = [one for name, one in resources.items() if name not in {one["resourceId"] for one in key}]
    assert all(one.tags["Schedule"] == "office-hours" for one in resources.values())
    assert {one.id for one in others if one.type == "ASG"} == {"office-group"}
    members = [one for one in others if one.tags.get("aws:autoscaling:groupName") == "office-group"]
    assert len(members) == 2, "they carry its tag, too"
    assert all("only the group can be switched" in refusal(one, "STOP") for one in members)


def test_what_decides_on_an_instance_is_described(as_agent: Aws, asking: Asking) -> None:
    assert as_agent.calls()
    found = looked(asking(tags=(OFFICE,), types=("EC2",)))
    by_name = {one.resource.name: one.resource.kind for one in found.resources}
    assert by_name["office-protected"] == Instance(zone="eu-west-1a", stop_protected=True)
    assert by_name["office-spot-once"] == Instance(zone="eu-west-1a", spot="one-time")
    assert by_name["office-spot-kept"] == Instance(zone="eu-west-1a", spot="persistent")
    assert by_name["office-instance-store"] == Instance(zone="eu-west-1a", root="instance-store")
    assert by_name["office-hibernating"] == Instance(zone="eu-west-1a", hibernation=True)
    assert found.resources[0].arn.startswith("arn:aws:ec2:eu-west-1:111122223333:instance/i-")
    assert {one.resource.type for one in found.resources} == {"EC2"}


def test_a_look_takes_few_calls_beside_one_for_each_instance_that_could_be_stopped(
    as_agent: Aws, asking: Asking
) -> None:
    looked(asking(tags=(OFFICE,)))
    calls = dict(as_agent.calls()["by_operation"])
    assert 40 <= calls.pop("ec2:DescribeInstanceAttribute") <= 50
    assert sum(calls.values()) == 7


def test_of_stop_protection_only_what_is_not_known_is_asked_or_all_of_it_again(as_agent: Aws, asking: Asking) -> None:
    first = looked(asking(tags=(OFFICE,), types=("EC2",)))
    (on,) = [name for name, is_on in first.protection.items() if is_on]
    some = dict(list(first.protection.items())[:40]) | {on: True}
    as_agent.calls()
    second = looked(asking(tags=(OFFICE,), types=("EC2",), protection=some))
    assert (seen(second), set(second.protection)) == (seen(first), set(first.protection) - set(some))
    assert as_agent.calls()["by_operation"].get("ec2:DescribeInstanceAttribute", 0) == len(second.protection)
    wrong = dict.fromkeys(first.protection, True)
    third = looked(asking(tags=(OFFICE,), types=("EC2",), protection=wrong, again=True))
    assert (seen(third), third.protection) == (seen(first), first.protection)


def test_what_there_is_is_said_before_what_it_is_worth(asking: Asking) -> None:
    said: list[Answer] = []
    look(asking(tags=(OFFICE,), worth=True), said.append)
    early, whole = said
    assert isinstance(early, Looked)
    assert isinstance(whole, Looked)
    assert (early.early, whole.early) == (True, False)
    assert set(seen(early)) == set(seen(whole))
    assert not any(one.rate for one in early.resources)


def test_a_look_asks_for_no_more_than_the_policy_of_schedules_allows(as_agent: Aws, asking: Asking) -> None:
    looked(asking(tags=(OFFICE,), worth=True))
    asked = {name for name in as_agent.calls()["by_operation"] if not name.startswith("sts:")}
    allowed = {*LOOKING, *APPRAISING}
    assert asked <= allowed
    assert not allowed & {action for actions in SWITCHING.values() for action in actions}


# --- what is asked for ---


def test_every_tag_of_a_set_must_match_and_one_of_several_sets_is_enough(planting: Access, asking: Asking) -> None:
    both = launch(planting, {"team": "sets", "env": "test"})
    launch(planting, {"team": "sets", "env": "prod"})
    other = launch(planting, {"night": "sets"})
    found = looked(asking(PLANTED, tags=({"team": "sets", "env": "test"}, {"night": "sets"})))
    assert set(seen(found)) == {*both, *other}


@pytest.mark.parametrize("value", ["a*", "wh?t", "back\\slash", ""])
def test_a_value_that_aws_would_read_as_a_pattern_is_compared_as_it_is(
    planting: Access, asking: Asking, value: str
) -> None:
    (wanted,) = launch(planting, {"pattern": value})
    launch(planting, {"pattern": "abc"})
    launch(planting, {"pattern": "what"})
    assert set(seen(looked(asking(PLANTED, tags=({"pattern": value},))))) == {wanted}


def test_resources_are_found_by_id_name_and_arn_and_those_that_are_not_there_are_no_error(asking: Asking) -> None:
    every = looked(asking(tags=(OFFICE,))).resources
    one, other = [seen for seen in every if seen.resource.type == "EC2"][:2]
    arn = "arn:aws:rds:eu-west-1:111122223333:db:office-db-0"
    ids = (one.resource.id, other.arn, arn, "office-group", "aurora", "i-0123456789abcdef0", "nowhere")
    found = looked(asking(ids=ids))
    assert set(seen(found)) == {one.resource.id, other.resource.id, "office-db-0", "office-group", "aurora"}
    assert found.gaps == {}


def test_a_look_for_nothing_asks_for_nothing(as_agent: Aws, asking: Asking) -> None:
    assert looked(asking(types=("EC2",), ids=("office-db-0",))).resources == ()
    assert looked(asking(types=("RDS",))).resources == ()
    assert as_agent.calls()["by_operation"].get("ec2:DescribeInstances", 0) == 0


def test_all_pages_are_read(asking: Asking, as_agent: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = seen(looked(asking(tags=(OFFICE,), types=("EC2",))))
    as_agent.calls()
    monkeypatch.setattr(sweep, "_PAGES", {"describe_instances": 7})
    paged = seen(looked(asking(tags=(OFFICE,), types=("EC2",))))
    assert paged == whole
    assert as_agent.calls()["by_operation"]["ec2:DescribeInstances"] >= len(whole) // 7


def test_what_is_terminated_is_not_seen(planting: Access, asking: Asking) -> None:
    gone, stays = launch(planting, {"short": "lived"}, 2)
    planting.client("ec2", PLANTED).terminate_instances(InstanceIds=[gone])
    assert set(seen(looked(asking(PLANTED, tags=({"short": "lived"},), ids=(gone,))))) == {stays}


# --- databases ---


def test_a_member_whose_tag_matches_comes_with_its_cluster_and_each_is_known_as_what_it_is(
    planting: Access, asking: Asking
) -> None:
    rds = planting.client("rds", PLANTED)
    given = {"Engine": "aurora-postgresql", "MasterUsername": "owner", "MasterUserPassword": "long-enough"}
    rds.create_db_cluster(DBClusterIdentifier="orders", **given)
    rds.create_db_instance(
        DBInstanceIdentifier="orders-1",
        DBClusterIdentifier="orders",
        Engine="aurora-postgresql",
        DBInstanceClass="db.r6g.large",
        Tags=labels({"cluster": "by-member"}),
    )
    resources = seen(looked(asking(PLANTED, tags=({"cluster": "by-member"},))))
    assert set(resources) == {"orders", "orders-1"}
    member, cluster = resources["orders-1"].kind, resources["orders"].kind
    assert isinstance(member, Database)
    assert isinstance(cluster, Database)
    assert (member.cluster, member.is_cluster, cluster.is_cluster) == ("orders", False, True)
    assert refusal(resources["orders-1"], "STOP") == "member of the cluster orders; tag the cluster instead"
    assert refusal(resources["orders"], "STOP") == ""


def test_a_database_that_was_stopped_says_when_aws_will_start_it(planting: Access, asking: Asking) -> None:
    rds = planting.client("rds", PLANTED)
    rds.create_db_instance(
        DBInstanceIdentifier="resting",
        Engine="mysql",
        DBInstanceClass="db.m5.large",
        MasterUsername="owner",
        MasterUserPassword="long-enough",
        AllocatedStorage=20,
        Tags=labels({"rest": "week"}),
    )
    rds.stop_db_instance(DBInstanceIdentifier="resting")
    one = state_reached(asking(PLANTED, tags=({"rest": "week"},)), "resting", "STOPPED")
    assert isinstance(one.kind, Database)
    assert one.kind.restart_at is not None
    assert timedelta(days=6) < one.kind.restart_at - utc_now() <= timedelta(days=7)
    assert one.kind.maintenance


def test_a_cluster_with_the_name_of_an_instance_is_left_alone_and_told_of(planting: Access, asking: Asking) -> None:
    rds = planting.client("rds", PLANTED)
    given = {"MasterUsername": "owner", "MasterUserPassword": "long-enough", "Tags": labels({"twin": "yes"})}
    rds.create_db_cluster(DBClusterIdentifier="twin", Engine="aurora-mysql", **given)
    rds.create_db_instance(
        DBInstanceIdentifier="twin", Engine="mysql", DBInstanceClass="db.m5.large", AllocatedStorage=20, **given
    )
    found = looked(asking(PLANTED, tags=({"twin": "yes"},)))
    (one,) = found.resources
    assert isinstance(one.resource.kind, Database)
    assert not one.resource.kind.is_cluster
    assert found.gaps == {"rds.clusters/twin": "an instance has the same name: it is left alone"}


# --- states ---


def state_reached(request: LookRequest, name: str, state: str) -> Resource:
    for _ in range(20):
        one = seen(looked(request))[name]
        if one.state == state:
            return one
        time.sleep(0.1)
    raise AssertionError(f"{name} is {one.state}")


def test_a_start_that_the_key_did_not_allow_is_told_apart_from_a_stop(
    planting: Access, asking: Asking, as_agent: Aws
) -> None:
    ec2 = planting.client("ec2", PLANTED)
    failing, stopping = launch(planting, {"volume": "encrypted"}, 2)
    ec2.stop_instances(InstanceIds=[failing, stopping])
    request = asking(PLANTED, tags=({"volume": "encrypted"},))
    assert state_reached(request, failing, "STOPPED").fault == ""
    as_agent.set_faults(f"kms={failing}")
    ec2.start_instances(InstanceIds=[failing])
    assert state_reached(request, failing, "STOPPED").fault.startswith("START_FAILED_KMS: Client.InternalError")
    assert seen(looked(request))[stopping].fault == ""


def test_a_group_without_members_is_stopped_and_its_sizes_are_in_its_tag(planting: Access, asking: Asking) -> None:
    planting.client("ec2", PLANTED).create_launch_template(
        LaunchTemplateName="rest", LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "m5.large"}
    )
    planting.client("autoscaling", PLANTED).create_auto_scaling_group(
        AutoScalingGroupName="at-rest",
        LaunchTemplate={"LaunchTemplateName": "rest", "Version": "$Latest"},
        MinSize=0,
        DesiredCapacity=0,
        MaxSize=0,
        AvailabilityZones=[f"{PLANTED}a"],
        Tags=[
            {"Key": "rest", "Value": "group", "PropagateAtLaunch": False},
            {"Key": "fieldpost:sizes", "Value": "1/2/4", "PropagateAtLaunch": False},
        ],
    )
    (one,) = looked(asking(PLANTED, tags=({"rest": "group"},))).resources
    assert (one.resource.type, one.resource.state) == ("ASG", "STOPPED")
    assert isinstance(one.resource.kind, Group)
    assert one.resource.kind.saved is not None
    assert one.resource.kind.saved.text == "1/2/4"
    assert one.arn.endswith("autoScalingGroupName/at-rest")
    assert set(seen(looked(asking(PLANTED, ids=(one.arn,))))) == {"at-rest"}
    (priced,) = looked(asking(PLANTED, ids=("at-rest",), worth=True)).resources
    assert priced.rate is not None
    assert priced.rate > 2 * 0.1, "what it costs when it has its sizes back"


# --- what goes wrong ---


def test_what_may_not_be_described_is_a_gap_and_the_rest_is_seen(asking: Asking, as_agent: Aws) -> None:
    as_agent.set_faults("deny=rds:DescribeDBClusters", "deny=autoscaling:DescribeAutoScalingGroups")
    found = looked(asking(tags=(OFFICE,)))
    assert found.gaps == {
        "rds.clusters": "access denied (rds:DescribeDBClusters)",
        "autoscaling.groups": "access denied (autoscaling:DescribeAutoScalingGroups)",
    }
    assert {one.resource.type for one in found.resources} == {"EC2", "RDS"}


def test_spot_instances_whose_requests_are_not_known_are_left_alone(asking: Asking, as_agent: Aws) -> None:
    as_agent.set_faults("deny=ec2:DescribeSpotInstanceRequests")
    found = looked(asking(tags=(OFFICE,), types=("EC2",)))
    assert found.gaps == {"ec2.spot_requests": "access denied (ec2:DescribeSpotInstanceRequests)"}
    kinds = [one.resource.kind for one in found.resources if one.resource.name.startswith("office-spot")]
    assert [kind.spot for kind in kinds if isinstance(kind, Instance)] == ["one-time", "one-time"]


def test_throttling_is_waited_out(asking: Asking, as_agent: Aws) -> None:
    as_agent.set_faults("throttle=ec2:DescribeInstances:2")
    found = looked(asking(tags=(OFFICE,), types=("EC2",)))
    assert found.gaps == {}
    assert found.resources


def test_stop_protection_that_may_not_be_asked_for_is_a_gap_and_no_more(asking: Asking, as_agent: Aws) -> None:
    as_agent.set_faults("deny=ec2:DescribeInstanceAttribute")
    found = looked(asking(tags=(OFFICE,), types=("EC2",)))
    assert found.gaps == {"ec2.stop_protection": "access denied (ec2:DescribeInstanceAttribute)"}
    assert len(found.resources) > 40


def test_an_account_that_does_not_let_us_in_is_a_failure_without_its_external_id(as_agent: Aws, asking: Asking) -> None:
    account = as_agent.accounts[0]
    wrong = Target(account["account_id"], account["schedule_role_arn"], "fp-wrong")
    answer = answered(asking(target=wrong))
    assert isinstance(answer, Failed)
    assert answer.reason.endswith("role/FieldpostSchedule: access denied (sts:AssumeRole)")


def test_a_region_that_answers_nothing_in_time_is_a_failure_and_no_empty_region(asking: Asking, as_agent: Aws) -> None:
    as_agent.set_faults(latency_ms=1000)
    answer = answered(asking(tags=(OFFICE,), deadline_s=0.2))
    assert isinstance(answer, Failed)
    assert "deadline" in answer.reason


@pytest.mark.parametrize("ahead_s", [0, 420, -420])
def test_the_clock_of_this_host_is_compared_with_that_of_aws(asking: Asking, ahead_s: int) -> None:
    def now() -> datetime:
        return utc_now() + timedelta(seconds=ahead_s)

    assert abs(looked(asking(types=("RDS",)), now=now).skew_s - ahead_s) < 60
