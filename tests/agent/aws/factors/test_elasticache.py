"""ElastiCache: idle, too large, of an old generation."""

import pytest

from agent.aws.catalogue import Factor
from agent.aws.factors import catalogue
from agent.aws.snapshot import Reading, Resource, Series, Snapshot
from tests.agent.aws.builders import ACCOUNT, NO_PRICES, REGION, Book, ago, found, snapshot, tags, undecided, wished

IDLE = catalogue()["IDLE_ELASTICACHE"]
SIZE = catalogue()["OVER_PROVISIONED_ELASTICACHE"]
GENERATION = catalogue()["ELASTICACHE_MODERNIZE"]
BOOK = Book(
    {
        ("elasticache", "cache.m5.large"): 0.156,
        ("elasticache", "cache.m5.xlarge"): 0.311,
        ("elasticache", "cache.m4.large"): 0.156,
        ("elasticache", "cache.m6g.large"): 0.149,
        ("elasticache", "cache.m7g.large"): 0.158,
    }
)


def arn(name: str) -> str:
    return f"arn:aws:elasticache:{REGION}:{ACCOUNT}:cluster:{name}"


def cluster(name: str = "c-1", **fields: object) -> Resource:
    return {
        "CacheClusterId": name,
        "ARN": arn(name),
        "CacheClusterStatus": "available",
        "CacheNodeType": "cache.m5.large",
        "Engine": "redis",
        "EngineVersion": "6.2.6",
        "NumCacheNodes": 1,
        "CacheClusterCreateTime": ago(100),
        **fields,
    }


def of(*clusters: Resource, tagged: dict[str, str] | None = None, groups: list[Resource] | None = None) -> Snapshot:
    return snapshot(
        {
            "elasticache.clusters": list(clusters),
            "elasticache.replication_groups": groups or [],
            "tagging.resources": [{"ResourceARN": arn("c-1"), "Tags": tags(tagged)}],
        }
    )


def measured(factor: Factor, look: Snapshot, values: dict[str, float]) -> Snapshot:
    readings: dict[Series, Reading | float] = {
        one: values[one.metric] for one in wished(factor, look) if one.metric in values
    }
    return snapshot(look.resources, readings)


# --- idle ----------------------------------------------------------------------------------------------------------


def test_a_cache_that_is_asked_nothing_costs_all_its_nodes() -> None:
    look = of(cluster("a", ReplicationGroupId="g"), cluster("b", ReplicationGroupId="g"))
    one = found(IDLE, measured(IDLE, look, {"CurrConnections": 4.0}), BOOK)["g"]
    assert one.savings == pytest.approx(2 * 0.156 * 730)
    assert one.risk == "HIGH"
    assert one.cli.startswith("aws elasticache delete-replication-group --replication-group-id g --final-snapshot")


def test_a_memcached_cluster_has_no_data_to_keep() -> None:
    look = of(cluster(Engine="memcached", NumCacheNodes=3))
    one = found(IDLE, measured(IDLE, look, {"CurrConnections": 0.0}), BOOK)["c-1"]
    assert one.savings == pytest.approx(3 * 0.156 * 730)
    assert one.risk == "MEDIUM"
    asked = measured(IDLE, look, {"CurrConnections": 0.0, "CmdGet": 1.0})
    assert found(IDLE, asked, BOOK) == {}


@pytest.mark.parametrize(
    ("look", "values"),
    [
        (of(cluster()), {"CurrConnections": 4.0, "GetTypeCmds": 1.0}),
        (of(cluster(CacheClusterStatus="creating")), {"CurrConnections": 0.0}),
        (of(cluster(), tagged={"role": "standby"}), {"CurrConnections": 0.0}),
        (of(cluster(), tagged={"fieldpost:exclude": "IDLE_ELASTICACHE"}), {"CurrConnections": 0.0}),
        (
            of(
                cluster(ReplicationGroupId="g"),
                groups=[
                    {"ReplicationGroupId": "g", "GlobalReplicationGroupInfo": {"GlobalReplicationGroupId": "global"}}
                ],
            ),
            {"CurrConnections": 0.0},
        ),
    ],
)
def test_caches_that_are_left_alone(look: Snapshot, values: dict[str, float]) -> None:
    assert found(IDLE, measured(IDLE, look, values), BOOK) == {}


def test_a_young_or_unmeasured_cache_is_not_judged() -> None:
    assert undecided(IDLE, of(cluster())) == {"c-1": "no datapoint"}
    assert undecided(IDLE, of(cluster(CacheClusterCreateTime=ago(3)))).keys() == {"c-1"}


def test_a_cache_without_a_price_has_no_number() -> None:
    one = found(IDLE, measured(IDLE, of(cluster()), {"CurrConnections": 1.0}), NO_PRICES)["c-1"]
    assert (one.savings, one.label) == (None, "UNKNOWN")


# --- size ----------------------------------------------------------------------------------------------------------

SMALL = {"EngineCPUUtilization": 19.0, "DatabaseMemoryUsagePercentage": 39.0, "Evictions": 0.0}


def test_a_cache_that_half_its_nodes_would_hold_is_found() -> None:
    look = measured(SIZE, of(cluster(CacheNodeType="cache.m5.xlarge")), SMALL)
    one = found(SIZE, look, BOOK)["c-1"]
    assert one.savings == pytest.approx(0.155 * 730)
    assert one.metadata["recommendedType"] == "cache.m5.large"


@pytest.mark.parametrize(
    "busy", [{"EngineCPUUtilization": 20.0}, {"DatabaseMemoryUsagePercentage": 40.0}, {"Evictions": 1.0}]
)
def test_a_cache_that_needs_its_nodes_is_left_alone(busy: dict[str, float]) -> None:
    look = measured(SIZE, of(cluster(CacheNodeType="cache.m5.xlarge")), SMALL | busy)
    assert found(SIZE, look, BOOK) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"CacheNodeType": "cache.m5.large"},
        {"CacheNodeType": "cache.t3.medium"},
        {"CacheNodeType": "cache.r6gd.2xlarge"},
        {"CacheNodeType": "cache.m5.xlarge", "Engine": "memcached"},
    ],
)
def test_caches_whose_size_is_not_judged(fields: dict[str, object]) -> None:
    assert found(SIZE, measured(SIZE, of({**cluster(), **fields}), SMALL), BOOK) == {}


def test_a_size_without_metrics_is_not_judged() -> None:
    assert undecided(SIZE, of(cluster(CacheNodeType="cache.m5.xlarge"))) == {"c-1": "no datapoint"}


# --- generation ----------------------------------------------------------------------------------------------------


def test_an_old_generation_goes_to_the_cheapest_newer_one() -> None:
    one = found(GENERATION, of(cluster(CacheNodeType="cache.m4.large")), BOOK)["c-1"]
    assert one.savings == pytest.approx(0.007 * 730)
    assert one.metadata["recommendedType"] == "cache.m6g.large"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"CacheNodeType": "cache.m4.large", "Engine": "memcached"},
        {"CacheNodeType": "cache.m4.large", "EngineVersion": "4.0.10"},
    ],
)
def test_generations_that_are_left_alone(fields: dict[str, object]) -> None:
    assert found(GENERATION, of({**cluster(), **fields}), BOOK) == {}


def test_an_old_generation_without_prices_has_no_number() -> None:
    one = found(GENERATION, of(cluster(CacheNodeType="cache.t2.micro")), NO_PRICES)["c-1"]
    assert (one.savings, one.metadata["recommendedType"]) == (None, "cache.t4g.micro")
