"""Reading AWS's offer files, and the commands around a book."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.aws.prices.offers import build
from agent.aws.prices.products import named, sold
from agent.cli import main
from common.errors import ConfigurationError
from common.identity import PrivateKey

HEAD = """"FormatVersion","v1.0"
"Disclaimer","whatever"
"Publication Date","2026-05-20T10:00:00Z"
"Version","20260520"
"OfferCode","AmazonEC2"
"""
COLUMNS = (
    "SKU,TermType,StartingRange,Unit,PricePerUnit,Currency,Instance Type,Tenancy,Operating System,License Model,"
    "usageType,CapacityStatus,Pre Installed S/W"
)
BOX = "No License required,EUC1-BoxUsage"
ROWS = [
    f"a,OnDemand,0,Hrs,0.115,USD,m5.large,Shared,Linux,{BOX}:m5.large,Used,NA",
    f"b,OnDemand,0,Hrs,0.23,USD,m5.xlarge,Shared,Linux,{BOX}:m5.xlarge,Used,NA",
    f"c,OnDemand,0,Hrs,0.207,USD,m5.large,Shared,Windows,{BOX}:m5.large,Used,NA",
    f"d,OnDemand,0,Hrs,0.127,USD,m5.large,Dedicated,Linux,{BOX}:m5.large,Used,NA",
    f"e,OnDemand,0,Hrs,0.9,USD,m5.large,Shared,Windows,{BOX}:m5.large,Used,SQL Std",
    f"f,OnDemand,0,Hrs,0.0,USD,m5.2xlarge,Shared,Linux,{BOX}:m5.2xlarge,Used,NA",
    f"g,OnDemand,0,Hrs,0.3,USD,m5.2xlarge,Shared,Linux,{BOX}:m5.2xlarge,UnusedCapacityReservation,NA",
    f"h,Reserved,0,Hrs,0.07,USD,m5.large,Shared,Linux,{BOX}:m5.large,Used,NA",
    f"i,OnDemand,0,Hrs,0.8,CNY,m5.4xlarge,Shared,Linux,{BOX}:m5.4xlarge,Used,NA",
    "j,OnDemand,0,GB-Mo,0.0952,USD,,,,,EUC1-EBS:VolumeUsage.gp3,,",
    "k,OnDemand,0,GiBps-mo,48.128,USD,,,,,EUC1-EBS:VolumeP-Throughput.gp3,,",
    "l,OnDemand,0,Hrs,0.052,USD,,,,,EUC1-NatGateway-Hours,,",
]
Run = Callable[..., int]


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    folder = tmp_path / "lists" / "AmazonEC2" / "current" / "eu-central-1"
    folder.mkdir(parents=True)
    (folder / "index.csv").write_text(HEAD + "\n".join([COLUMNS, *ROWS]) + "\n")
    return tmp_path / "lists"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("FIELDPOST_CONFIG_DIR", str(tmp_path))

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["fieldpost-agent", "--state-dir", str(tmp_path / "state"), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    yield call
    root.handlers[:], root.level = handlers, level


def test_a_book_has_the_shared_on_demand_rows_and_no_others(lists: Path) -> None:
    found = build(["eu-central-1"], str(lists))
    assert found.as_of == "2026-05-20"
    assert found.regions == {
        "eu-central-1": {
            "ec2": {"linux/m5.large": 0.115, "linux/m5.xlarge": 0.23, "windows/m5.large": 0.207},
            "ebs": {"gp3/gb": 0.0952, "gp3/mbps": 0.047},
            "vpc": {"nat": 0.052},
        }
    }


def test_a_file_that_is_no_offer_file_is_named(lists: Path) -> None:
    (lists / "AmazonEC2" / "current" / "eu-central-1" / "index.csv").write_text("<html>proxy</html>\n")
    with pytest.raises(ConfigurationError, match="AmazonEC2 of eu-central-1: not an offer file"):
        build(["eu-central-1"], str(lists))


def test_a_region_without_a_file_is_named(lists: Path) -> None:
    with pytest.raises(ConfigurationError, match="no offer file of eu-west-9"):
        build(["eu-west-9"], str(lists))


@pytest.mark.parametrize(
    ("code", "attributes", "key"),
    [
        ("AmazonRDS", {"usagetype": "USW2-InstanceUsage:db.m5.large", "databaseEngine": "PostgreSQL",
                       "deploymentOption": "Single-AZ", "instanceType": "db.m5.large"}, "postgres/db.m5.large"),
        ("AmazonRDS", {"usagetype": "Multi-AZUsage:db.m5.large", "databaseEngine": "MySQL",
                       "deploymentOption": "Multi-AZ", "instanceType": "db.m5.large"}, None),
        ("AWSELB", {"usagetype": "LoadBalancerUsage", "productFamily": "Load Balancer-Network"}, "nlb"),
        ("AWSELB", {"usagetype": "EU-LCUUsage", "productFamily": "Load Balancer-Application"}, None),
        ("AmazonElastiCache", {"usagetype": "EU-NodeUsage:cache.m5.large", "cacheEngine": "Redis",
                               "instanceType": "cache.m5.large"}, "cache.m5.large"),
        ("AmazonES", {"usagetype": "ESInstance:m5.large", "instanceType": "m5.large.search"}, "m5.large.search"),
        ("AmazonRedshift", {"usagetype": "Node:dc2.large", "instanceType": "dc2.large"}, "dc2.large"),
        ("AmazonS3", {"usagetype": "EUC1-TimedStorage-ByteHrs"}, "standard/gb"),
        ("AmazonSageMaker", {"usagetype": "Notebk:ml.t3.medium"}, "ml.t3.medium"),
        ("AmazonNothing", {"usagetype": "Anything"}, None),
    ],
)  # fmt: skip
def test_products_are_known_by_their_attributes(code: str, attributes: dict[str, str], key: str | None) -> None:
    found = sold(code, named(attributes))
    assert (found.key if found else None) == key


# --- the commands --------------------------------------------------------------------------------------------------


def test_a_book_is_built_signed_imported_and_shown(
    run: Run, lists: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = PrivateKey.generate()
    key.save(tmp_path / "key.pem")
    out = str(tmp_path / "book.gz")
    built = ("pricebook", "build", "--regions", "eu-central-1", "--from", str(lists), "--out", out)
    assert run(*built, "--key", str(tmp_path / "key.pem")) == 0
    assert run("pricebook", "import", out) == 1
    assert "no key is trusted" in capsys.readouterr().err
    (tmp_path / "reference-keys").write_text(f"{key.public.text} prices\n")
    assert run("pricebook", "import", out) == 0
    capsys.readouterr()
    assert run("pricebook", "show", "--price", "ec2", "linux/m5.large", "eu-central-1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["price"], found["priceLabel"], found["priceAsOf"]) == (0.115, "BOOK", "2026-05-20")


def test_what_is_in_use_is_shown_before_anything_was_imported(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pricebook", "show", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["imported"] is None
    assert shown["bundled"]["prices"]["us-east-1"]["ec2"] > 800
    assert shown["bundled"]["scaledRegions"]["eu-west-1"]["factor"] == pytest.approx(1.115, abs=0.01)
    assert run("pricebook", "show", "--price", "ec2", "linux/m5.large", "eu-west-2") == 0
    assert "REGION_SCALED" in capsys.readouterr().out
    assert run("pricebook", "show", "--price", "ec2", "linux/m99.large", "eu-west-2") == 0
    assert "unknown" in capsys.readouterr().out


def test_an_unsigned_book_is_imported_when_told_to(run: Run, lists: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "book.gz")
    assert run("pricebook", "build", "--regions", "eu-central-1", "--from", str(lists), "--out", out) == 0
    assert run("pricebook", "import", out) == 1
    assert run("pricebook", "import", out, "--unsigned") == 0


def test_a_service_that_is_not_read_is_named(
    run: Run, lists: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "book.gz")
    built = ("pricebook", "build", "--regions", "eu-central-1", "--from", str(lists), "--out", out)
    assert run(*built, "--services", "AmazonNothing") == 2
    assert "AmazonNothing" in capsys.readouterr().err
