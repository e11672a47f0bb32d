from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.aws.factors._databases import Reserved
from agent.aws.prices.price import UNKNOWN, Price
from agent.aws.snapshot import Snapshot
from agent.power.messages import Seen
from agent.power.rates import (
    Commitments,
    cluster_rate,
    database_rate,
    fleet_of,
    group_rate,
    instance_rate,
    month_of,
)
from agent.power.seeing import group_of, instance_of
from agent.power.worth import _Worth

AT = datetime(2026, 7, 15, 12, tzinfo=UTC)
PRICES = {
    ("ec2", "linux/m5.large"): 0.1,
    ("ec2", "linux/m5.xlarge"): 0.2,
    ("ec2", "linux/c5.large"): 0.08,
    ("ec2", "windows/m5.large"): 0.192,
    ("rds", "mysql/db.m5.large"): 0.171,
    ("rds", "aurora-mysql/db.r6g.large"): 0.26,
    ("rds", "postgres/db.m6gd.large"): 0.2,
}


class Book:
    """A list of a few prices."""

    def price(self, service: str, key: str, region: str) -> Price:
        del region
        value = PRICES.get((service, key))
        return UNKNOWN if value is None else Price(value, "BUNDLED", "2026-07-01")


BOOK = Book()


def look(gaps: dict[str, str] | None = None, **collections: list[dict[str, Any]]) -> Snapshot:
    named = {name.replace("__", "."): tuple(items) for name, items in collections.items()}
    return Snapshot(account="111122223333", region="eu-west-1", at=AT, resources=named, gaps=gaps or {})


def instance(kind: str = "m5.large", **more: Any) -> dict[str, Any]:
    place = {"Tenancy": "default", "AvailabilityZone": "eu-west-1a"}
    return {"InstanceId": "i-1", "InstanceType": kind, "PlatformDetails": "Linux/UNIX", "Placement": place, **more}


def reservation(kind: str = "m5.large", count: int = 1, **more: Any) -> dict[str, Any]:
    said = {"InstanceType": kind, "InstanceCount": count, "State": "active", "InstanceTenancy": "default"}
    return {**said, "ProductDescription": "Linux/UNIX", "Scope": "Region", **more}


def plan(commitment: float, kind: str = "Compute", **more: str) -> dict[str, Any]:
    return {"state": "active", "savingsPlanType": kind, "commitment": str(commitment), **more}


def database(kind: str = "db.m5.large", **more: Any) -> dict[str, Any]:
    return {"DBInstanceIdentifier": "db-1", "DBInstanceClass": kind, "Engine": "mysql", "MultiAZ": False, **more}


# --- EC2 ---


@pytest.mark.parametrize(
    ("said", "expected", "label"),
    [
        (instance(), 0.1, "BUNDLED"),
        (instance(PlatformDetails="Windows"), 0.192, "BUNDLED"),
        (instance(PlatformDetails="Red Hat Enterprise Linux"), None, "UNKNOWN"),
        (instance("x9.huge"), None, "UNKNOWN"),
    ],
)
def test_an_instance_costs_its_type_and_an_unknown_price_is_not_zero(
    said: dict[str, Any], expected: float | None, label: str
) -> None:
    found = instance_rate(said, look(), BOOK, Commitments(look()))
    assert (found.price.value, found.price.label, found.note) == (expected, label, "")


@pytest.mark.parametrize("tenancy", ["host", "dedicated"])
def test_on_a_dedicated_host_nothing_is_saved_and_the_note_says_so(tenancy: str) -> None:
    found = instance_rate(instance(Placement={"Tenancy": tenancy}), look(), BOOK, None)
    assert (found.price.value, found.note) == (0.0, f"tenancy {tenancy}: the host is paid for all the same")


def spot_price(zone: str, price: str, hour: int, product: str = "Linux/UNIX") -> dict[str, Any]:
    at = AT.replace(hour=hour)
    said = {"InstanceType": "m5.large", "AvailabilityZone": zone, "SpotPrice": price, "Timestamp": at}
    return {**said, "ProductDescription": product}


