"""ElastiCache, OpenSearch, Redshift and DynamoDB: idle, oversized, and what only looks so."""

from collections.abc import Mapping
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.elasticache.models import elasticache_backends
from moto.redshift.models import redshift_backends

from tests.standins.aws.estate.plot import Plot
from tests.standins.aws.estate.rates import CACHE, HOURS, OPENSEARCH, RCU_HOUR, REDSHIFT, WCU_HOUR


def plant(plot: Plot) -> None:
    for copy in range(plot.copies):
        _caches(plot, copy)
        _domains(plot, copy)
        _warehouses(plot, copy)
        _tables(plot, copy)


_NOBODY = {"NewConnections": 0.0, "GetTypeCmds": 0.0, "SetTypeCmds": 0.0, "CacheHits": 0.0, "CacheMisses": 0.0}
_USED = {"NewConnections": 40.0, "GetTypeCmds": 9e4, "SetTypeCmds": 3e4, "CacheHits": 8e4, "CacheMisses": 1e4}


def _caches(plot: Plot, copy: int) -> None:
    idle = _cache(plot, f"idle-cache-{copy}", "cache.m5.large", _NOBODY, cpu=0.3, memory=2.0)
    plot.expect("C:IDLE_ELASTICACHE", idle, CACHE["cache.m5.large"] * HOURS, aliases=[_arn(plot, idle)])
    roomy = _cache(plot, f"roomy-cache-{copy}", "cache.m5.xlarge", _USED, cpu=6.0, memory=18.0)
    month = (CACHE["cache.m5.xlarge"] - CACHE["cache.m5.large"]) * HOURS
    plot.expect("O:OVER_PROVISIONED_ELASTICACHE", roomy, month, money="at_least", aliases=[_arn(plot, roomy)])
    old = _cache(plot, f"old-cache-{copy}", "cache.m4.large", _USED, cpu=45.0, memory=70.0)
    plot.expect("M:ELASTICACHE_MODERNIZE", old, 1.0, money="at_least", aliases=[_arn(plot, old)])
    for name, load, more, why in (
        ("busy-cache", _USED, {"cpu": 55.0, "memory": 75.0}, "it has work"),
        ("full-cache", _USED, {"cpu": 5.0, "memory": 78.0}, "its memory is full"),
        ("new-cache", _NOBODY, {"cpu": 0.3, "memory": 2.0, "age": 4}, "it is four days old"),
    ):
        cache = _cache(plot, f"{name}-{copy}", "cache.m5.xlarge", load, **more)
        factors = ("IDLE_ELASTICACHE", "OVER_PROVISIONED_ELASTICACHE")
        plot.forbid(cache, why, *factors, aliases=[_arn(plot, cache)])


def _arn(plot: Plot, name: str) -> str:
    return f"arn:aws:elasticache:{plot.region}:{plot.account}:cluster:{name}"


def _cache(
    plot: Plot, name: str, kind: str, load: Mapping[str, float], *, cpu: float, memory: float, age: float = 100
) -> str:
    plot.client("elasticache").create_cache_cluster(
        CacheClusterId=name, Engine="redis", EngineVersion="7.1", CacheNodeType=kind, NumCacheNodes=1,
        Tags=[{"Key": "env", "Value": "prod"}],
    )  # fmt: skip
    cluster = elasticache_backends[plot.account][plot.region].cache_clusters[name]
    vars(cluster)["cache_cluster_create_time"] = plot.ago(age)
    readings = {
        **load,
        "CurrConnections": 6.0,
        "EngineCPUUtilization": cpu,
        "CPUUtilization": cpu,
        "DatabaseMemoryUsagePercentage": memory,
        "NetworkBytesIn": 1e6,
        "NetworkBytesOut": 1e6,
    }
    for metric, level in readings.items():
        for dimensions in ({"CacheClusterId": name}, {"CacheClusterId": name, "CacheNodeId": "0001"}):
            plot.metric("AWS/ElastiCache", metric, dimensions, level, days=min(age, 45), resolution=60)
    return name


def _domains(plot: Plot, copy: int) -> None:
    # No list that is bundled has OpenSearch: what it costs is known where the price list can be asked.
    month = 2 * OPENSEARCH["m5.large.search"] * HOURS
    for name, searches, age, why in (
        ("idle-search", 0.0, 100.0, ""),
        ("used-search", 25.0, 100.0, "it answers searches"),
        ("new-search", 0.0, 3.0, "it is three days old"),
    ):
        domain = f"{name}-{copy}"
        arn = _domain(plot, domain, searches, age)
        if why:
            plot.forbid(domain, why, "IDLE_OPENSEARCH", aliases=[arn])
        else:
            plot.expect("C:IDLE_OPENSEARCH", domain, month, money="any", aliases=[arn])


