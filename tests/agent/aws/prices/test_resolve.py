"""Which source a price comes from, and what is said of it."""

import pytest

from agent.aws.prices.book import PriceBook, Scale
from agent.aws.prices.bundled import bundled
from agent.aws.prices.price import UNKNOWN, Price
from agent.aws.prices.resolve import Prices

OURS = Prices(bundled())
SMALL = PriceBook(
    as_of="2026-01-01",
    source="test",
    regions={
        "us-east-1": {
            "ec2": {"linux/m5.large": 0.1, "linux/m5a.large": 0.08, "licence/windows/m5.large": 0.09},
            "ebs": {"gp3/gb": 0.08},
            "vpc": {"ipv4": 0.005},
            "rds": {"mysql/db.m5.large": 0.17},
        }
    },
    of_day={"ebs": "2026-02-02"},
    scale={"eu-west-1": Scale(factor=1.1, p50=0.01, p90=0.05, families={"m5a": 0.6})},
)
BOOK = PriceBook(as_of="2026-03-01", source="test", regions={"eu-west-1": {"ebs": {"gp3/gb": 0.088}}})


def test_the_home_region_is_bundled_with_the_day_of_its_service() -> None:
    prices = Prices(SMALL)
    assert prices.price("ec2", "linux/m5.large", "us-east-1") == Price(0.1, "BUNDLED", "2026-01-01")
    assert prices.price("ebs", "gp3/gb", "us-east-1") == Price(0.08, "BUNDLED", "2026-02-02")


def test_another_region_is_scaled_and_says_how_far_off_it_may_be() -> None:
    prices = Prices(SMALL)
    found = prices.price("ec2", "linux/m5.large", "eu-west-1")
    assert found.value == pytest.approx(0.11)
    assert found.label == "REGION_SCALED"
    assert prices.error("ec2", "linux/m5.large", "eu-west-1") == (0.01, 0.05)
    assert prices.error("ec2", "linux/m5.large", "us-east-1") is None


def test_a_family_that_is_cheaper_in_a_region_is_scaled_by_itself() -> None:
    assert Prices(SMALL).price("ec2", "linux/m5a.large", "eu-west-1").value == pytest.approx(0.048)
    amd, intel = (OURS.price("ec2", f"linux/{name}.large", "ap-south-1").value for name in ("m6a", "m6i"))
    assert amd
    assert intel
    assert amd < intel * 0.7


def test_what_costs_the_same_everywhere_is_not_scaled() -> None:
    assert OURS.price("vpc", "ipv4", "sa-east-1").value == 0.005
    assert OURS.price("vpc", "ipv4", "sa-east-1").label == "BUNDLED"
    assert OURS.price("vpc", "ipv4", "cn-north-1") == UNKNOWN


def test_an_imported_book_goes_before_the_bundled_one() -> None:
    prices = Prices(SMALL, BOOK)
    assert prices.price("ebs", "gp3/gb", "eu-west-1") == Price(0.088, "BOOK", "2026-03-01")
    assert prices.price("ebs", "gp3/gb", "us-east-1").label == "BUNDLED"


def test_the_live_list_goes_before_all() -> None:
    live = Price(0.09, "LIVE_LIST", "2026-04-01")
    prices = Prices(SMALL, BOOK, {("eu-west-1", "ebs", "gp3/gb"): live})
    assert prices.price("ebs", "gp3/gb", "eu-west-1") == live


def test_windows_is_linux_with_a_licence_that_no_region_scales() -> None:
    prices = Prices(SMALL)
    assert prices.price("ec2", "windows/m5.large", "us-east-1").value == pytest.approx(0.19)
    assert prices.price("ec2", "windows/m5.large", "eu-west-1").value == pytest.approx(0.11 + 0.09)
    assert prices.price("ec2", "windows/m5a.large", "us-east-1") == UNKNOWN
    assert OURS.price("ec2", "windows/m5.large", "us-east-1").value == pytest.approx(0.188)


def test_a_class_of_rds_without_a_price_is_an_estimate() -> None:
    found = Prices(SMALL).price("rds", "postgres/db.m5.large", "us-east-1")
    assert found.value == pytest.approx(0.178)
    assert found.label == "ESTIMATE"
    assert Prices(SMALL).price("rds", "mysql/db.m5.large", "us-east-1").label == "BUNDLED"


@pytest.mark.parametrize(
    ("service", "key", "region"),
    [
        ("ec2", "linux/m99.large", "us-east-1"),
        ("ec2", "linux/m5.large", "xx-nowhere-1"),
        ("rds", "oracle-se2/db.m5.large", "us-east-1"),
        ("rds", "aurora-mysql/db.r5.large", "us-east-1"),
        ("rds", "mysql/db.z99.large", "us-east-1"),
        ("nothing", "at/all", "us-east-1"),
    ],
)
def test_what_nobody_knows_has_no_number(service: str, key: str, region: str) -> None:
    assert OURS.price(service, key, region) == UNKNOWN