def test_a_spot_instance_costs_the_latest_price_of_its_zone_and_system() -> None:
    seen = look(
        ec2__spot_prices=[
            spot_price("eu-west-1a", "0.031", 9),
            spot_price("eu-west-1a", "0.034", 11, "Linux/UNIX (Amazon VPC)"),
            spot_price("eu-west-1a", "0.900", 12, "Windows"),
            spot_price("eu-west-1b", "0.020", 12),
        ]
    )
    found = instance_rate(instance(InstanceLifecycle="spot"), seen, BOOK, Commitments(look()))
    assert (found.price.value, found.price.label, found.note) == (0.034, "LIVE_LIST", "Spot price of now")


def test_a_spot_price_that_cannot_be_read_is_not_known() -> None:
    seen = look({"ec2.spot_prices": "access denied (ec2:DescribeSpotPriceHistory)"})
    found = instance_rate(instance(InstanceLifecycle="spot"), seen, BOOK, None)
    assert found.price.value is None
    assert found.note == "ec2.spot_prices: access denied (ec2:DescribeSpotPriceHistory)"


# --- commitments ---


def spent(commitments: Commitments, *kinds: str, zone: str = "eu-west-1a") -> list[float | None]:
    said = [instance(kind, Placement={"Tenancy": "default", "AvailabilityZone": zone}) for kind in kinds]
    return [instance_rate(one, look(), BOOK, commitments).price.value for one in said]


def test_a_reservation_pays_for_as_many_instances_as_it_counts() -> None:
    commitments = Commitments(look(ec2__reserved_instances=[reservation(count=2)]))
    assert spent(commitments, "m5.large", "m5.large", "m5.large", "c5.large") == [0.0, 0.0, 0.1, 0.08]


def test_a_regional_reservation_fits_every_size_of_its_family() -> None:
    commitments = Commitments(look(ec2__reserved_instances=[reservation("m5.large")]))
    found = instance_rate(instance("m5.xlarge"), look(), BOOK, commitments)
    assert found.price.value == pytest.approx(0.1)
    assert found.note == "a reservation pays for a part of it"


@pytest.mark.parametrize(
    "more",
    [{"Scope": "Availability Zone", "AvailabilityZone": "eu-west-1b"}, {"ProductDescription": "Windows"}],
)
def test_a_reservation_of_a_zone_or_of_another_system_does_not_pay_here(more: dict[str, Any]) -> None:
    assert spent(Commitments(look(ec2__reserved_instances=[reservation(**more)])), "m5.large") == [0.1]


def test_a_reservation_of_a_zone_pays_in_its_zone_for_its_type_alone() -> None:
    zonal = reservation(AvailabilityZone="eu-west-1a")
    assert spent(Commitments(look(ec2__reserved_instances=[zonal])), "m5.xlarge", "m5.large") == [0.2, 0.0]


def test_a_reservation_that_is_over_pays_for_nothing() -> None:
    assert spent(Commitments(look(ec2__reserved_instances=[reservation(State="retired")])), "m5.large") == [0.1]


def test_a_reservation_pays_also_where_the_price_is_not_known() -> None:
    zonal = reservation("x9.huge", AvailabilityZone="eu-west-1a")
    found = instance_rate(instance("x9.huge"), look(), BOOK, Commitments(look(ec2__reserved_instances=[zonal])))
    assert (found.price.value, found.price.label) == (0.0, "ESTIMATE")


def test_a_savings_plan_pays_until_its_commitment_is_used_up() -> None:
    commitments = Commitments(look(savingsplans__in_force=[plan(0.108)]))  # 0.15 on demand
    assert spent(commitments, "m5.large", "m5.large", "m5.large") == [0.0, pytest.approx(0.05), 0.1]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"kind": "EC2Instance", "ec2InstanceFamily": "m5", "region": "eu-west-1"}, 0.0),
        ({"kind": "EC2Instance", "ec2InstanceFamily": "c5", "region": "eu-west-1"}, 0.1),
        ({"kind": "EC2Instance", "ec2InstanceFamily": "m5", "region": "us-east-1"}, 0.1),
        ({"kind": "SageMaker"}, 0.1),
    ],
)
def test_a_savings_plan_pays_for_what_it_is_for(more: dict[str, str], expected: float) -> None:
    assert spent(Commitments(look(savingsplans__in_force=[plan(1.0, **more)])), "m5.large") == [expected]


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["m5.large", "m5.xlarge", "c5.large"]), max_size=8),
    reserved=st.lists(st.sampled_from(["m5.large", "m5.xlarge", "c5.large"]), max_size=4),
    commitment=st.floats(0, 0.5),
)
def test_commitments_take_off_no_more_than_they_are_worth_and_no_rate_is_below_nothing(
    kinds: list[str], reserved: list[str], commitment: float
) -> None:
    commitments = Commitments(
        look(
            ec2__reserved_instances=[reservation(kind) for kind in reserved],
            savingsplans__in_force=[plan(commitment)],
        )
    )
    listed = sum(PRICES["ec2", f"linux/{kind}"] for kind in kinds)
    worth = sum(PRICES["ec2", f"linux/{kind}"] for kind in reserved) + commitment / 0.72
    rates = [rate for rate in spent(commitments, *kinds) if rate is not None]
    assert len(rates) == len(kinds)
    assert all(rate >= 0 for rate in rates)
    assert sum(rates) >= listed - worth - 1e-6


