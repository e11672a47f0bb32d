"""Instances that are larger than their peaks, and those whose peaks need what they have."""

import pytest

from agent.aws.factors import catalogue
from agent.aws.snapshot import Reading, Resource, Series, Snapshot
from tests.agent.aws.builders import NO_PRICES, PRICES, Book, ago, found, instance, snapshot, tags, undecided, wished
from tests.agent.aws.factors.kinds import KINDS, kind, offered

FACTOR = catalogue()["OVER_PROVISIONED_EC2"]
MEMORY = {"Namespace": "CWAgent", "MetricName": "mem_used_percent"}
BIG = instance(InstanceType="m5.2xlarge")


def look(
    one: Resource = BIG,
    *,
    cpu: float = 10.0,
    mean: float = 5.0,
    memory: float | None = None,
    mbps: float = 1.0,
    ebs_mbps: float = 1.0,
    credit: float = 100.0,
    samples: float = 4032.0,
    kinds: list[Resource] | None = None,
) -> Snapshot:
    """The instance with these peaks, in datapoints of five minutes."""
    described = [{"Name": "InstanceId", "Value": "i-1"}, {"Name": "ImageId", "Value": "ami-1"}]
    resources: dict[str, list[Resource]] = {
        "ec2.instances": [one],
        "cloudwatch.memory_metrics": [{**MEMORY, "Dimensions": described}] if memory is not None else [],
        **offered(*(kinds or KINDS)),
    }
    values = {
        ("CPUUtilization", "p99.5"): cpu,
        ("CPUUtilization", "Average"): mean,
        ("NetworkIn", "Maximum"): mbps * 1e6 / 8 * 300,
        ("NetworkOut", "Maximum"): 0.0,
        ("EBSReadBytes", "Maximum"): ebs_mbps * 1e6 * 300,
        ("EBSWriteBytes", "Maximum"): 0.0,
        ("EBSReadOps", "Maximum"): 300.0,
        ("EBSWriteOps", "Maximum"): 300.0,
        ("CPUCreditBalance", "Minimum"): credit,
        ("mem_used_percent", "Maximum"): memory or 0.0,
    }

    def said(of: Series) -> Reading:
        return Reading(values[of.metric, of.stat], samples)

    wanted = wished(FACTOR, snapshot(resources), said)
    return snapshot(resources, {of: said(of) for of in wanted})


def test_only_what_its_processors_let_shrink_is_asked_for_the_rest() -> None:
    asked = {of.metric for of in look(cpu=45.0).readings}
    assert asked == {"CPUUtilization"}
    assert {"NetworkIn", "EBSReadOps"} < {of.metric for of in look(cpu=30.0).readings}


def test_without_a_memory_metric_it_is_one_size_and_little_trust() -> None:
    one = found(FACTOR, look())["i-1"]
    assert one.savings == pytest.approx((0.384 - 0.192) * 730)
    assert (one.metadata["recommendedType"], one.confidence, one.risk) == ("m5.xlarge", "LOW", "MEDIUM")
    assert one.metadata["missingMetrics"] == ["memory"]


def test_with_memory_it_is_the_smallest_that_holds_everything() -> None:
    one = found(FACTOR, look(memory=15.0))["i-1"]
    assert one.savings == pytest.approx((0.384 - 0.096) * 730)
    assert (one.metadata["recommendedType"], one.confidence) == ("m5.large", "HIGH")


@pytest.mark.parametrize(
    ("peaks", "target"),
    [
        (look(cpu=20.0, memory=10.0), "m5.large"),
        (look(cpu=20.1, memory=10.0), "m5.xlarge"),
        (look(cpu=40.0, memory=10.0), "m5.xlarge"),
        (look(memory=20.0), "m5.large"),
        (look(memory=20.1), "m5.xlarge"),
        (look(memory=40.0), "m5.xlarge"),
        (look(memory=10.0, mbps=750), "m5.large"),
        (look(memory=10.0, mbps=751), "m5.xlarge"),
        (look(memory=10.0, ebs_mbps=81), "m5.xlarge"),
    ],
)
def test_each_limit_decides_on_the_size(peaks: Snapshot, target: str) -> None:
    assert found(FACTOR, peaks)["i-1"].metadata["recommendedType"] == target


