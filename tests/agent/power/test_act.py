"""The child process whole, against the AWS stand-in: what is refused, throttled, short or late, and what it costs."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from agent.aws.child import AskingError
from agent.aws.messages import Target
from agent.aws.session import Access, assume, own
from agent.power.asking import switch
from agent.power.messages import Call, Switched, SwitchRequest
from agent.power.resource import SIZES_TAG, Sizes
from common.wire_aws import Action
from tests.standins.aws.launch import Aws, start_aws

pytestmark = pytest.mark.slow
REGION = "eu-west-1"
IMAGE = "ami-0a1b2c3d4e5f60001"
OFFICE = {"Schedule": "office"}


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    started = start_aws(tmp_path_factory.mktemp("aws"), "--no-estate", "--transition-ms", 50)
    yield started
    started.process.stop()


@pytest.fixture
def aws(standin: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in standin.environment.items():
        monkeypatch.setenv(name, value)
    yield standin
    standin.set_faults()


@pytest.fixture
def admin(aws: Aws) -> Iterator[Access]:
    """Whoever plants: everything is allowed to it."""
    account = aws.accounts[0]
    with own() as through, assume(through, Target(account["account_id"], account["admin_role_arn"]), REGION) as access:
        yield access


@pytest.fixture
def ec2(admin: Access) -> Any:
    return admin.client("ec2", REGION)


def launch(ec2: Any, count: int = 1, *, tags: Mapping[str, str] = OFFICE, **more: Any) -> list[str]:
    labels = [{"Key": key, "Value": value} for key, value in tags.items()]
    given = ec2.run_instances(
        ImageId=IMAGE,
        MinCount=count,
        MaxCount=count,
        TagSpecifications=[{"ResourceType": "instance", "Tags": labels}] if labels else [],
        **{"InstanceType": "m5.large", **more},
    )
    return [one["InstanceId"] for one in given["Instances"]]


def states(ec2: Any, ids: Sequence[str]) -> Counter[str]:
    """Once nothing moves any more."""
    while True:
        pages = ec2.get_paginator("describe_instances").paginate(InstanceIds=list(ids))
        found = [one["State"]["Name"] for page in pages for group in page["Reservations"] for one in group["Instances"]]
        if not {"pending", "stopping"} & set(found):
            return Counter(found)
        time.sleep(0.05)


def target(aws: Aws) -> Target:
    account = aws.accounts[0]
    return Target(account["account_id"], account["schedule_role_arn"], account["schedule_external_id"])


def switched(aws: Aws, calls: Sequence[Call], *, deadline_s: float = 60.0) -> list[Switched]:
    """Every answer, and none twice; what the stand-in counted is of this alone."""
    request = SwitchRequest(target(aws), REGION, tuple(calls), deadline_s=deadline_s)

    async def all_of_it() -> list[Switched]:
        async with aclosing(switch(request)) as answers:
            return [one async for one in answers]

    aws.calls()
    said = asyncio.run(all_of_it())
    assert Counter((one.resource, one.action) for one in said) == Counter(
        (call.resource, call.action) for call in calls
    )
    return said


def made(aws: Aws, operation: str) -> int:
    return int(aws.calls()["by_operation"].get(operation, 0))


def calls_of(ids: Sequence[str], action: Action = "STOP", **more: Any) -> list[Call]:
    return [Call(name, "EC2", action, **more) for name in ids]


def refusals(said: Sequence[Switched]) -> dict[str, str]:
    return {one.resource: one.code for one in said if one.outcome == "refused"}


def terminated(ec2: Any) -> str:
    (name,) = launch(ec2)
    ec2.terminate_instances(InstanceIds=[name])
    return name


ONE_BAD: Mapping[str, tuple[Callable[[Any], str], str]] = {
    "that is not there": (lambda _: "i-0123456789abcdef0", "InvalidInstanceID.NotFound"),
    "that is no id": (lambda _: "office-1", "InvalidInstanceID.Malformed"),
    "that is protected": (lambda ec2: launch(ec2, DisableApiStop=True)[0], "OperationNotPermitted"),
    "that is terminated": (terminated, "IncorrectInstanceState"),
    "without the tag of the policy": (lambda ec2: launch(ec2, tags={})[0], "UnauthorizedOperation"),
}


@pytest.mark.parametrize("which", ONE_BAD)
def test_one_of_forty_is_refused_and_the_others_are_stopped_in_two_calls(aws: Aws, ec2: Any, which: str) -> None:
    plant, code = ONE_BAD[which]
    good, bad = launch(ec2, 39), plant(ec2)
    said = switched(aws, calls_of([*good[:17], bad, *good[17:]]))
    assert made(aws, "ec2:StopInstances") == 2
    assert refusals(said) == {bad: code}
    assert states(ec2, good) == {"stopped": 39}


def test_one_of_forty_without_capacity_which_no_refusal_names_costs_ten_calls_at_most(aws: Aws, ec2: Any) -> None:
    good, (short,) = launch(ec2, 39), launch(ec2, InstanceType="p3.2xlarge")
    forty = [*good[:3], short, *good[3:]]
    switched(aws, calls_of(forty))
    assert states(ec2, forty) == {"stopped": 40}
    aws.set_faults("capacity=p3.2xlarge")
    said = switched(aws, calls_of(forty, "START", zone=f"{REGION}a"))
    assert made(aws, "ec2:StartInstances") <= 10
    assert refusals(said) == {short: "InsufficientInstanceCapacity"}
    assert states(ec2, forty) == {"running": 39, "stopped": 1}


def test_several_bad_ones_of_different_kinds_keep_nobody_from_being_stopped(aws: Aws, ec2: Any) -> None:
    good, kinds = launch(ec2, 20), list(ONE_BAD.values())
    bad = {plant(ec2): code for plant, code in kinds}
    said = switched(aws, calls_of([*bad, *good]))
    assert made(aws, "ec2:StopInstances") == 1 + len(bad)
    assert refusals(said) == bad
    assert states(ec2, good) == {"stopped": 20}


def test_a_hundred_and_twenty_are_stopped_in_three_calls(aws: Aws, ec2: Any) -> None:
    ids = launch(ec2, 120)
    said = switched(aws, calls_of(ids))
    assert made(aws, "ec2:StopInstances") == 3
    assert {one.outcome for one in said} == {"accepted"}
    assert states(ec2, ids) == {"stopped": 120}


def test_throttling_is_waited_out_and_costs_one_call_each_time(aws: Aws, ec2: Any) -> None:
    ids = launch(ec2, 3)
    aws.set_faults("throttle=ec2:StopInstances:2")
    assert refusals(switched(aws, calls_of(ids))) == {}
    assert made(aws, "ec2:StopInstances") == 3
    assert states(ec2, ids) == {"stopped": 3}


def test_a_failure_of_aws_itself_is_tried_three_times_and_no_reason_to_take_a_batch_apart(aws: Aws, ec2: Any) -> None:
    ids = launch(ec2, 8)
    aws.set_faults("error=ec2:StopInstances:InternalError:2")
    assert refusals(switched(aws, calls_of(ids))) == {}
    assert made(aws, "ec2:StopInstances") == 3


def test_what_concerns_everybody_is_said_of_everybody_after_one_call(aws: Aws, ec2: Any) -> None:
    ids = launch(ec2, 8)
    aws.set_faults("error=ec2:StopInstances:AuthFailure")
    assert refusals(switched(aws, calls_of(ids))) == dict.fromkeys(ids, "AuthFailure")
    assert made(aws, "ec2:StopInstances") == 1


def test_a_service_that_is_throttled_for_good_holds_up_no_other(aws: Aws, ec2: Any) -> None:
    ids = launch(ec2, 3)
    aws.set_faults("throttle=rds:StartDBInstance")
    ec2.stop_instances(InstanceIds=ids)
    assert states(ec2, ids) == {"stopped": 3}
    said = switched(aws, [Call("db", "RDS", "START"), *calls_of(ids, "START")], deadline_s=8)
    assert refusals(said) == {"db": "Throttling"}
    assert states(ec2, ids) == {"running": 3}


def test_at_the_deadline_whoever_has_had_no_turn_is_told_so(aws: Aws) -> None:
    calls = [Call(f"nobody-{number}", "RDS", "STOP") for number in range(30)]
    codes = Counter(refusals(switched(aws, calls, deadline_s=8)).values())
    assert set(codes) == {"AccessDenied", "Deadline"}
    assert made(aws, "rds:StopDBInstance") == codes["AccessDenied"] <= 18


def test_what_cannot_hibernate_is_stopped_all_the_same(aws: Aws, ec2: Any) -> None:
    able = launch(ec2, 2, HibernationOptions={"Configured": True})
    unable = launch(ec2, 3)
    said = switched(aws, calls_of([*able, *unable], hibernate=True))
    assert refusals(said) == {}
    assert states(ec2, [*able, *unable]) == {"stopped": 5}
    plain = {one.resource for one in said if "without hibernation" in one.detail}
    assert plain == set(unable)


def test_a_start_that_fails_for_want_of_a_grant_is_accepted_and_stopped_again(aws: Aws, ec2: Any) -> None:
    ids = launch(ec2, 2)
    ec2.stop_instances(InstanceIds=ids)
    assert states(ec2, ids) == {"stopped": 2}
    aws.set_faults(f"kms={ids[0]}")
    assert refusals(switched(aws, calls_of(ids, "START"))) == {}
    assert states(ec2, ids) == {"running": 1, "stopped": 1}


class TestDryRun:
    def test_instances_are_asked_of_ec2_and_nothing_moves(self, aws: Aws, ec2: Any) -> None:
        good, (bare,) = launch(ec2, 5), launch(ec2, tags={})
        said = switched(aws, calls_of([*good, bare], dry_run=True))
        assert made(aws, "ec2:StopInstances") == 2
        assert refusals(said) == {bare: "UnauthorizedOperation"}
        assert {one.outcome for one in said if one.resource != bare} == {"would_work"}
        assert states(ec2, [*good, bare]) == {"running": 6}

    def test_databases_and_groups_are_proven_by_the_policies_of_the_role(self, aws: Aws) -> None:
        arn = f"arn:aws:rds:{REGION}:111122223333:db:any"
        said = switched(
            aws,
            [
                Call("with-tag", "RDS", "STOP", dry_run=True, arn=arn, tags=OFFICE),
                Call("without", "RDS", "STOP", dry_run=True, arn=arn, tags={"env": "test"}),
                Call("unknown", "RDS", "STOP", dry_run=True),
                Call("group", "ASG", "STOP", dry_run=True, arn=arn, tags=OFFICE),
                Call("group-start", "ASG", "START", dry_run=True, arn=arn),
            ],
        )
        assert {one.resource: (one.outcome, one.code) for one in said} == {
            "with-tag": ("would_work", ""),
            "without": ("refused", "AccessDenied"),
            "unknown": ("unproven", ""),
            "group": ("would_work", ""),
            "group-start": ("refused", "AccessDenied"),
        }
        assert set(aws.calls()["by_operation"]) == {
            "sts:AssumeRole",
            "sts:GetCallerIdentity",
            "iam:SimulatePrincipalPolicy",
        }

    def test_without_the_right_to_simulate_it_stays_unproven(self, aws: Aws) -> None:
        aws.set_faults("deny=iam:SimulatePrincipalPolicy")
        (said,) = switched(aws, [Call("db", "RDS", "STOP", dry_run=True, arn="arn:aws:rds:x", tags=OFFICE)])
        assert (said.outcome, said.detail) == ("unproven", "access denied (iam:SimulatePrincipalPolicy)")


class TestGroups:
    @pytest.fixture
    def group(self, admin: Access) -> Iterator[str]:
        api = admin.client("autoscaling", REGION)
        api.create_launch_configuration(LaunchConfigurationName="office", ImageId=IMAGE, InstanceType="m5.large")
        api.create_auto_scaling_group(
            AutoScalingGroupName="office", LaunchConfigurationName="office", MinSize=1, MaxSize=5, DesiredCapacity=2,
            AvailabilityZones=[f"{REGION}a"],
            Tags=[{"Key": "Schedule", "Value": "office", "PropagateAtLaunch": True}],
        )  # fmt: skip
        yield "office"
        api.delete_auto_scaling_group(AutoScalingGroupName="office", ForceDelete=True)
        api.delete_launch_configuration(LaunchConfigurationName="office")

    def test_sizes_are_noted_before_they_are_taken_away_and_are_given_back(
        self, aws: Aws, admin: Access, group: str
    ) -> None:
        (said,) = switched(aws, [Call(group, "ASG", "STOP")])
        assert (said.outcome, said.detail) == ("accepted", "its sizes were 1/2/5")
        assert described(admin, group) == (Sizes(0, 0, 0), "1/2/5")
        (said,) = switched(aws, [Call(group, "ASG", "STOP")])
        assert (said.outcome, said.detail) == ("accepted", "its sizes were 0/0/0")
        assert described(admin, group) == (Sizes(0, 0, 0), "1/2/5")
        (said,) = switched(aws, [Call(group, "ASG", "START", sizes=Sizes(1, 2, 5))])
        assert said.outcome == "accepted"
        assert described(admin, group) == (Sizes(1, 2, 5), None)

    def test_sizes_that_cannot_be_noted_are_not_taken_away(self, aws: Aws, admin: Access, group: str) -> None:
        aws.set_faults("deny=autoscaling:CreateOrUpdateTags")
        (said,) = switched(aws, [Call(group, "ASG", "STOP")])
        assert (said.outcome, said.code) == ("refused", "AccessDenied")
        assert said.detail == "access denied (autoscaling:CreateOrUpdateTags)"
        assert described(admin, group) == (Sizes(1, 2, 5), None)

    def test_a_tag_that_cannot_be_taken_off_keeps_no_group_from_starting(
        self, aws: Aws, admin: Access, group: str
    ) -> None:
        switched(aws, [Call(group, "ASG", "STOP")])
        aws.set_faults("deny=autoscaling:DeleteTags")
        (said,) = switched(aws, [Call(group, "ASG", "START", sizes=Sizes(1, 2, 5))])
        assert said.outcome == "accepted"
        assert said.detail.endswith(f"its tag {SIZES_TAG} stays: access denied (autoscaling:DeleteTags)")
        assert described(admin, group) == (Sizes(1, 2, 5), "1/2/5")

    def test_without_sizes_nothing_is_started_and_a_group_that_is_gone_is_said_to_be(
        self, aws: Aws, group: str
    ) -> None:
        said = switched(aws, [Call(group, "ASG", "START"), Call("gone", "ASG", "STOP")])
        assert refusals(said) == {group: "SizesUnknown", "gone": "NotFound"}

    def test_a_group_that_is_moving_is_left_for_another_try(self, aws: Aws, admin: Access, group: str) -> None:
        aws.set_faults("error=autoscaling:UpdateAutoScalingGroup:ScalingActivityInProgress")
        assert refusals(switched(aws, [Call(group, "ASG", "STOP")])) == {group: "ScalingActivityInProgress"}
        assert described(admin, group)[0] == Sizes(1, 2, 5)


def described(admin: Access, name: str) -> tuple[Sizes, str | None]:
    api = admin.client("autoscaling", REGION)
    (group,) = api.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    tags = {tag["Key"]: tag["Value"] for tag in group["Tags"]}
    return Sizes(group["MinSize"], group["DesiredCapacity"], group["MaxSize"]), tags.get(SIZES_TAG)


class TestDatabases:
    @pytest.fixture
    def rds(self, admin: Access) -> Any:
        return admin.client("rds", REGION)

    def test_instances_and_clusters_are_stopped_and_started_each_by_itself(self, aws: Aws, rds: Any) -> None:
        tags = [{"Key": "Schedule", "Value": "office"}]
        owner = {"MasterUsername": "owner", "MasterUserPassword": "long-enough"}
        rds.create_db_instance(
            DBInstanceIdentifier="single", Engine="mysql", DBInstanceClass="db.m5.large", AllocatedStorage=20,
            Tags=tags, **owner,
        )  # fmt: skip
        rds.create_db_cluster(DBClusterIdentifier="aurora", Engine="aurora-mysql", Tags=tags, **owner)
        rds.create_db_instance(
            DBInstanceIdentifier="member", Engine="aurora-mysql", DBInstanceClass="db.r5.large",
            DBClusterIdentifier="aurora", Tags=tags,
        )  # fmt: skip
        both = [Call("single", "RDS", "STOP"), Call("aurora", "RDS", "STOP", cluster=True)]
        said = switched(aws, [*both, Call("member", "RDS", "STOP")])
        assert refusals(said) == {"member": "InvalidParameterCombination"}
        self.settle(rds, "stopped")
        (again,) = switched(aws, both[:1])
        assert again.code == "InvalidDBInstanceState"
        switched(aws, [Call("single", "RDS", "START"), Call("aurora", "RDS", "START", cluster=True)])
        self.settle(rds, "available")

    @staticmethod
    def settle(rds: Any, state: str) -> None:
        for _ in range(200):
            single = rds.describe_db_instances(DBInstanceIdentifier="single")["DBInstances"][0]["DBInstanceStatus"]
            cluster = rds.describe_db_clusters(DBClusterIdentifier="aurora")["DBClusters"][0]["Status"]
            if (single, cluster) == (state, state):
                return
            time.sleep(0.05)
        raise AssertionError(f"still {single} and {cluster}; expected {state}")


def test_a_role_that_cannot_be_assumed_is_said_once_and_nothing_is_called(aws: Aws) -> None:
    account = aws.accounts[0]
    wrong = Target(account["account_id"], account["schedule_role_arn"], "fp-wrong")

    async def asked() -> None:
        async with aclosing(switch(SwitchRequest(wrong, REGION, tuple(calls_of(["i-0123456789abcdef0"]))))) as answers:
            async for _ in answers:
                pytest.fail("nothing can be said of a single call")

    aws.calls()
    with pytest.raises(AskingError, match="access denied") as refused:
        asyncio.run(asked())
    assert "fp-wrong" not in str(refused.value)
    assert set(aws.calls()["by_operation"]) == {"sts:AssumeRole"}