# --- RDS ---


def reserved(*kinds: str) -> Reserved:
    said = [
        {"DBInstanceClass": kind, "DBInstanceCount": 1, "State": "active", "ProductDescription": "mysql"}
        for kind in kinds
    ]
    return Reserved(look(rds__reserved_instances=said))


def test_a_database_costs_its_class_and_twice_that_in_two_zones() -> None:
    assert database_rate(database(), "eu-west-1", BOOK, None).price.value == pytest.approx(0.171)
    assert database_rate(database(MultiAZ=True), "eu-west-1", BOOK, None).price.value == pytest.approx(0.342)


def test_a_database_that_is_reserved_saves_nothing_while_the_reservation_lasts() -> None:
    book = reserved("db.m5.large")
    assert database_rate(database(), "eu-west-1", BOOK, book).note == "a reservation pays for it"
    assert database_rate(database(), "eu-west-1", BOOK, book).price.value == pytest.approx(0.171)


def test_a_licence_whose_price_is_not_known_is_named() -> None:
    found = database_rate(database(Engine="oracle-se2"), "eu-west-1", BOOK, None)
    assert (found.price.value, found.note) == (None, "no price of oracle-se2/db.m5.large is known")


def test_a_cluster_costs_the_sum_of_its_members() -> None:
    member = database("db.r6g.large", Engine="aurora-mysql")
    assert cluster_rate({}, [member, member], "eu-west-1", BOOK, None).price.value == pytest.approx(0.52)


def test_a_cluster_with_a_member_without_a_price_has_none() -> None:
    members = [database("db.r6g.large", Engine="aurora-mysql"), database("db.serverless", Engine="aurora-mysql")]
    found = cluster_rate({}, members, "eu-west-1", BOOK, None)
    assert (found.price.value, found.note) == (None, "Serverless v2 is paid by what it uses")
    assert cluster_rate({}, [], "eu-west-1", BOOK, None).price.value is None


def test_a_multi_az_cluster_costs_three_times_its_class() -> None:
    said = {"Engine": "postgres", "DBClusterInstanceClass": "db.m6gd.large"}
    assert cluster_rate(said, [], "eu-west-1", BOOK, None).price.value == pytest.approx(0.6)


# --- Auto Scaling ---


def group(*kinds: str, **more: Any) -> dict[str, Any]:
    return {"AutoScalingGroupName": "web", "Instances": [{"InstanceType": kind} for kind in kinds], **more}


def test_a_group_costs_its_desired_size_of_the_types_that_it_runs() -> None:
    found = group_rate(fleet_of(group("m5.large", "m5.xlarge"), 4, None), "eu-west-1", BOOK, None)
    assert found.price.value == pytest.approx(0.6)


def test_a_group_that_is_empty_costs_what_its_template_names() -> None:
    fleet = fleet_of(group(), 3, {"InstanceType": "m5.large"})
    assert group_rate(fleet, "eu-west-1", BOOK, None).price.value == pytest.approx(0.3)
    overrides = {"LaunchTemplate": {"Overrides": [{"InstanceType": "c5.large"}, {"InstanceType": "m5.large"}]}}
    fleet = fleet_of(group(MixedInstancesPolicy=overrides), 2, {"InstanceType": "m5.xlarge"})
    assert group_rate(fleet, "eu-west-1", BOOK, None).price.value == pytest.approx(0.16)


