"""Instances of a past generation, and those that could run on Graviton."""

import pytest

from agent.aws.collections import COLLECTIONS
from agent.aws.factors import catalogue
from agent.aws.snapshot import Resource, Snapshot
from tests.agent.aws.builders import BOOK, NO_PRICES, PRICES, Book, found, image, instance, snapshot, tags
from tests.agent.aws.factors.kinds import KINDS, kind, offered

PREVIOUS = catalogue()["PREVIOUS_GENERATION_EC2"]
GRAVITON = catalogue()["GRAVITON_EC2"]


def of(one: Resource, *images: Resource, kinds: list[Resource] | None = None) -> Snapshot:
    return snapshot({"ec2.instances": [one], "ec2.images": list(images), **offered(*(kinds or KINDS))})


OLD = instance(InstanceType="m4.large")
PYTHON = instance(tagged={"runtime": "python3.12"})


def test_an_old_instance_moves_to_the_newest_family_that_is_offered_and_cheaper() -> None:
    one = found(PREVIOUS, of(OLD))["i-1"]
    assert one.savings == pytest.approx((0.10 - 0.096) * 730)
    assert (one.metadata["recommendedType"], one.metadata["alternatives"]) == ("m6i.large", ["m5.large"])
    assert (one.risk, one.confidence) == ("MEDIUM", "HIGH")


def test_of_several_successors_the_one_that_saves_most_is_advised_and_another_makers_only_named() -> None:
    kinds = [KINDS[3], *(kind(f"{family}.large", 2, 8) for family in ("m7i", "m6i", "m5", "m6a"))]
    prices = {"m4": 0.10, "m7i": 0.099, "m6i": 0.096, "m5": 0.096, "m6a": 0.086}
    book = Book({("ec2", f"linux/{family}.large"): price for family, price in prices.items()})
    said = found(PREVIOUS, of(OLD, kinds=kinds), book)["i-1"].metadata
    assert (said["recommendedType"], said["alternatives"]) == ("m6i.large", ["m5.large", "m7i.large", "m6a.large"])


def test_a_newer_type_that_costs_more_is_no_saving() -> None:
    dear = Book({**PRICES, ("ec2", "linux/m6i.large"): 0.11, ("ec2", "linux/m5.large"): 0.12})
    assert not found(PREVIOUS, of(OLD), dear)
    assert not found(PREVIOUS, of(OLD), Book({("ec2", "linux/m4.large"): 0.10}))


def test_a_size_that_the_successor_lacks_becomes_the_next_that_holds_it() -> None:
    small = [kind("m1.small", 1, 1.7, Hypervisor="xen"), kind("m5.large", 2, 8)]
    prices = Book({("ec2", "linux/m1.small"): 0.2, ("ec2", "linux/m5.large"): 0.096})
    one = found(PREVIOUS, of(instance(InstanceType="m1.small"), kinds=small), prices)["i-1"]
    assert one.metadata["recommendedType"] == "m5.large"


def test_disks_of_its_own_are_kept() -> None:
    disks = {"InstanceStorageSupported": True}
    kinds = [kind("m3.large", 2, 7.5, **disks), kind("m5.large", 2, 8), kind("m5d.large", 2, 8, **disks)]
    prices = Book({**PRICES, ("ec2", "linux/m3.large"): 0.133, ("ec2", "linux/m5d.large"): 0.113})
    one = found(PREVIOUS, of(instance(InstanceType="m3.large"), kinds=kinds), prices)["i-1"]
    assert one.metadata["recommendedType"] == "m5d.large"


@pytest.mark.parametrize(
    "fields",
    [
        {"InstanceType": "m5.large"},
        {"VirtualizationType": "paravirtual"},
        {"EnaSupport": False},
        {"Architecture": "i386"},
        {"Placement": {"Tenancy": "dedicated"}},
        {"InstanceLifecycle": "spot"},
        {"State": {"Name": "stopped"}},
        {"Tags": tags({"aws:autoscaling:groupName": "web"})},
        {"Tags": tags({"fieldpost:exclude": "PREVIOUS_GENERATION_EC2"})},
        {"NetworkInterfaces": [{}, {}, {}, {}]},
    ],
)
def test_instances_that_could_not_start_on_a_new_type_are_left_alone(fields: dict[str, object]) -> None:
    assert not found(PREVIOUS, of({**OLD, **fields}))