@pytest.mark.parametrize(
    "left_alone",
    [
        look(cpu=40.1, memory=10.0),
        look(cpu=40.1),
        look(memory=41.0),
        look(mbps=1600),
        look(ebs_mbps=161),
        look({**BIG, "NetworkInterfaces": [{}] * 4}),
        look({**BIG, "NetworkInterfaces": [{"PrivateIpAddresses": [{}] * 11}]}),
        look({**BIG, "Placement": {"GroupName": "hpc"}}),
        look({**BIG, "Placement": {"Tenancy": "host"}}),
        look({**BIG, "ProductCodes": [{"ProductCodeId": "abc"}]}),
        look({**BIG, "PlatformDetails": "Windows with SQL Server Standard"}),
        look({**BIG, "HibernationOptions": {"Configured": True}}),
        look({**BIG, "InstanceLifecycle": "spot"}),
        look({**BIG, "State": {"Name": "stopped"}}),
        look({**BIG, "Tags": tags({"aws:autoscaling:groupName": "web"})}),
        look({**BIG, "Tags": tags({"eks:nodegroup-name": "blue"})}),
        look({**BIG, "Tags": tags({"fieldpost:exclude": "OVER_PROVISIONED_EC2"})}),
        look(kinds=[kind("m5.2xlarge", 8, 32, InstanceStorageSupported=True), *KINDS[:2]]),
        look(instance(InstanceType="m5.large"), memory=5.0),
    ],
)
def test_instances_that_need_what_they_have_or_are_bound_to_it_are_left_alone(left_alone: Snapshot) -> None:
    assert not found(FACTOR, left_alone)


def test_a_burstable_size_must_carry_the_mean_without_credits() -> None:
    prices = Book(
        {("ec2", "linux/t3.medium"): 0.0416, ("ec2", "linux/t3.small"): 0.0208, ("ec2", "linux/t3.micro"): 0.01}
    )
    medium = instance(InstanceType="t3.medium")
    assert (
        found(FACTOR, look(medium, cpu=60, mean=15, memory=20), prices)["i-1"].metadata["recommendedType"] == "t3.small"
    )
    assert not found(FACTOR, look(medium, cpu=60, mean=21, memory=20), prices)
    assert not found(FACTOR, look(medium, cpu=10, mean=5, memory=20, credit=0), prices)


def test_it_saves_only_while_it_runs() -> None:
    one = found(FACTOR, look(memory=15.0, samples=0.9 * 4032))["i-1"]
    assert one.savings == pytest.approx((0.384 - 0.096) * 730 * 0.9)


@pytest.mark.parametrize(
    ("unclear", "reason"),
    [
        (look(samples=3000), "datapoints for 74% of 14 days"),
        (look({**BIG, "BlockDeviceMappings": [], "LaunchTime": ago(13)}), "13 days old"),
        (snapshot({"ec2.instances": [BIG], **offered(*KINDS)}), "no datapoint"),
    ],
)
def test_what_is_not_known_of_its_peaks_decides_nothing(unclear: Snapshot, reason: str) -> None:
    assert not found(FACTOR, unclear)
    assert reason in undecided(FACTOR, unclear)["i-1"]


def test_cheaper_families_of_the_same_size_are_named_beside() -> None:
    cheap = Book({**PRICES, ("ec2", "linux/m6i.large"): 0.05})
    assert found(FACTOR, look(memory=15.0), cheap)["i-1"].metadata["alternatives"] == ["m6i.large"]


def test_an_instance_without_a_price_is_found_with_unknown_savings() -> None:
    assert found(FACTOR, look(), NO_PRICES)["i-1"].savings is None
