"""EC2 instances: stopped, idle, watched too closely."""

from collections.abc import Mapping

import pytest

from agent.aws.factors import catalogue
from agent.aws.snapshot import Reading, Resource, Series, Snapshot
from tests.agent.aws.builders import NO_PRICES, ago, attached, found, full, instance, snapshot, undecided, wished

STOPPED = catalogue()["STOPPED_EC2_CLEANUP"]
IDLE = catalogue()["IDLE_EC2"]
WATCHED = catalogue()["EC2_DETAILED_MONITORING"]
OUT: Resource = {"fieldpost:exclude": "all"}


def at_rest(days: float = 30, tagged: Mapping[str, str] | None = None, **fields: object) -> Resource:
    reason = f"User initiated ({ago(days):%Y-%m-%d %H:%M:%S} GMT)"
    stopped = {"State": {"Name": "stopped", "Code": 80}, "StateTransitionReason": reason}
    return {**instance(tagged=tagged), **stopped, **fields}


def of(one: Resource, *, address: bool = False) -> Snapshot:
    eip = {"PublicIp": "203.0.113.7", "AllocationId": "eipalloc-1", "InstanceId": "i-1"}
    volumes = [attached("vol-i-1", Size=50), attached("vol-other", "i-2")]
    return snapshot({"ec2.instances": [one], "ec2.volumes": volumes, "ec2.addresses": [eip] if address else []})


def test_a_stopped_instance_goes_on_paying_for_its_volumes_and_addresses() -> None:
    assert found(STOPPED, of(at_rest()))["i-1"].savings == pytest.approx(4.0)
    assert found(STOPPED, of(at_rest(), address=True))["i-1"].savings == pytest.approx(7.65)


def test_an_own_address_of_a_stopped_instance_costs_nothing() -> None:
    look = of(at_rest(), address=True)
    own = [{**one, "PublicIpv4Pool": "ipv4pool-ec2-012345"} for one in look.of("ec2.addresses")]
    assert found(STOPPED, snapshot({**look.resources, "ec2.addresses": own}))["i-1"].savings == pytest.approx(4.0)


def test_utc_is_read_like_gmt() -> None:
    look = of(at_rest(StateTransitionReason=f"User initiated ({ago(40):%Y-%m-%d %H:%M:%S} UTC)"))
    assert "stopped for 40 days" in found(STOPPED, look)["i-1"].description


@pytest.mark.parametrize(
    "left_alone",
    [
        instance(),
        at_rest(29.9),
        at_rest(tagged={"Schedule": "office-hours"}),
        at_rest(tagged={"role": "pilot-light"}),
        at_rest(tagged={"aws:autoscaling:groupName": "web"}),
        at_rest(tagged=OUT),
    ],
)
def test_instances_that_run_or_will_run_again_are_left_alone(left_alone: Resource) -> None:
    assert not found(STOPPED, of(left_alone))


def test_without_the_time_of_its_stop_an_instance_is_not_judged() -> None:
    look = of(at_rest(StateTransitionReason=""))
    assert not found(STOPPED, look)
    assert "since when" in undecided(STOPPED, look)["i-1"]


def test_a_stopped_instance_without_prices_is_found_with_unknown_savings() -> None:
    assert found(STOPPED, of(at_rest()), NO_PRICES)["i-1"].savings is None


# --- idle ----------------------------------------------------------------------------------------------------------


def loaded(
    one: Resource,
    *,
    cpu: float = 2.0,
    mb_a_day: float = 1.0,
    credit: float = 100.0,
    samples: float = 4032,
    **more: object,
) -> Snapshot:
    look = snapshot({"ec2.instances": [one]})
    network = Reading(mb_a_day * 1e6 * 14 / 2, samples)
    values: dict[str, Reading] = {
        "CPUUtilization": Reading(cpu, samples),
        "NetworkIn": network,
        "NetworkOut": network,
        "CPUCreditBalance": Reading(credit, samples),
    }
    wanted = wished(IDLE, look, lambda series: values[series.metric])
    readings: dict[Series, Reading | float] = {series: values[series.metric] for series in wanted}
    types = [{"InstanceType": one["InstanceType"], **more}]
    return snapshot({"ec2.instances": [one], "ec2.instance_types": types}, readings)


def test_an_instance_that_does_nothing_costs_its_hours() -> None:
    one = found(IDLE, loaded(instance(), cpu=4.9, mb_a_day=4.9))["i-1"]
    assert one.savings == pytest.approx(0.096 * 730)
    assert one.risk == "MEDIUM"
    assert [round(part.value or 0) for part in one.evidence] == [5, 4_900_000]