def test_where_the_driver_is_not_known_the_trust_is_low() -> None:
    assert found(PREVIOUS, of({**OLD, "EnaSupport": None}))["i-1"].confidence == "LOW"


def test_an_old_instance_without_a_price_is_found_with_unknown_savings() -> None:
    assert found(PREVIOUS, of(OLD), NO_PRICES)["i-1"].savings is None


def test_the_types_of_every_family_that_may_be_advised_are_described() -> None:
    types = COLLECTIONS["ec2.instance_types"].calls
    assert types is not None
    offered = [{"InstanceType": f"{family}.large"} for family in ("m4", "m5", "m6i", "m7g", "x1")]
    (call,) = types(snapshot({"ec2.instances": [OLD, PYTHON], "ec2.type_offerings": offered}))
    assert call["Filters"][0]["Values"] == ["m4.*", "m5.*", "m6i.*", "m7g.*"]  # type: ignore[index]  # a list


def test_types_that_another_region_described_are_not_described_again() -> None:
    types = COLLECTIONS["ec2.instance_types"].calls
    assert types is not None
    offered = [{"InstanceType": f"{family}.large"} for family in ("m4", "m5", "m6i", "m7g")]
    look: dict[str, list[Resource]] = {"ec2.instances": [OLD, PYTHON], "ec2.type_offerings": list(offered)}
    assert list(types(snapshot({**look, "ec2.instance_types": list(offered)}))) == []
    (call,) = types(snapshot({**look, "ec2.instance_types": list(offered[:3])}))
    assert call["Filters"][0]["Values"] == ["m7g.*"]  # type: ignore[index]  # a list


# --- Graviton ------------------------------------------------------------------------------------------------------


def test_an_interpreted_runtime_could_run_on_graviton() -> None:
    one = found(GRAVITON, of(PYTHON))["i-1"]
    assert one.savings == pytest.approx((0.096 - 0.0816) * 730)
    assert (one.metadata["recommendedType"], one.risk) == ("m7g.large", "HIGH")


def test_an_image_with_an_arm_twin_could_run_on_graviton() -> None:
    images = [image(Name="shop-x86_64-7"), image("ami-2", Name="shop-arm64-7", Architecture="arm64")]
    assert "ami-2" in found(GRAVITON, of(instance(), *images))["i-1"].description
    assert not found(GRAVITON, of(instance(), image(Name="shop-x86_64-7"), {**images[1], "Name": "cart-arm64-7"}))


@pytest.mark.parametrize(
    "one",
    [
        instance(),
        {**PYTHON, "PlatformDetails": "Windows", "Platform": "windows"},
        {**PYTHON, "PlatformDetails": "Red Hat Enterprise Linux"},
        {**PYTHON, "ProductCodes": [{"ProductCodeId": "abc", "ProductCodeType": "marketplace"}]},
        {**PYTHON, "Architecture": "arm64", "InstanceType": "m6g.large"},
        {**PYTHON, "InstanceLifecycle": "spot"},
        instance(tagged={"runtime": "python", "notes": "needs AVX512"}),
        instance(tagged={"runtime": "go"}),
        instance(tagged={"runtime": "python", "eks:cluster-name": "prod"}),
        instance(tagged={"runtime": "python", "fieldpost:exclude": "all"}),
    ],
)
def test_work_that_may_not_run_on_arm_is_left_alone(one: Resource) -> None:
    assert not found(GRAVITON, of(one))


def test_graviton_where_it_is_not_offered_or_not_cheaper_is_no_saving() -> None:
    assert not found(GRAVITON, of(PYTHON, kinds=KINDS[:5]))
    assert not found(GRAVITON, of(PYTHON), Book({("ec2", "linux/m5.large"): 0.05, ("ec2", "linux/m7g.large"): 0.08}))
    assert found(GRAVITON, of(PYTHON), NO_PRICES)["i-1"].savings is None
    assert found(GRAVITON, of(PYTHON), BOOK)
