import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pytest

from agent.aws.catalogue import Book, Factor, Result
from agent.aws.collections import COLLECTIONS
from agent.aws.messages import Target
from agent.aws.readings import METRICS
from agent.aws.session import Access, AccountError, entered, own
from agent.aws.snapshot import Series, Snapshot, series
from agent.aws.sweep import Found, Looking, Shared, items_of, needed, sweep, waves
from tests.standins.aws.launch import Aws

REGION = "eu-west-1"


def nothing(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    del snapshot, book
    return ()


def cpu(look: Snapshot) -> list[Series]:
    return [
        series("AWS/EC2", "CPUUtilization", "Maximum", days=14, InstanceId=one["InstanceId"])
        for one in look.of("ec2.instances")
    ]


def reading(*collections: str, measured: bool = False) -> Factor:
    return Factor(
        key="TEST",
        number=1,
        category="Cleaner",
        service="EC2",
        kind="DELETE",
        title="Reads",
        collections=collections,
        estimate=nothing,
        metrics=cpu if measured else None,
    )


@pytest.fixture
def access(as_agent: Aws) -> Iterator[Access]:
    account = as_agent.accounts[0]
    with own() as through, entered(through, target(as_agent), REGION) as entering:
        as_agent.calls()
        assert account["account_id"]
        yield entering


def target(aws: Aws, role: str = "role_arn") -> Target:
    account = aws.accounts[0]
    return Target(account["account_id"], account[role], account["external_id"])


def look(
    access: Access,
    *factors: Factor,
    region: str = REGION,
    within_s: float = 60.0,
    shared: Shared | None = None,
    found: Found | None = None,
) -> Snapshot:
    at, ends = datetime.now(UTC), time.monotonic() + within_s
    return sweep(access, "111122223333", region, factors, at=at, home=False, ends=ends, shared=shared, found=found)


def of_two(look: Snapshot) -> list[str]:
    return sorted(str(one["SnapshotId"]) for one in look.of("ec2.snapshots"))[:2]


def test_a_wave_needs_only_what_the_waves_before_it_have_read() -> None:
    every = needed([reading(*COLLECTIONS)], home=True)
    done: set[str] = set()
    for wave in waves(every):
        assert {one.per for one in wave if one.per} <= done
        done |= {one.name for one in wave}
    assert done == set(COLLECTIONS)


def test_what_a_collection_is_made_from_is_read_though_no_factor_names_it() -> None:
    assert set(needed([reading("s3.parts")], home=True)) == {"s3.parts", "s3.uploads", "s3.buckets"}


def test_what_belongs_to_no_region_is_read_at_home_alone() -> None:
    assert needed([reading("savingsplans.plans")], home=False) == {}


def test_a_list_in_a_list_is_one_list_and_an_object_is_a_list_of_one() -> None:
    page = {"Reservations": [{"Instances": [{"Id": 1}, {"Id": 2}]}, {"Instances": [{"Id": 3}]}], "Table": {"Name": "t"}}
    assert items_of(page, "Reservations[].Instances[]") == [{"Id": 1}, {"Id": 2}, {"Id": 3}]
    assert items_of(page, "Table") == [{"Name": "t"}]
    assert items_of(page, "Nothing[]") == []


def test_of_what_is_asked_last_the_dearest_come_first_and_what_needs_too_many_calls_not_at_all() -> None:
    uploads = [{"Bucket": "full", "Key": "k", "UploadId": str(number)} for number in range(301)]
    uploads += [{"Bucket": "small", "Key": "k", "UploadId": f"s{number}"} for number in range(200)]
    uploads += [{"Bucket": "dear", "Key": "k", "UploadId": f"d{number}"} for number in range(200)]
    with own() as access:
        looking = Looking(access, "111122223333", REGION, datetime.now(UTC), 0.0, resources={"s3.uploads": uploads})
        worth = {"full": 90.0, "dear": 20.0, "small": 10.0, "none": 5.0}
        looking.ask([COLLECTIONS["s3.parts"]], lambda _: worth)
        looking.end()
    assert looking.asked == {"s3.parts": frozenset({"dear"})}


@pytest.mark.slow
class TestWithAws:
    def test_two_factors_that_read_the_same_cost_one_call(self, access: Access) -> None:
        found = look(access, reading("ec2.volumes", "ec2.instances"), reading("ec2.instances", "ec2.snapshots"))
        assert found.gaps == {}
        assert len(found.of("ec2.instances")) > 20
        assert access.calls <= 5  # one each, and what had been asked of STS
        assert all(one["OwnerId"] == "111122223333" for one in found.of("ec2.snapshots"))

    def test_metrics_are_asked_in_few_calls_and_only_what_has_datapoints_has_a_reading(self, access: Access) -> None:
        before = access.calls
        found = look(access, reading("ec2.instances", measured=True))
        assert access.calls - before == 2
        measured = [one for one in found.readings if one.stat == "Maximum"]
        assert 0 < len(measured) <= len(found.of("ec2.instances"))
        assert all(found.readings[one].samples > 0 for one in measured)

    def test_a_collection_that_is_denied_is_a_gap_and_so_is_what_is_made_from_it(
        self, access: Access, as_agent: Aws
    ) -> None:
        as_agent.set_faults("deny=rds:DescribeDBInstances")
        found = look(access, reading("rds.instances", "rds.orderable", "ec2.volumes"))
        assert found.gaps == {
            "rds.instances": "access denied (rds:DescribeDBInstances)",
            "rds.orderable": "needs rds.instances: access denied (rds:DescribeDBInstances)",
        }
        assert found.of("ec2.volumes")

    def test_throttling_is_waited_out(self, access: Access, as_agent: Aws) -> None:
        as_agent.set_faults("throttle=ec2:DescribeVolumes:2")
        found = look(access, reading("ec2.volumes"))
        assert found.gaps == {}
        assert found.of("ec2.volumes")

    def test_throttling_without_end_is_a_gap_that_says_so(self, access: Access, as_agent: Aws) -> None:
        as_agent.set_faults("throttle=ec2:DescribeVolumes")
        gap = look(access, reading("ec2.volumes"), within_s=120).gaps["ec2.volumes"]
        assert gap.startswith("throttled by AWS (ec2:DescribeVolumes")

    def test_metrics_that_are_denied_are_a_gap_of_their_own(self, access: Access, as_agent: Aws) -> None:
        as_agent.set_faults("deny=cloudwatch:GetMetricData")
        found = look(access, reading("ec2.instances", measured=True))
        assert found.gaps == {METRICS: "access denied (cloudwatch:GetMetricData)"}
        assert found.of("ec2.instances")

    def test_a_region_that_the_organisation_denies_says_so(self, access: Access, as_agent: Aws) -> None:
        as_agent.set_faults("scp=eu-central-1")
        gap = look(access, reading("ec2.volumes"), region="eu-central-1").gaps["ec2.volumes"]
        assert gap == "denied by a service control policy of the organisation (ec2:DescribeVolumes)"

    def test_what_is_not_there_when_the_time_is_over_is_a_gap(self, access: Access, as_agent: Aws) -> None:
        as_agent.set_faults(latency_ms=1500)
        found = look(access, reading("ec2.volumes"), within_s=0.2)
        assert found.gaps == {"ec2.volumes": "not read before the deadline of the scan"}

    def test_a_collection_made_from_another_has_what_it_was_asked_with(self, access: Access) -> None:
        found = look(access, reading("rds.orderable", "dynamodb.tables"))
        versions = {one["EngineVersion"] for one in found.of("rds.instances")}
        assert {one["EngineVersion"] for one in found.of("rds.orderable")} <= versions
        assert found.gaps == {}

    def test_what_aws_tells_of_one_a_call_is_asked_last_and_only_of_what_would_be_found(self, access: Access) -> None:
        before = access.calls
        found = look(access, reading("ec2.snapshot_shares"), found=lambda look: dict.fromkeys(of_two(look), 5.0))
        assert access.calls - before <= 4
        assert found.asked == {"ec2.snapshot_shares": frozenset(of_two(found))}
        assert {one["SnapshotId"] for one in found.of("ec2.snapshot_shares")} == set(of_two(found))

    def test_what_is_the_same_in_every_region_is_asked_for_once(self, access: Access) -> None:
        shared: Shared = {}
        first = look(access, reading("savingsplans.plans", "ec2.instance_types"), shared=shared)
        before = access.calls
        second = look(access, reading("savingsplans.plans", "ec2.instance_types"), region="eu-central-1", shared=shared)
        assert access.calls - before <= 3  # what the region offers, and families that only this one has
        assert second.of("savingsplans.plans") == first.of("savingsplans.plans")
        assert len(second.of("ec2.instance_types")) >= len(first.of("ec2.instance_types"))

    def test_an_account_that_is_another_one_is_refused(self, as_agent: Aws) -> None:
        wrong = Target("999999999999", target(as_agent).role_arn, target(as_agent).external_id)
        with own() as through, pytest.raises(AccountError, match="account 111122223333; expected 999999999999"):
            entered(through, wrong, REGION)

    def test_a_role_that_does_not_let_us_in_is_named_and_its_external_id_is_not(self, as_agent: Aws) -> None:
        wrong = Target("111122223333", target(as_agent).role_arn, "fp-wrong-secret")
        with own() as through, pytest.raises(AccountError) as refused:
            entered(through, wrong, REGION)
        assert str(refused.value).endswith("role/FieldpostScan: access denied (sts:AssumeRole)")
        assert "fp-wrong-secret" not in repr(wrong)
