"""OpenSearch and Redshift: domains and clusters that nobody uses."""

import pytest

from agent.aws.catalogue import Factor
from agent.aws.factors import catalogue
from agent.aws.snapshot import Reading, Resource, Series, Snapshot
from tests.agent.aws.builders import ACCOUNT, NO_PRICES, REGION, Book, ago, found, snapshot, tags, undecided, wished

SEARCH = catalogue()["IDLE_OPENSEARCH"]
REDSHIFT = catalogue()["IDLE_REDSHIFT"]
ARN = f"arn:aws:es:{REGION}:{ACCOUNT}:domain/logs"
BOOK = Book(
    {
        ("opensearch", "m5.large.search"): 0.142,
        ("opensearch", "t3.small.search"): 0.036,
        ("opensearch", "gp3/gb"): 0.122,
        ("redshift", "dc2.large"): 0.25,
    }
)


def measured(factor: Factor, look: Snapshot, values: dict[str, float], samples: float = 20_160.0) -> Snapshot:
    readings: dict[Series, Reading | float] = {
        one: Reading(values[one.metric], samples) for one in wished(factor, look) if one.metric in values
    }
    return snapshot(look.resources, readings)


# --- OpenSearch ----------------------------------------------------------------------------------------------------


def domain(tagged: dict[str, str] | None = None, **fields: object) -> Snapshot:
    one = {
        "DomainName": "logs",
        "ARN": ARN,
        "Created": True,
        "Deleted": False,
        "Processing": False,
        "ClusterConfig": {
            "InstanceType": "m5.large.search",
            "InstanceCount": 2,
            "DedicatedMasterEnabled": True,
            "DedicatedMasterType": "t3.small.search",
            "DedicatedMasterCount": 3,
        },
        "EBSOptions": {"EBSEnabled": True, "VolumeType": "gp3", "VolumeSize": 100},
        **fields,
    }
    return snapshot({"opensearch.domains": [one], "tagging.resources": [{"ResourceARN": ARN, "Tags": tags(tagged)}]})


SILENT = {"SearchRate": 0.0, "IndexingRate": 0.0}


def test_a_domain_that_nobody_asks_costs_nodes_masters_and_storage() -> None:
    one = found(SEARCH, measured(SEARCH, domain(), SILENT), BOOK)["logs"]
    assert one.savings == pytest.approx((2 * 0.142 + 3 * 0.036) * 730 + 2 * 100 * 0.122)
    assert one.risk == "HIGH"


def test_metrics_of_a_domain_are_named_by_its_account_too() -> None:
    assert wished(SEARCH, domain())[0].dimensions == (("ClientId", ACCOUNT), ("DomainName", "logs"))


@pytest.mark.parametrize(
    ("look", "values"),
    [
        (domain(), SILENT | {"SearchRate": 1.0}),
        (domain(), SILENT | {"IndexingRate": 1.0}),
        (domain(Deleted=True), SILENT),
        (domain(Processing=True), SILENT),
        (domain({"role": "standby"}), SILENT),
        (domain({"retention": "7y"}), SILENT),
    ],
)
def test_domains_that_are_left_alone(look: Snapshot, values: dict[str, float]) -> None:
    assert found(SEARCH, measured(SEARCH, look, values), BOOK) == {}


def test_a_domain_without_a_whole_window_is_not_judged() -> None:
    assert undecided(SEARCH, domain()) == {"logs": "no datapoint"}
    assert undecided(SEARCH, measured(SEARCH, domain(), SILENT, 1000.0)).keys() == {"logs"}


def test_a_domain_without_a_price_has_no_number_and_says_its_tags() -> None:
    look = measured(SEARCH, domain({"fieldpost:exclude": "all"}), SILENT)
    one = found(SEARCH, look, NO_PRICES)["logs"]
    assert (one.savings, one.label) == (None, "UNKNOWN")
    assert one.metadata["tags"] == {"fieldpost:exclude": "all"}


# --- Redshift ------------------------------------------------------------------------------------------------------


def warehouse(**fields: object) -> Resource:
    return {
        "ClusterIdentifier": "dwh",
        "NodeType": "dc2.large",
        "NumberOfNodes": 4,
        "ClusterStatus": "available",
        "ClusterCreateTime": ago(100),
        "Tags": [],
        **fields,
    }


def of(one: Resource, values: dict[str, float]) -> Snapshot:
    return measured(REDSHIFT, snapshot({"redshift.clusters": [one]}), values)


UNUSED = {"DatabaseConnections": 0.0, "CPUUtilization": 12.0}


def test_a_cluster_without_connections_is_paused() -> None:
    one = found(REDSHIFT, of(warehouse(), UNUSED), BOOK)["dwh"]
    assert one.savings == pytest.approx(4 * 0.25 * 730)
    assert one.cli == f"aws redshift pause-cluster --cluster-identifier dwh --region {REGION}"


def test_one_connection_that_only_watches_is_no_use() -> None:
    one = found(REDSHIFT, of(warehouse(), {"DatabaseConnections": 1.0, "CPUUtilization": 4.9}), BOOK)["dwh"]
    assert one.confidence == "MEDIUM"


@pytest.mark.parametrize(
    ("one", "values"),
    [
        (warehouse(), {"DatabaseConnections": 1.0, "CPUUtilization": 5.0}),
        (warehouse(), {"DatabaseConnections": 2.0, "CPUUtilization": 1.0}),
        (warehouse(), {"DatabaseConnections": 1.0}),
        (warehouse(ClusterStatus="paused"), UNUSED),
        (warehouse(Tags=tags({"role": "dr"})), UNUSED),
        (warehouse(Tags=tags({"fieldpost:exclude": "IDLE_REDSHIFT"})), UNUSED),
    ],
)
def test_clusters_that_are_left_alone(one: Resource, values: dict[str, float]) -> None:
    assert found(REDSHIFT, of(one, values), BOOK) == {}


def test_a_young_or_unmeasured_cluster_is_not_judged() -> None:
    assert undecided(REDSHIFT, of(warehouse(), {})) == {"dwh": "no datapoint"}
    assert undecided(REDSHIFT, of(warehouse(ClusterCreateTime=ago(5)), UNUSED)).keys() == {"dwh"}


def test_a_cluster_without_a_price_has_no_number() -> None:
    assert found(REDSHIFT, of(warehouse(), UNUSED), NO_PRICES)["dwh"].savings is None
