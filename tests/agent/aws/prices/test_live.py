"""What is asked of AWS's price list, what is made of its answers, and what is kept."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.aws.prices.bundled import bundled
from agent.aws.prices.live import Asked, LiveList, endpoint_of, price_in, question
from agent.aws.prices.resolve import Key, Prices

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
M5: Key = ("eu-west-1", "ec2", "linux/m5.large")
GP3: Key = ("eu-west-1", "ebs", "gp3/gb")


def document(*prices: float) -> str:
    dimensions = {str(place): {"pricePerUnit": {"USD": f"{price:.10f}"}} for place, price in enumerate(prices)}
    return json.dumps({"terms": {"OnDemand": {"a": {"priceDimensions": dimensions}}}})


class DeniedError(Exception):
    pass


class PriceList:
    """A price list by instance type or volume type, which counts its calls."""

    def __init__(self, prices: Mapping[str, Sequence[str]], *, denies: bool = False) -> None:
        self.prices = prices
        self.denies = denies
        self.calls: list[dict[str, str]] = []
        self.regions: set[str] = set()

    def at(self, region: str) -> "PriceList":
        self.regions.add(region)
        return self

    def get_products(self, **call: Any) -> dict[str, Any]:
        filters = {one["Field"]: one["Value"] for one in call["Filters"]}
        self.calls.append(filters)
        if self.denies:
            raise DeniedError
        name = filters.get("instanceType") or filters["volumeApiName"]
        return {"PriceList": self.prices.get(name, [])}


def live(prices: PriceList, folder: Path) -> LiveList:
    return LiveList(prices.at, (DeniedError,), folder)


def test_exactly_what_was_wanted_is_asked_at_the_nearest_endpoint(tmp_path: Path) -> None:
    there = PriceList({"m5.large": [document(0.107)], "gp3": [document(0.088)]})
    found, failed = live(there, tmp_path).prices({M5, GP3, ("eu-west-1", "vpc", "nat")}, NOW)
    assert failed is None
    assert {key: price.value for key, price in found.items()} == {M5: 0.107, GP3: 0.088}
    assert {price.label for price in found.values()} == {"LIVE_LIST"}
    assert {price.as_of for price in found.values()} == {"2026-07-01"}
    assert there.regions == {"eu-central-1"}
    assert {call["regionCode"] for call in there.calls} == {"eu-west-1"}
    assert len(there.calls) == 2


def test_answers_are_kept_for_a_week(tmp_path: Path) -> None:
    there = PriceList({"m5.large": [document(0.107)]})
    for day, calls in ((0, 2), (7, 2), (8, 4)):
        live(there, tmp_path).prices({M5, GP3}, NOW + timedelta(days=day))
        assert len(there.calls) == calls


def test_where_it_is_not_allowed_one_call_is_made_and_nothing_is_known(tmp_path: Path) -> None:
    there = PriceList({}, denies=True)
    found, failed = live(there, tmp_path).prices({M5, GP3}, NOW)
    assert found == {}
    assert isinstance(failed, DeniedError)
    assert len(there.calls) == 1


def test_a_damaged_cache_is_asked_anew(tmp_path: Path) -> None:
    (tmp_path / "aws-prices.json").write_text("{")
    found, _ = live(PriceList({"m5.large": [document(0.107)]}), tmp_path).prices({M5}, NOW)
    assert found[M5].value == 0.107


@pytest.mark.parametrize(
    ("documents", "price"),
    [
        ([], None),
        ([document(0.0)], None),
        ([document(0.0), document(0.096)], 0.096),
        ([document(0.096), document(0.096)], 0.096),
        ([document(0.096), document(0.106)], None),
        (["{}"], None),
    ],
)
def test_a_price_is_one_above_zero_and_no_choice(documents: list[str], price: float | None) -> None:
    assert price_in(documents) == price


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [("us-west-2", "us-east-1"), ("eu-west-1", "eu-central-1"), ("ap-northeast-1", "ap-south-1")],
)
def test_the_price_list_answers_in_three_regions(region: str, endpoint: str) -> None:
    assert endpoint_of(region) == endpoint


def test_an_instance_is_asked_for_by_all_that_decides_on_its_price() -> None:
    asked = question("ec2", "windows/m5.large")
    assert asked is not None
    assert asked[1]["operatingSystem"] == "Windows"
    assert asked[1]["tenancy"] == "Shared"
    assert asked[1]["capacitystatus"] == "Used"
    assert asked[1]["preInstalledSw"] == "NA"
    assert question("ec2", "rhel/m5.large") is None
    assert question("vpc", "nat") is None


def test_a_book_remembers_what_was_wanted_of_it() -> None:
    asked = Asked(Prices(bundled()))
    assert asked.price("ec2", "linux/m5.large", "eu-west-1") == asked.book.price("ec2", "linux/m5.large", "eu-west-1")
    assert asked.keys == {M5}
