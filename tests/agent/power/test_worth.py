"""Rates and hours of the estate, whose prices and metrics the stand-in knows."""

import pytest

from agent.power.look import look
from agent.power.messages import Answer, Looked, LookRequest, Seen
from tests.agent.power.conftest import Asking
from tests.standins.aws.estate import rates
from tests.standins.aws.launch import Aws
from tests.standins.aws.spot import SHARE

pytestmark = pytest.mark.slow
OFFICE = {"Schedule": "office-hours"}
HERE = rates.REGION_FACTOR["eu-west-1"]


def appraised(request: LookRequest) -> tuple[dict[str, Seen], dict[str, str]]:
    """What was seen, by name, and the gaps."""
    said: list[Answer] = []
    look(request, said.append)
    answer = said[-1]
    assert isinstance(answer, Looked), answer
    return {one.resource.name: one for one in answer.resources}, answer.gaps


def test_the_estate_is_appraised(asking: Asking, as_agent: Aws) -> None:
    worth, gaps = appraised(asking(tags=(OFFICE,), worth=True))
    assert gaps == {}
    calls = as_agent.calls()["by_operation"]
    assert calls["cloudwatch:GetMetricData"] == 1
    assert sum(calls.values()) - calls["ec2:DescribeInstanceAttribute"] <= 14
    office = worth["office-07"]
    assert office.rate == pytest.approx(rates.EC2["m5.large"] * HERE, rel=0.01)
    assert office.price_label == "REGION_SCALED"
    assert office.running_hours == 730.0
    assert worth["office-spot-kept"].rate == pytest.approx(rates.EC2["m5.large"] * HERE * SHARE, abs=1e-5)
    assert (worth["office-spot-kept"].price_label, worth["office-spot-kept"].note) == ("LIVE_LIST", "Spot price of now")
    assert worth["office-group"].rate == pytest.approx(2 * rates.EC2["m5.large"] * HERE, rel=0.01)
    assert worth["office-group"].running_hours == 730.0
    assert worth["office-db-0"].rate == pytest.approx(rates.RDS_MYSQL["db.m5.large"] * HERE, rel=0.15)
    assert worth["office-db-0"].running_hours == 730.0
    assert worth["office-replica"].running_hours is None, "it is younger than a day"


def test_commitments_that_may_not_be_read_are_a_gap_and_a_note(asking: Asking, as_agent: Aws) -> None:
    as_agent.set_faults("deny=savingsplans:DescribeSavingsPlans", "deny=cloudwatch:GetMetricData")
    worth, gaps = appraised(asking(tags=(OFFICE,), types=("EC2",), worth=True))
    assert gaps == {
        "savingsplans.in_force": "access denied (savingsplans:DescribeSavingsPlans)",
        "cloudwatch.metrics": "access denied (cloudwatch:GetMetricData)",
    }
    assert worth["office-07"].note == "commitments are not known"
    assert worth["office-07"].rate is not None
    assert worth["office-07"].running_hours is None


def test_a_cluster_whose_class_has_no_price_has_no_rate(asking: Asking) -> None:
    worth, _ = appraised(asking(ids=("aurora",), types=("RDS",), worth=True))
    aurora = worth["aurora"]
    assert (aurora.rate, aurora.price_label, aurora.running_hours) == (None, "UNKNOWN", 730.0)
    assert aurora.note == "no price of aurora-mysql/db.r6g.large is known"


def test_without_being_asked_nothing_is_appraised(asking: Asking, as_agent: Aws) -> None:
    seen = appraised(asking(ids=("office-db-0",), types=("RDS",)))[0]["office-db-0"]
    assert (seen.rate, seen.price_label, seen.running_hours) == (None, "UNKNOWN", None)
    assert "cloudwatch:GetMetricData" not in as_agent.calls()["by_operation"]
