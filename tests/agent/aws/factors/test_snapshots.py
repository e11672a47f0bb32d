"""EBS snapshots and images: what nothing needs, and everything that something does need."""

import pytest

from agent.aws.factors import catalogue
from agent.aws.snapshot import Resource, Snapshot
from tests.agent.aws.builders import NO_PRICES, ago, ebs_snapshot, found, image, instance, snapshot, undecided, volume

CLEANUP = catalogue()["SNAPSHOT_CLEANUP"]
ARCHIVE = catalogue()["SNAPSHOT_ARCHIVE"]
IMAGES = catalogue()["UNUSED_AMI_CLEANUP"]
GIB = 1024**3
MAPPED = {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": "snap-1"}}]}


def of(*snapshots: Resource, **more: list[Resource]) -> Snapshot:
    named = {name.replace("_", ".", 1): items for name, items in more.items()}
    return snapshot({"ec2.snapshots": list(snapshots), **named})


def tag(key: str, value: str = "true") -> list[dict[str, str]]:
    return [{"Key": key, "Value": value}]


def test_the_only_snapshot_of_a_lost_volume_frees_all_of_it_and_is_a_risk() -> None:
    one = found(CLEANUP, of(ebs_snapshot(StartTime=ago(30))))["snap-1"]
    assert one.savings == pytest.approx(5.0)
    assert one.risk == "HIGH"
    assert one.metadata["chainPosition"] == "1 of 1"


def test_an_older_one_of_the_chain_frees_half_of_what_was_written() -> None:
    look = of(
        ebs_snapshot("snap-old", StartTime=ago(200), FullSnapshotSizeInBytes=40 * GIB),
        ebs_snapshot("snap-new", StartTime=ago(100), FullSnapshotSizeInBytes=60 * GIB),
    )
    both = found(CLEANUP, look)
    assert {name: one.savings for name, one in both.items()} == pytest.approx({"snap-old": 1.0, "snap-new": 3.0})
    assert both["snap-old"].risk == "MEDIUM"
    assert both["snap-old"].metadata["savingsUpper"] == pytest.approx(2.0)


def test_a_name_that_only_contains_a_word_of_keeping_keeps_nothing() -> None:
    assert found(CLEANUP, of(ebs_snapshot(Tags=tag("Name", "bookkeeping-data"))))
    assert found(CLEANUP, of(ebs_snapshot(Tags=tag("keep", "no"))))


def test_of_a_living_volume_a_snapshot_goes_after_a_year_when_there_is_a_newer_one() -> None:
    old, new = (
        ebs_snapshot("snap-old", "vol-1", StartTime=ago(365)),
        ebs_snapshot("snap-new", "vol-1", StartTime=ago(1)),
    )
    assert set(found(CLEANUP, of(old, new, ec2_volumes=[volume()]))) == {"snap-old"}
    assert not found(CLEANUP, of(old, ec2_volumes=[volume()]))
    young = {**old, "StartTime": ago(364)}
    assert not found(CLEANUP, of(young, new, ec2_volumes=[volume()]))


@pytest.mark.parametrize(
    "left_alone",
    [
        ebs_snapshot(StartTime=ago(29)),
        ebs_snapshot(OwnerId="999900001111"),
        ebs_snapshot(State="pending"),
        ebs_snapshot(StorageTier="archive"),
        ebs_snapshot(VolumeId="vol-ffffffff"),
        ebs_snapshot(Description="This snapshot is created by the AWS Backup service."),
        ebs_snapshot(Description="Created for policy: policy-0123456789 schedule: Daily"),
        ebs_snapshot(Tags=tag("aws:backup:source-resource", "x")),
        ebs_snapshot(Tags=tag("aws:dlm:lifecycle-policy-id", "policy-1")),
        ebs_snapshot(Tags=tag("retain")),
        ebs_snapshot(Tags=tag("purpose", "legal-hold")),
        ebs_snapshot(Tags=tag("fieldpost:exclude", "SNAPSHOT_CLEANUP,IDLE_EC2")),
    ],
)
def test_snapshots_that_are_young_kept_or_somebody_elses_are_left_alone(left_alone: Resource) -> None:
    assert not found(CLEANUP, of(left_alone))


@pytest.mark.parametrize(
    "more",
    [
        {"ec2_images": [image(snapshots=["snap-1"])]},
        {"ec2_images": [image(snapshots=["snap-1"], State="disabled")]},
        {"ec2_launch_template_versions": [{"LaunchTemplateId": "lt-1", "LaunchTemplateData": MAPPED}]},
        {"autoscaling_launch_configurations": [{"LaunchConfigurationName": "lc-1", **MAPPED}]},
        {"ec2_locked_snapshots": [{"SnapshotId": "snap-1", "LockState": "compliance"}]},
        {"ec2_snapshot_shares": [{"SnapshotId": "snap-1", "CreateVolumePermissions": [{"UserId": "999900001111"}]}]},
        {"ec2_snapshot_shares": [{"SnapshotId": "snap-1", "CreateVolumePermissions": [{"Group": "all"}]}]},
    ],
)
def test_snapshots_that_something_refers_to_are_left_alone(more: dict[str, list[Resource]]) -> None:
    assert not found(CLEANUP, of(ebs_snapshot(), **more))


def test_where_locks_could_not_be_read_the_trust_is_lower() -> None:
    look = snapshot({"ec2.snapshots": [ebs_snapshot()]}, gaps={"ec2.locked_snapshots": "AccessDenied"})
    assert found(CLEANUP, look)["snap-1"].confidence == "MEDIUM"


def test_a_snapshot_without_a_price_is_found_with_unknown_savings() -> None:
    assert found(CLEANUP, of(ebs_snapshot()), NO_PRICES)["snap-1"].savings is None


# --- archive -------------------------------------------------------------------------------------------------------

KEPT = ebs_snapshot(Tags=tag("compliance", "7y"), FullSnapshotSizeInBytes=80 * GIB, StartTime=ago(90))


def test_a_snapshot_that_is_kept_for_good_is_cheaper_in_the_archive() -> None:
    one = found(ARCHIVE, of(KEPT))["snap-1"]
    assert one.savings == pytest.approx(80 * 0.0375)
    assert one.risk == "LOW"


@pytest.mark.parametrize(
    "look",
    [
        of({**KEPT, "StartTime": ago(89)}),
        of({**KEPT, "Tags": []}),
        of({**KEPT, "StorageTier": "archive"}),
        of(KEPT, ebs_snapshot("snap-2")),
        of(KEPT, ec2_images=[image(snapshots=["snap-1"])]),
        of({**KEPT, "Tags": [*KEPT["Tags"], *tag("fieldpost:exclude", "all")]}),
    ],
)
def test_snapshots_that_are_young_shared_in_a_chain_or_needed_stay_where_they_are(look: Snapshot) -> None:
    assert not found(ARCHIVE, look)


def test_without_its_full_size_a_kept_snapshot_is_not_judged() -> None:
    look = of({**KEPT, "FullSnapshotSizeInBytes": None})
    assert not found(ARCHIVE, look)
    assert "full size" in undecided(ARCHIVE, look)["snap-1"]


# --- images --------------------------------------------------------------------------------------------------------


def shelf(one: Resource, **more: list[Resource]) -> Snapshot:
    return of(ebs_snapshot(), ec2_images=[one], **more)


def test_an_image_that_nothing_launches_costs_its_snapshots() -> None:
    one = found(IMAGES, shelf(image(snapshots=["snap-1"], CreationDate=f"{ago(90):%Y-%m-%dT%H:%M:%S.000Z}")))["ami-1"]
    assert one.savings == pytest.approx(5.0)
    assert one.metadata["snapshotIds"] == ["snap-1"]


@pytest.mark.parametrize(
    "fields",
    [
        {"CreationDate": f"{ago(89):%Y-%m-%dT%H:%M:%S.000Z}"},
        {"LastLaunchedTime": f"{ago(89):%Y-%m-%dT%H:%M:%SZ}"},
        {"Public": True},
        {"OwnerId": "999900001111"},
        {"State": "disabled"},
        {"DeregistrationProtection": "enabled-without-cooldown"},
        {"Name": "golden-2024"},
        {"Tags": tag("aws:backup:source-resource", "x")},
        {"Tags": tag("keep")},
        {"Tags": tag("fieldpost:exclude", "UNUSED_AMI_CLEANUP")},
    ],
)
def test_images_that_are_young_shared_protected_or_meant_to_stay_are_left_alone(fields: dict[str, object]) -> None:
    assert not found(IMAGES, shelf({**image(snapshots=["snap-1"]), **fields}))


@pytest.mark.parametrize(
    "more",
    [
        {"ec2_instances": [instance(State={"Name": "stopped", "Code": 80})]},
        {"ec2_launch_template_versions": [{"LaunchTemplateData": {"ImageId": "ami-1"}}]},
        {"autoscaling_launch_configurations": [{"LaunchConfigurationName": "lc", "ImageId": "ami-1"}]},
        {"ec2_image_shares": [{"ImageId": "ami-1", "LaunchPermissions": [{"UserId": "999900001111"}]}]},
    ],
)
def test_images_that_something_would_launch_are_left_alone(more: dict[str, list[Resource]]) -> None:
    assert not found(IMAGES, shelf(image(snapshots=["snap-1"]), **more))


def test_a_snapshot_that_another_image_needs_frees_nothing() -> None:
    both = [image(snapshots=["snap-1"]), image("ami-2", snapshots=["snap-1"])]
    assert not found(IMAGES, of(ebs_snapshot(), ec2_images=both))


def test_an_image_whose_snapshots_have_no_price_is_found_with_unknown_savings() -> None:
    assert found(IMAGES, shelf(image(snapshots=["snap-1"])), NO_PRICES)["ami-1"].savings is None
