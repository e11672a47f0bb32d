"""EBS volumes: unattached, with more than they need, of an older type."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.aws.catalogue import Factor
from agent.aws.factors import catalogue, ebs
from agent.aws.factors._volumes import Peak, Shape
from agent.aws.snapshot import Reading, Resource, Series, Snapshot
from tests.agent.aws.builders import (
    BOOK,
    NO_PRICES,
    PRICES,
    Book,
    ago,
    attached,
    ebs_snapshot,
    found,
    full,
    instance,
    snapshot,
    undecided,
    volume,
    wished,
)

UNATTACHED = catalogue()["UNATTACHED_EBS_CLEANUP"]
BOUGHT = catalogue()["OVER_PROVISIONED_EBS"]
GP2 = catalogue()["EBS_GP2_TO_GP3"]
IO = catalogue()["EBS_IO1_TO_GP3"]
MAGNETIC = catalogue()["EBS_MAGNETIC_TO_GP3"]
XEN: dict[str, list[Resource]] = {
    "ec2.instances": [instance(InstanceType="m4.large")],
    "ec2.instance_types": [{"InstanceType": "m4.large", "Hypervisor": "xen"}],
}


def of(*volumes: Resource, **more: list[Resource]) -> Snapshot:
    return snapshot(
        {"ec2.volumes": list(volumes), **{name.replace("_", ".", 1): items for name, items in more.items()}}
    )


def measured(factor: Factor, one: Resource, *, iops: float, mbps: float, samples: float = 20_000.0) -> Snapshot:
    """The volume with a peak of so much in a minute, half of it reads."""
    look = snapshot({"ec2.volumes": [one]})
    values: dict[Series, Reading | float] = {
        series: Reading((iops if "Ops" in series.metric else mbps * 1e6) / 2 * 60, samples)
        for series in wished(factor, look)
    }
    return snapshot({"ec2.volumes": [one]}, values)


# --- unattached ----------------------------------------------------------------------------------------------------


def test_a_volume_that_is_attached_to_nothing_for_a_week_costs_its_size() -> None:
    one = found(UNATTACHED, of(volume(CreateTime=ago(7))))["vol-1"]
    assert one.savings == pytest.approx(8.0)
    assert (one.risk, one.label, one.recommended) == ("MEDIUM", "BUNDLED", 0.0)
    assert one.cli == "aws ec2 delete-volume --volume-id vol-1 --region eu-west-1"


@pytest.mark.parametrize(
    ("fields", "savings"),
    [
        ({"VolumeType": "gp3", "Size": 100, "Iops": 5000, "Throughput": 225}, 8 + 10 + 4),
        ({"VolumeType": "gp2", "Size": 50, "Iops": 150}, 5),
        ({"VolumeType": "io1", "Size": 100, "Iops": 1000}, 12.5 + 65),
        ({"VolumeType": "io2", "Size": 100, "Iops": 70_000}, 12.5 + 0.065 * (32_000 + 32_000 * 0.7 + 6000 * 0.49)),
        ({"VolumeType": "standard", "Size": 40, "Iops": None}, 2),
    ],
)
def test_its_iops_and_throughput_are_paid_for_too(fields: dict[str, object], savings: float) -> None:
    assert found(UNATTACHED, of({**volume(), **fields}))["vol-1"].savings == pytest.approx(savings)


@pytest.mark.parametrize(
    "left_alone",
    [
        volume(CreateTime=ago(6.9)),
        attached(),
        volume(State="creating"),
        volume(MultiAttachEnabled=True),
        volume(OutpostArn="arn:aws:outposts:eu-west-1:111122223333:outpost/op-1"),
        volume(tagged={"kubernetes.io/created-for/pvc/name": "data-0"}),
        volume(tagged={"ebs.csi.aws.com/cluster": "true"}),
        volume(tagged={"fieldpost:exclude": "UNATTACHED_EBS_CLEANUP"}),
        volume(tagged={"fieldpost:exclude": "all"}),
    ],
)
def test_volumes_that_are_in_use_new_or_somebody_elses_are_left_alone(left_alone: Resource) -> None:
    assert not found(UNATTACHED, of(left_alone))


def test_a_volume_without_a_price_is_found_with_unknown_savings() -> None:
    one = found(UNATTACHED, of(volume()), NO_PRICES)["vol-1"]
    assert (one.savings, one.current, one.label) == (None, None, "UNKNOWN")


def test_a_stack_lowers_the_trust_and_production_raises_the_risk() -> None:
    look = of(volume(tagged={"aws:cloudformation:stack-name": "shop", "Environment": "Production"}))
    one = found(UNATTACHED, look)["vol-1"]
    assert (one.confidence, one.risk) == ("MEDIUM", "HIGH")


def test_the_newest_snapshot_of_the_volume_is_named() -> None:
    saves = [ebs_snapshot("snap-new", "vol-1", StartTime=ago(3)), ebs_snapshot("snap-old", "vol-1")]
    assert found(UNATTACHED, of(volume(), ec2_snapshots=saves))["vol-1"].metadata["lastSnapshotId"] == "snap-new"


# --- over-provisioned ----------------------------------------------------------------------------------------------


def test_gp3_with_twice_what_is_asked_for_goes_down_to_the_peak_and_a_fifth() -> None:
    one = found(BOUGHT, measured(BOUGHT, attached(Iops=10_000, Throughput=500), iops=4000, mbps=150))["vol-1"]
    assert one.savings == pytest.approx((10_000 - 4800) * 0.005 + (500 - 180) * 0.04)
    assert one.risk == "LOW"
    assert "--iops 4800 --throughput 180" in one.cli


def test_gp3_never_goes_below_its_base() -> None:
    one = found(BOUGHT, measured(BOUGHT, attached(Iops=6000, Throughput=125), iops=10, mbps=1))["vol-1"]
    assert one.savings == pytest.approx(15.0)


def test_gp3_at_half_of_what_was_bought_is_left_alone() -> None:
    assert not found(BOUGHT, measured(BOUGHT, attached(Iops=8000, Throughput=125), iops=4000, mbps=1))


def test_provisioned_iops_go_down_to_the_peak_and_a_fifth() -> None:
    one = found(BOUGHT, measured(BOUGHT, attached(VolumeType="io1", Iops=5000), iops=1000, mbps=1))["vol-1"]
    assert one.savings == pytest.approx(3800 * 0.065)
    assert one.risk == "MEDIUM"


def test_provisioned_iops_that_are_needed_at_the_peak_are_left_alone() -> None:
    assert not found(BOUGHT, measured(BOUGHT, attached(VolumeType="io1", Iops=5000), iops=4500, mbps=1))


def test_a_shared_volume_is_not_judged_by_one_of_its_instances() -> None:
    shared = attached(VolumeType="io2", Iops=5000, MultiAttachEnabled=True)
    assert not wished(BOUGHT, of(shared))
    assert not found(BOUGHT, of(shared))


def test_five_minute_datapoints_are_read_as_such() -> None:
    look = measured(BOUGHT, attached(Iops=10_000), iops=4500, mbps=1, samples=4032)
    assert found(BOUGHT, look)["vol-1"].evidence[0].value == pytest.approx(900)


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (of(attached(Iops=6000)), "VolumeReadOps: no datapoint"),
        (measured(BOUGHT, attached(Iops=6000), iops=1, mbps=1, samples=2000), "datapoints for 50% of 14 days"),
        (measured(BOUGHT, attached(Iops=6000, CreateTime=ago(13)), iops=1, mbps=1), "13 days old"),
        (snapshot({"ec2.volumes": [attached(Iops=6000)], **XEN}), "Xen"),
    ],
)
def test_a_peak_that_is_not_known_decides_nothing(look: Snapshot, reason: str) -> None:
    assert not found(BOUGHT, look)
    assert reason in undecided(BOUGHT, look)["vol-1"]


# --- gp2 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gib", "savings"),
    [(100, 2.0), (170, 3.4), (334, 6.68 - 5), (1000, 20 - 5), (4000, 80 - 45 - 5), (6000, 120 - 65 - 5)],
)
def test_gp2_becomes_gp3_of_the_same_iops_and_throughput(gib: int, savings: float) -> None:
    look = of(attached(VolumeType="gp2", Size=gib, Iops=max(100, 3 * gib), Throughput=None))
    one = found(GP2, look)["vol-1"]
    assert one.savings == pytest.approx(savings)
    assert (one.risk, one.metadata["measured"]) == ("LOW", False)


def test_where_the_peak_is_known_gp3_needs_no_more_than_that() -> None:
    big = attached(VolumeType="gp2", Size=4000, Iops=12_000, Throughput=None)
    assert found(GP2, measured(GP2, big, iops=3000, mbps=50))["vol-1"].savings == pytest.approx(80 - 600 * 0.005)


@pytest.mark.parametrize(
    "left_alone",
    [
        attached(),
        volume(VolumeType="gp2"),
        attached(VolumeType="gp2", Tags=[{"Key": "fieldpost:exclude", "Value": "ebs_gp2_to_gp3"}]),
    ],
)
def test_other_types_idle_ones_and_excluded_ones_are_no_gp2_to_change(left_alone: Resource) -> None:
    assert not found(GP2, of(left_alone))


def test_gp2_is_not_advised_where_nothing_is_saved() -> None:
    dear = Book({**PRICES, ("ebs", "gp3/gb"): 0.11})
    assert not found(GP2, of(attached(VolumeType="gp2", Size=100)), dear)
    assert found(GP2, of(attached(VolumeType="gp2", Size=100)), NO_PRICES)["vol-1"].savings is None


# --- io1, io2 ------------------------------------------------------------------------------------------------------


def test_provisioned_volumes_become_gp3_of_the_same_iops() -> None:
    io1 = attached(VolumeType="io1", Size=500, Iops=6000, Throughput=None)
    one = found(IO, measured(IO, io1, iops=5500, mbps=40))["vol-1"]
    assert one.savings == pytest.approx(500 * 0.045 + 6000 * 0.065 - 3000 * 0.005)
    assert one.risk == "MEDIUM"


def test_without_a_peak_all_the_throughput_is_kept() -> None:
    one = found(IO, of(attached(VolumeType="io1", Size=500, Iops=6000, Throughput=None)))["vol-1"]
    assert one.savings == pytest.approx(500 * 0.045 + 6000 * 0.065 - 3000 * 0.005 - (500 - 125) * 0.04)


@pytest.mark.parametrize(
    "left_alone",
    [
        attached(VolumeType="io1", Iops=6000, MultiAttachEnabled=True),
        attached(VolumeType="io2", Iops=6000, Tags=[{"Key": "role", "Value": "oracle"}]),
        attached(VolumeType="io2", Iops=6000, Tags=[{"Key": "Name", "Value": "orders-db-data"}]),
        attached(VolumeType="io2", Iops=100_000),
        attached(VolumeType="io2", Iops=6000, Tags=[{"Key": "fieldpost:exclude", "Value": "all"}]),
        volume(VolumeType="io1", Iops=6000),
    ],
)
def test_volumes_that_need_what_only_provisioned_ones_have_are_left_alone(left_alone: Resource) -> None:
    assert not found(IO, of(left_alone))


def test_a_demanding_io1_volume_above_32000_iops_becomes_io2() -> None:
    one = found(IO, of(attached(VolumeType="io1", Size=1000, Iops=50_000, Tags=[{"Key": "role", "Value": "database"}])))
    assert one["vol-1"].savings == pytest.approx(18_000 * 0.065 * 0.3)


# --- magnetic ------------------------------------------------------------------------------------------------------

WITH_IO = Book({**PRICES, ("ebs", "standard/io"): 0.05})


def busy(one: Resource, ops: float, mbytes: float) -> Snapshot:
    look = snapshot({"ec2.volumes": [one]})
    return snapshot(
        {"ec2.volumes": [one]},
        {of: full((ops if "Ops" in of.metric else mbytes * 1e6) / 2) for of in wished(MAGNETIC, look)},
    )


def test_a_busy_magnetic_volume_saves_its_io_on_gp3() -> None:
    one = found(MAGNETIC, busy(attached(VolumeType="standard", Size=100), 100e6, 100e6), WITH_IO)["vol-1"]
    assert one.savings == pytest.approx(100 * (730 / 24 / 14) * 0.05 - 3)
    assert "gp3" in one.action


def test_a_cold_magnetic_data_volume_saves_on_sc1() -> None:
    data = attached(VolumeType="standard", Size=500)
    data = {**data, "Attachments": [{**data["Attachments"][0], "Device": "/dev/sdf"}]}
    one = found(MAGNETIC, busy(data, 0, 100), WITH_IO)["vol-1"]
    assert one.savings == pytest.approx(500 * 0.035)
    assert "sc1" in one.action


def test_a_quiet_magnetic_volume_would_cost_more_on_gp3() -> None:
    assert not found(MAGNETIC, busy(attached(VolumeType="standard", Size=100), 1e6, 100), WITH_IO)


def test_magnetic_io_without_a_price_or_without_datapoints_is_not_free() -> None:
    assert found(MAGNETIC, busy(attached(VolumeType="standard"), 100e6, 100e6), BOOK)["vol-1"].savings is None
    assert "vol-1" in undecided(MAGNETIC, of(attached(VolumeType="standard")))


# --- what holds for every volume -----------------------------------------------------------------------------------

ASKED = st.builds(Peak, st.floats(0, 100_000), st.floats(0, 4000))


@settings(max_examples=60)
@given(st.integers(1, 16_384), st.none() | ASKED)
def test_gp3_in_place_of_gp2_is_never_slower_than_gp2_or_than_what_was_asked_for(gib: int, peak: Peak | None) -> None:
    target = ebs._gp2_as_gp3(float(gib), peak)
    could = min(max(100, 3 * gib), 16_000)
    assert target.iops >= min(could, peak.iops if peak else could)
    assert target.mbps >= min(125, peak.mbps if peak else 125)
    assert target.iops >= 4 * target.mbps


@settings(max_examples=60)
@given(st.sampled_from(["gp3", "io1", "io2"]), st.integers(3000, 64_000), st.integers(125, 1000), ASKED)
def test_a_smaller_volume_holds_its_peak_and_never_costs_more(kind: str, iops: int, mbps: int, peak: Peak) -> None:
    shape = Shape(type=kind, gib=500, iops=iops, mbps=mbps if kind == "gp3" else 0)
    target = ebs._enough(shape, peak)
    assert target.iops >= min(iops, peak.iops)
    assert kind != "gp3" or target.mbps >= min(mbps, peak.mbps)
    old, new = (one.price(BOOK, "eu-west-1").value for one in (shape, target))
    assert old is not None
    assert new is not None
    assert new <= old