def test_windows_has_its_own_price_and_an_unknown_licence_none() -> None:
    assert found(IDLE, loaded(instance(PlatformDetails="Windows")))["i-1"].savings == pytest.approx(0.188 * 730)
    licensed = instance(PlatformDetails="Windows with SQL Server Enterprise")
    assert found(IDLE, loaded(licensed))["i-1"].savings is None


def test_an_instance_on_its_own_host_has_no_list_price() -> None:
    one = found(IDLE, loaded(instance(Placement={"Tenancy": "dedicated"})))["i-1"]
    assert (one.savings, one.label) == (None, "UNKNOWN")


@pytest.mark.parametrize(
    "look",
    [
        loaded(instance(), cpu=5.0),
        loaded(instance(), mb_a_day=5.0),
        loaded(instance(InstanceType="t3.micro"), credit=0.0),
        loaded(instance(State={"Name": "stopped", "Code": 80})),
        loaded(instance(InstanceLifecycle="spot")),
        loaded(instance(tagged={"aws:autoscaling:groupName": "web"})),
        loaded(instance(tagged={"eks:cluster-name": "prod"})),
        loaded(instance(tagged={"Name": "bastion-1"})),
        loaded(instance(tagged={"role": "license-server"})),
        loaded(instance(tagged={"role": "quorum"})),
        loaded(instance(tagged=OUT)),
        loaded(instance(tagged={"fieldpost:exclude": "IDLE_EC2"})),
    ],
)
def test_instances_with_work_or_whose_work_is_to_be_there_are_left_alone(look: Snapshot) -> None:
    assert not found(IDLE, look)


YOUNG_ROOT = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-i-1", "AttachTime": ago(13)}}]


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (loaded(instance(), samples=3000), "datapoints for 74% of 14 days"),
        (loaded(instance(BlockDeviceMappings=YOUNG_ROOT, LaunchTime=ago(13))), "13 days old"),
        (snapshot({"ec2.instances": [instance()]}), "no datapoint"),
        (loaded(instance(InstanceType="g4dn.xlarge"), GpuInfo={"Gpus": [{}]}), "GPU"),
    ],
)
def test_what_is_not_known_of_a_load_decides_nothing(look: Snapshot, reason: str) -> None:
    assert not found(IDLE, look)
    assert reason in undecided(IDLE, look)["i-1"]


def test_a_restart_does_not_make_an_instance_young() -> None:
    assert found(IDLE, loaded(instance(LaunchTime=ago(1))))


def test_an_instance_that_a_commitment_may_cover_says_so() -> None:
    look = loaded(instance())
    plan = {"state": "active", "savingsPlanType": "Compute"}
    with_plan = snapshot({**look.resources, "savingsplans.plans": [plan]}, look.readings)
    assert found(IDLE, with_plan)["i-1"].metadata["coveredByCommitment"] is True
    assert found(IDLE, look)["i-1"].metadata["coveredByCommitment"] is False


# --- detailed monitoring -------------------------------------------------------------------------------------------

ON = {"State": "enabled"}


def alarmed(one: Resource, *alarms: Resource) -> Snapshot:
    return snapshot({"ec2.instances": [one], "cloudwatch.alarms": list(alarms)})


def alarm(period: int, instance_id: str = "i-1") -> Resource:
    return {"Period": period, "Dimensions": [{"Name": "InstanceId", "Value": instance_id}]}


def test_metrics_of_every_minute_that_no_alarm_needs_cost_2_10() -> None:
    assert found(WATCHED, alarmed(instance(Monitoring=ON)))["i-1"].savings == pytest.approx(2.10)
    assert found(WATCHED, alarmed(instance(Monitoring=ON), alarm(300), alarm(60, "i-2")))


@pytest.mark.parametrize(
    "look",
    [
        alarmed(instance()),
        alarmed(instance(Monitoring=ON), alarm(60)),
        alarmed(
            instance(Monitoring=ON),
            {"Metrics": [{"MetricStat": {"Metric": {"Dimensions": alarm(60)["Dimensions"]}, "Period": 60}}]},
        ),
        alarmed(instance(Monitoring=ON, State={"Name": "stopped"})),
        alarmed(instance(Monitoring=ON, Tags=[{"Key": "aws:autoscaling:groupName", "Value": "web"}])),
        alarmed(instance(Monitoring=ON, Tags=[{"Key": "fieldpost:exclude", "Value": "EC2_DETAILED_MONITORING"}])),
    ],
)
def test_monitoring_that_is_ordinary_or_needed_is_left_alone(look: Snapshot) -> None:
    assert not found(WATCHED, look)


def test_monitoring_without_a_price_is_found_with_unknown_savings() -> None:
    assert found(WATCHED, alarmed(instance(Monitoring=ON)), NO_PRICES)["i-1"].savings is None


def test_a_reading_of_a_test_is_never_short_of_samples() -> None:
    assert full(1).samples > 20_160
