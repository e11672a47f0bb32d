"""The price list, and what Cost Explorer and Compute Optimizer say to an account that never asked them before."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from tests.standins.aws.calls import Call
from tests.standins.aws.errors import AwsError
from tests.standins.aws.estate import rates
from tests.standins.aws.world import Answer, Handlers, World, page

PRICED_IN = ("us-east-1", "eu-central-1", "ap-south-1")
"""The price list has endpoints in these regions only."""
_LOCATIONS = {"us-east-1": "US East (N. Virginia)", "eu-west-1": "EU (Ireland)", "eu-central-1": "EU (Frankfurt)"}
Product = tuple[str, str, Mapping[str, str], str, float]
"""Service code, product family, attributes, unit, USD."""


def _products(call: Call, _: World) -> Answer:
    if call.region not in PRICED_IN:
        raise AwsError("AccessDeniedException", f"There is no price list in {call.region}.", 400)
    wanted = {str(one["Field"]): str(one["Value"]) for one in call.get("Filters", [])}
    code = str(call.get("ServiceCode"))
    found = [one for one in _all() if one[0] == code and _matches(one, wanted)]
    rows, token = page(found, int(call.get("MaxResults") or 100), call.get("NextToken"))
    return {"FormatVersion": "aws_v1", "PriceList": [_written(one) for one in rows], "NextToken": token}


def _matches(product: Product, wanted: Mapping[str, str]) -> bool:
    has = {"ServiceCode": product[0], "productFamily": product[1], **product[2]}
    return all(str(has.get(field, "")).lower() == value.lower() for field, value in wanted.items())


def _written(product: Product) -> str:
    """A product as the price list has it: a document within the document, prices as text."""
    code, family, attributes, unit, price = product
    sku = hashlib.sha256(json.dumps([code, family, dict(attributes)]).encode()).hexdigest()[:16].upper()
    dimension = {"unit": unit, "pricePerUnit": {"USD": f"{price:.10f}"}, "beginRange": "0", "endRange": "Inf"}
    term = {"priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": dimension}, "effectiveDate": f"{rates.AS_OF}T00:00:00Z"}
    return json.dumps(
        {
            "product": {"productFamily": family, "attributes": dict(attributes), "sku": sku},
            "serviceCode": code,
            "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
            "version": rates.AS_OF.replace("-", ""),
            "publicationDate": f"{rates.AS_OF}T00:00:00Z",
        }
    )


@cache
def _all() -> Sequence[Product]:
    return [product for region in _LOCATIONS for product in _of(region)]


def _of(region: str) -> Iterator[Product]:
    factor = rates.REGION_FACTOR[region]
    place = {"regionCode": region, "location": _LOCATIONS[region]}
    for kind, hour in rates.EC2.items():
        yield from _instance(kind, hour * factor, place)
    for kind, month in rates.EBS_GB.items():
        yield "AmazonEC2", "Storage", {**place, "volumeApiName": kind}, "GB-Mo", month * factor
    for kind, month in rates.IOPS.items():
        facts = {**place, "volumeApiName": kind, "group": "EBS IOPS"}
        yield "AmazonEC2", "System Operation", facts, "IOPS-Mo", month * factor
    for engine, classes in (("MySQL", rates.RDS_MYSQL), ("PostgreSQL", rates.RDS_POSTGRES)):
        for kind, hour in classes.items():
            facts = {**place, "instanceType": kind, "databaseEngine": engine, "deploymentOption": "Single-AZ"}
            yield "AmazonRDS", "Database Instance", facts, "Hrs", hour * factor
    for kind, hour in rates.CACHE.items():
        facts = {**place, "instanceType": kind, "cacheEngine": "Redis"}
        yield "AmazonElastiCache", "Cache Instance", facts, "Hrs", hour * factor
    for kind, hour in rates.REDSHIFT.items():
        yield "AmazonRedshift", "Compute Instance", {**place, "instanceType": kind}, "Hrs", hour * factor
    for kind, hour in rates.OPENSEARCH.items():
        yield "AmazonES", "Amazon OpenSearch Service Instance", {**place, "instanceType": kind}, "Hrs", hour * factor


def _instance(kind: str, hour: float, place: Mapping[str, str]) -> Iterator[Product]:
    """Beside the price that counts: one of 0.0 for capacity that is reserved, and one for dedicated tenancy."""
    facts = {
        **place,
        "instanceType": kind,
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "licenseModel": "No License required",
        "marketoption": "OnDemand",
    }
    for tenancy, capacity, price in (
        ("Shared", "Used", hour),
        ("Shared", "UnusedCapacityReservation", hour),
        ("Shared", "AllocatedCapacityReservation", 0.0),
        ("Dedicated", "Used", hour * 1.1),
    ):
        yield "AmazonEC2", "Compute Instance", {**facts, "tenancy": tenancy, "capacitystatus": capacity}, "Hrs", price


def _not_enrolled(_: Call, __: World) -> Answer:
    raise AwsError("OptInRequiredException", "Aws account is not registered for recommendation.", 400)


def _no_data(_: Call, __: World) -> Answer:
    raise AwsError("DataUnavailableException", "Data is not available. Please try to adjust the time period.", 400)


def _nothing_recommended(_: Call, __: World) -> Answer:
    return {}


HANDLERS: Handlers = {
    ("pricing", "GetProducts"): _products,
    ("ce", "GetSavingsPlansPurchaseRecommendation"): _nothing_recommended,
    ("ce", "GetSavingsPlansCoverage"): _no_data,
    ("ce", "GetSavingsPlansUtilization"): _no_data,
    ("ce", "GetReservationCoverage"): _no_data,
    ("ce", "GetReservationUtilization"): _no_data,
    ("compute-optimizer", "GetEC2InstanceRecommendations"): _not_enrolled,
    ("compute-optimizer", "GetEBSVolumeRecommendations"): _not_enrolled,
    ("compute-optimizer", "GetLambdaFunctionRecommendations"): _not_enrolled,
    ("compute-optimizer", "GetRDSDatabaseRecommendations"): _not_enrolled,
    ("compute-optimizer", "GetIdleRecommendations"): _not_enrolled,
}