def test_of_a_group_only_what_runs_on_demand_is_counted() -> None:
    mixed = {"InstancesDistribution": {"OnDemandBaseCapacity": 1, "OnDemandPercentageAboveBaseCapacity": 50}}
    found = group_rate(fleet_of(group("m5.large", MixedInstancesPolicy=mixed), 5, None), "eu-west-1", BOOK, None)
    assert found.price.value == pytest.approx(0.3)
    assert found.note == "2 of 5 are Spot instances and not counted"


@pytest.mark.parametrize(
    "template", [{"InstanceMarketOptions": {"MarketType": "spot"}}, {"SpotPrice": "0.05", "InstanceType": "m5.large"}]
)
def test_a_group_on_the_spot_market_counts_nothing_and_says_so(template: dict[str, Any]) -> None:
    found = group_rate(fleet_of(group("m5.large"), 2, template), "eu-west-1", BOOK, None)
    assert (found.price.value, found.note) == (0.0, "2 of 2 are Spot instances and not counted")


def test_a_group_without_a_known_type_or_size_says_so() -> None:
    assert group_rate(fleet_of(group(), 2, None), "eu-west-1", BOOK, None).price.value is None
    assert group_rate(fleet_of(group("m5.large"), 0, None), "eu-west-1", BOOK, None).price.value == 0.0


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (None, None),
        ({}, False),
        ({"Monitoring": {"Enabled": True}}, True),
        ({"InstanceMonitoring": {"Enabled": True}}, True),
        ({"InstanceMonitoring": {"Enabled": False}}, False),
    ],
)
def test_how_often_the_members_of_a_group_are_measured_is_in_its_template(
    template: dict[str, Any] | None, expected: object
) -> None:
    assert fleet_of(group(), 1, template).detailed is expected


# --- hours ---


@pytest.mark.parametrize(
    ("samples", "period_s", "age_h", "machines", "expected"),
    [
        (28 * 288, 300, 9000, 1, 730.0),
        (28 * 1440, 60, 9000, 1, 730.0),
        (28 * 288 - 12, 300, 9000, 1, 730.0),
        (20 * 12 * 12, 300, 9000, 1, 260.7),  # Monday to Friday, 08 to 20
        (2 * 288, 300, 48, 1, 730.0),
        (3 * 28 * 288, 300, 9000, 3, 730.0),
        (6, 300, 1, 1, None),
        (28 * 288, 300, 9000, 0, None),
    ],
)
def test_the_hours_of_a_month_follow_from_datapoints(
    samples: float, period_s: int, age_h: float, machines: int, expected: float | None
) -> None:
    assert month_of(samples, period_s, age_h, machines=machines) == expected


# --- who uses commitments up ---


def seen_of(said: dict[str, Any]) -> Seen:
    return Seen(instance_of(said, {}), f"arn:{said['InstanceId']}")


def test_a_reservation_that_machines_without_a_schedule_use_up_takes_nothing_off() -> None:
    named = [{**instance(), "InstanceId": name, "LaunchTime": AT} for name in ("i-night", "i-day", "i-always")]
    mine = [seen_of(one) for one in named[:2]]
    reserved_two = look(
        ec2__instances=named[:2], ec2__running_instances=named, ec2__reserved_instances=[reservation(count=2)]
    )
    worth = _Worth(reserved_two, BOOK, mine)
    assert [worth.of(one).rate for one in mine] == [0.0, 0.1], "one of two is left for those that are stopped at night"
    reserved_one = replace(
        reserved_two, resources={**reserved_two.resources, "ec2.reserved_instances": [reservation()]}
    )
    worth = _Worth(reserved_one, BOOK, mine)
    assert [worth.of(one).rate for one in mine] == [0.1, 0.1]


def test_members_of_a_group_that_is_scheduled_use_nothing_up_before_it() -> None:
    tag = [{"Key": "aws:autoscaling:groupName", "Value": "web"}]
    members = [{**instance(), "InstanceId": f"i-{number}", "Tags": tag} for number in range(2)]
    sizes = {"MinSize": 2, "DesiredCapacity": 2, "MaxSize": 4, "CreatedTime": AT}
    said = {**group("m5.large", "m5.large"), **sizes}
    one = Seen(group_of(said), "arn:web")
    committed = look(
        autoscaling__groups=[said], ec2__running_instances=members, ec2__reserved_instances=[reservation()]
    )
    assert _Worth(committed, BOOK, [one]).of(one).rate == pytest.approx(0.1), "of two one is paid for"
