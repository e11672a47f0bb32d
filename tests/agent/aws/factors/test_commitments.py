"""Commitments: steady hours without one, and those that end."""

import pytest

from agent.aws.factors import catalogue
from agent.aws.snapshot import Resource, Snapshot
from tests.agent.aws.builders import NO_PRICES, REGION, ago, found, instance, snapshot, tags

COMPUTE = catalogue()["SAVINGS_PLAN_COMPUTE"]
RESERVED = catalogue()["EC2_RI_EXPIRING"]
PLANS = catalogue()["SP_EXPIRING"]
NAME = f"compute/{REGION}"
M5 = 0.096 * 730


def reservation(name: str = "r-1", *, ends: float = 30, **fields: object) -> Resource:
    """`ends`: in so many days."""
    return {
        "ReservedInstancesId": name,
        "InstanceType": "m5.large",
        "InstanceCount": 1,
        "ProductDescription": "Linux/UNIX",
        "State": "active" if ends > 0 else "retired",
        "Start": ago(335),
        "End": ago(-ends),
        **fields,
    }


def plan(name: str = "p-1", *, ends: float = 30, **fields: object) -> Resource:
    return {
        "savingsPlanId": name,
        "savingsPlanType": "Compute",
        "commitment": "0.072",
        "state": "active",
        "end": f"{ago(-ends):%Y-%m-%dT%H:%M:%S.000Z}",
        "tags": {},
        **fields,
    }


def of(*instances: Resource, **more: list[Resource]) -> Snapshot:
    return snapshot(
        {"ec2.instances": list(instances), **{name.replace("_", ".", 1): items for name, items in more.items()}}
    )


# --- steady hours --------------------------------------------------------------------------------------------------


def test_instances_that_run_for_a_month_are_one_finding_of_their_region() -> None:
    one = found(COMPUTE, of(instance("i-1"), instance("i-2")))[NAME]
    assert one.savings == pytest.approx(2 * M5 * 0.28)
    assert (one.label, one.risk, one.confidence) == ("ESTIMATE", "HIGH", "MEDIUM")


def test_what_reservations_and_plans_pay_is_taken_off() -> None:
    reserved = of(instance("i-1"), instance("i-2"), ec2_reserved_instances=[reservation()])
    assert found(COMPUTE, reserved)[NAME].savings == pytest.approx(M5 * 0.28)
    planned = of(instance("i-1"), instance("i-2"), savingsplans_plans=[plan(commitment="0.0288")])
    assert found(COMPUTE, planned)[NAME].savings == pytest.approx((2 * M5 - 0.04 * 730) * 0.28)
    assert found(COMPUTE, of(instance(), savingsplans_plans=[plan()])) == {}


@pytest.mark.parametrize(
    "other",
    [plan(state="retired"), plan(savingsPlanType="SageMaker"), plan(savingsPlanType="EC2Instance", region="us-west-2")],
)
def test_plans_of_other_things_pay_for_nothing_here(other: Resource) -> None:
    assert found(COMPUTE, of(instance(), savingsplans_plans=[other]))[NAME].savings == pytest.approx(M5 * 0.28)


@pytest.mark.parametrize(
    "left_alone",
    [
        instance(LaunchTime=ago(29)),
        instance(State={"Name": "stopped"}),
        instance(InstanceLifecycle="spot"),
        instance(tagged={"schedule": "office"}),
    ],
)
def test_instances_that_are_not_steady_need_no_plan(left_alone: Resource) -> None:
    assert found(COMPUTE, of(left_alone)) == {}


@pytest.mark.parametrize("unread", ["savingsplans.plans", "ec2.reserved_instances"])
def test_commitments_that_may_not_be_read_make_it_only_probable(unread: str) -> None:
    look = snapshot({"ec2.instances": [instance()]}, gaps={unread: "AccessDenied"})
    assert found(COMPUTE, look)[NAME].confidence == "LOW"


def test_instances_without_a_price_make_no_number_and_are_counted_beside_others() -> None:
    assert found(COMPUTE, of(instance()), NO_PRICES)[NAME].savings is None
    one = found(COMPUTE, of(instance("i-1"), instance("i-2", InstanceType="x9.huge")))[NAME]
    assert one.savings == pytest.approx(M5 * 0.28)
    assert one.metadata["withoutPrice"] == 1


# --- commitments that end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ends", "is_found"), [(61, False), (60, True), (1, True), (-30, True), (-31, False)])
def test_a_commitment_is_told_two_months_before_and_a_month_after_its_end(ends: float, is_found: bool) -> None:  # noqa: FBT001 - a parameter
    reserved = snapshot({"ec2.reserved_instances": [reservation(ends=ends)]})
    assert bool(found(RESERVED, reserved)) is is_found
    plans = snapshot({"savingsplans.plans": [plan(ends=ends, state="active" if ends > 0 else "retired")]})
    assert bool(found(PLANS, plans)) is is_found


def test_what_ends_would_cost_its_list_price() -> None:
    reserved = snapshot({"ec2.reserved_instances": [reservation(InstanceCount=3)]})
    one = found(RESERVED, reserved)["r-1"]
    assert one.savings == pytest.approx(3 * M5 * 0.28)
    assert found(RESERVED, reserved, NO_PRICES)["r-1"].savings is None
    ending = found(PLANS, snapshot({"savingsplans.plans": [plan()]}))["p-1"]
    assert ending.current == pytest.approx(73.0)
    assert ending.recommended == pytest.approx(52.56)


def test_what_is_followed_by_another_is_left_alone() -> None:
    followed = [reservation(), reservation("r-2", ends=400, State="queued")]
    assert found(RESERVED, snapshot({"ec2.reserved_instances": followed})) == {}
    other = [reservation(), reservation("r-2", ends=400, InstanceType="c5.large")]
    assert found(RESERVED, snapshot({"ec2.reserved_instances": other})).keys() == {"r-1"}
    plans = [plan(), plan("p-2", ends=400, state="queued")]
    assert found(PLANS, snapshot({"savingsplans.plans": plans})) == {}


def test_exclusions_of_reservations_are_seen() -> None:
    marked = reservation(Tags=tags({"fieldpost:exclude": "all"}))
    one = found(RESERVED, snapshot({"ec2.reserved_instances": [marked]}))["r-1"]
    assert one.metadata["tags"] == {"fieldpost:exclude": "all"}


def test_what_a_reservation_that_just_ended_would_pay_is_advised_once() -> None:
    look = of(instance("i-1"), instance("i-2"), ec2_reserved_instances=[reservation(ends=-10)])
    assert set(found(RESERVED, look)) == {"r-1"}
    assert found(COMPUTE, look)[NAME].savings == pytest.approx(M5 * 0.28)


def test_what_a_plan_that_just_ended_would_pay_is_advised_once() -> None:
    look = of(instance("i-1"), savingsplans_plans=[plan(ends=-10, state="retired")])
    assert set(found(PLANS, look)) == {"p-1"}
    assert found(COMPUTE, look) == {}