def _domain(plot: Plot, name: str, searches: float, age: float) -> str:
    made = plot.client("opensearch").create_domain(
        DomainName=name, EngineVersion="OpenSearch_2.13",
        ClusterConfig={"InstanceType": "m5.large.search", "InstanceCount": 2, "DedicatedMasterEnabled": False},
        EBSOptions={"EBSEnabled": True, "VolumeType": "gp3", "VolumeSize": 50},
    )  # fmt: skip
    named = {"DomainName": name, "ClientId": plot.account}
    for metric, level in (("SearchRate", searches), ("IndexingRate", searches / 5), ("CPUUtilization", 20.0)):
        plot.metric("AWS/ES", metric, named, level, days=min(age, 45), resolution=60)
    return str(made["DomainStatus"]["ARN"])


def _warehouses(plot: Plot, copy: int) -> None:
    for name, connections, cpu, age, why in (
        ("idle-dw", 0.0, 1.0, 100.0, ""),
        ("used-dw", 7.0, 55.0, 100.0, "it has connections"),
        ("new-dw", 0.0, 1.0, 5.0, "it is five days old"),
    ):
        cluster = f"{name}-{copy}"
        plot.client("redshift").create_cluster(
            ClusterIdentifier=cluster, NodeType="dc2.large", NumberOfNodes=2, ClusterType="multi-node",
            MasterUsername="owner", MasterUserPassword="Long-enough-1",
        )  # fmt: skip
        redshift_backends[plot.account][plot.region].clusters[cluster].create_time = plot.ago(age)
        for metric, level in (("DatabaseConnections", connections), ("CPUUtilization", cpu)):
            named = {"ClusterIdentifier": cluster}
            plot.metric("AWS/Redshift", metric, named, level, days=min(age, 45), resolution=60)
        arn = f"arn:aws:redshift:{plot.region}:{plot.account}:cluster:{cluster}"
        if why:
            plot.forbid(cluster, why, "IDLE_REDSHIFT", aliases=[arn])
        else:
            plot.expect("C:IDLE_REDSHIFT", cluster, 2 * REDSHIFT["dc2.large"] * HOURS, aliases=[arn])


def _tables(plot: Plot, copy: int) -> None:
    """Consumed capacity is a metric only where there was some."""
    both = ("DYNAMODB_CAPACITY_MODE",)
    idle = _table(plot, f"idle-{copy}", 100, 50)
    month = (100 * RCU_HOUR + 50 * WCU_HOUR) * HOURS
    plot.expect("O:DYNAMODB_CAPACITY_MODE", idle, month * 0.7, money="at_least", aliases=[_table_arn(plot, idle)])
    idle_but_new = _table(plot, f"new-{copy}", 100, 50, age=6)
    plot.forbid(idle_but_new, "it is six days old", *both, aliases=[_table_arn(plot, idle_but_new)])
    wide = _table(plot, f"wide-{copy}", 600, 300, share=0.08)
    plot.expect("O:DYNAMODB_CAPACITY_MODE", wide, 1.0, money="at_least", aliases=[_table_arn(plot, wide)])
    used = _table(plot, f"used-{copy}", 200, 100, share=0.7)
    plot.forbid(used, "it uses what it pays for", *both, aliases=[_table_arn(plot, used)])
    scaled = _table(plot, f"scaled-{copy}", 600, 300, share=0.1)
    plot.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="dynamodb", ResourceId=f"table/{scaled}", MinCapacity=5, MaxCapacity=600,
        ScalableDimension="dynamodb:table:ReadCapacityUnits",
    )  # fmt: skip
    plot.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="dynamodb", ResourceId=f"table/{scaled}", MinCapacity=5, MaxCapacity=300,
        ScalableDimension="dynamodb:table:WriteCapacityUnits",
    )  # fmt: skip
    plot.forbid(scaled, "it scales by itself", *both, aliases=[_table_arn(plot, scaled)])


def _table_arn(plot: Plot, name: str) -> str:
    return f"arn:aws:dynamodb:{plot.region}:{plot.account}:table/{name}"


def _table(plot: Plot, name: str, rcu: int, wcu: int, *, share: float = 0.0, age: float = 120) -> str:
    throughput: dict[str, Any] = {"ReadCapacityUnits": rcu, "WriteCapacityUnits": wcu}
    plot.client("dynamodb").create_table(
        TableName=name, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PROVISIONED",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], ProvisionedThroughput=throughput,
    )  # fmt: skip
    dynamodb_backends[plot.account][plot.region].tables[name].created_at = plot.ago(age)
    if share:
        for metric, units in (("ConsumedReadCapacityUnits", rcu), ("ConsumedWriteCapacityUnits", wcu)):
            plot.metric("AWS/DynamoDB", metric, {"TableName": name}, units * 60 * share, resolution=60)
    for metric, units in (("ProvisionedReadCapacityUnits", rcu), ("ProvisionedWriteCapacityUnits", wcu)):
        plot.metric("AWS/DynamoDB", metric, {"TableName": name}, units, resolution=300, days=min(age, 45))
    return name
