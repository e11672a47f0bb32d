"""OpenSearch: domains that nobody searches or writes to."""

from collections.abc import Iterable, Iterator

from agent.aws.catalogue import HOURS_A_MONTH, LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors._estate import Cost, Subject, finding, is_retained, is_standby, too_few
from agent.aws.factors._tagged import tags_by_arn
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Series, Snapshot, series

KEY = "IDLE_OPENSEARCH"


def _domains(snapshot: Snapshot) -> Iterator[Subject]:
    tags = tags_by_arn(snapshot)
    for domain in snapshot.of("opensearch.domains"):
        own = tags.get(str(domain["ARN"]), {})
        up = domain.get("Created") and not domain.get("Deleted") and not domain.get("Processing")
        if up and not is_standby(own) and not is_retained(own):
            name = str(domain["DomainName"])
            yield Subject(resource_id=name, resource=domain, tags=own, days=LOOKBACK_DAYS, name=name)


def _series(snapshot: Snapshot, domain: Subject) -> tuple[Series, Series]:
    """Its nodes always say how busy they are, so that one tells for how long it has been there."""
    return _one(snapshot, domain, "SearchRate"), _one(snapshot, domain, "IndexingRate")


def _one(snapshot: Snapshot, domain: Subject, metric: str) -> Series:
    return series(
        "AWS/ES",
        metric,
        "Maximum",
        days=LOOKBACK_DAYS,
        DomainName=domain.resource_id,
        ClientId=snapshot.account,
    )


def wish(snapshot: Snapshot) -> Iterable[Series]:
    for domain in _domains(snapshot):
        yield from _series(snapshot, domain)


def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """A domain does not say when it was made: datapoints over the whole window do."""
    for domain in _domains(snapshot):
        rates = [snapshot.reading(one) for one in _series(snapshot, domain)]
        unproven = next((why for rate in rates if (why := too_few(rate, LOOKBACK_DAYS))), None)
        if unproven:
            yield Undecided(domain.resource_id, unproven)
        elif all(rate and rate.value == 0 for rate in rates):
            yield _idle(snapshot, book, domain)


def _price(book: Book, region: str, domain: Resource) -> Price:
    """Nodes, masters and the storage of each node; warm nodes have prices that nobody gave."""
    shape, disks = domain["ClusterConfig"], domain.get("EBSOptions") or {}
    nodes = int(shape["InstanceCount"])
    total = book.price("opensearch", str(shape["InstanceType"]), region).times(nodes * HOURS_A_MONTH)
    for kind, count, enabled in (
        ("DedicatedMasterType", "DedicatedMasterCount", "DedicatedMasterEnabled"),
        ("WarmType", "WarmCount", "WarmEnabled"),
    ):
        if shape.get(enabled):
            each = book.price("opensearch", str(shape[kind]), region)
            total = total.plus(each.times(int(shape[count]) * HOURS_A_MONTH))
    if disks.get("EBSEnabled"):
        gib = book.price("opensearch", f"{disks['VolumeType']}/gb", region)
        total = total.plus(gib.times(float(disks["VolumeSize"]) * nodes))
    return total


def _idle(snapshot: Snapshot, book: Book, domain: Subject) -> Result:
    name, shape = domain.resource_id, domain.resource["ClusterConfig"]
    return finding(
        snapshot,
        domain,
        Cost(now=_price(book, snapshot.region, domain.resource)),
        description=f"Domain {name} was neither searched nor written to in {LOOKBACK_DAYS} days",
        action=f"Take a snapshot of {name} to a bucket of yours, then delete it",
        cli=f"aws opensearch delete-domain --domain-name {name}",
        risk="HIGH",
        metadata={
            "engineVersion": domain.resource.get("EngineVersion"),
            "nodeType": shape["InstanceType"],
            "nodes": shape["InstanceCount"],
        },
        evidence=(
            Evidence(metric="SearchRate", stat="Maximum", value=0.0),
            Evidence(metric="IndexingRate", stat="Maximum", value=0.0),
        ),
    )


FACTORS = (
    Factor(
        key=KEY,
        number=16,
        category="Cleaner",
        service="OpenSearch",
        kind="DELETE",
        title="Domains that nobody searches or writes to",
        collections=("opensearch.domains",),
        optional=("tagging.resources",),
        metrics=wish,
        estimate=estimate,
    ),
)
