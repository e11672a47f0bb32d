"""The price list answers in three regions, with rows that count and rows that do not."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws_standin.conftest import Client


def prices(client: Client, **filters: str) -> list[float]:
    rows = client("pricing", "FieldpostScan").get_products(
        ServiceCode="AmazonEC2",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in filters.items()],
    )["PriceList"]
    return [usd(json.loads(row)) for row in rows]


def usd(document: dict[str, Any]) -> float:
    (term,) = document["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    return float(dimension["pricePerUnit"]["USD"])


def test_filters_leave_one_price(client: Client) -> None:
    exact = {
        "instanceType": "m5.large", "regionCode": "us-east-1", "tenancy": "Shared", "capacitystatus": "Used",
        "preInstalledSw": "NA", "operatingSystem": "Linux",
    }  # fmt: skip
    assert prices(client, **exact) == [0.096]


def test_without_filters_there_are_zeros_and_dedicated_machines(client: Client) -> None:
    assert sorted(prices(client, instanceType="m5.large", regionCode="us-east-1")) == [0.0, 0.096, 0.096, 0.1056]


def test_most_regions_have_no_price_list(client: Client) -> None:
    with pytest.raises(ClientError):
        client("pricing", "FieldpostScan", region="eu-west-1").get_products(ServiceCode="AmazonEC2")


def test_compute_optimizer_has_to_be_asked_for_first(client: Client) -> None:
    with pytest.raises(ClientError, match="OptInRequired"):
        client("compute-optimizer", "FieldpostScan").get_ec2_instance_recommendations()
