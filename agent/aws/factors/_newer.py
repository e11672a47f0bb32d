"""Instances of an older kind: the successors of their families, and the same work on Graviton."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from agent.aws.catalogue import Book, Factor, Result
from agent.aws.factors._estate import Cost, finding, kept, says
from agent.aws.factors._instances import described, is_its_own, is_running, is_shared, platform, subject
from agent.aws.factors._types import Kind, Market, fits_in
from agent.aws.snapshot import Resource, Snapshot, tags_of

_COLLECTIONS = ("ec2.instances", "ec2.instance_types", "ec2.type_offerings")
_COMMITMENTS = ("ec2.reserved_instances", "savingsplans.plans")
_GENERAL = ("m7i", "m7a", "m6i", "m6a", "m5", "m5a")
_COMPUTE = ("c7i", "c7a", "c6i", "c6a", "c5", "c5a")
_MEMORY = ("r7i", "r7a", "r6i", "r6a", "r5", "r5a")
_SUCCESSORS: Mapping[str, tuple[str, ...]] = {
    "m1": _GENERAL,
    "m2": _MEMORY,
    "m3": ("m6id", "m5d", "m5ad"),
    "m4": _GENERAL,
    "c1": _COMPUTE,
    "c3": ("c6id", "c5d", "c5ad"),
    "c4": _COMPUTE,
    "r3": ("r6id", "r5d", "r5ad"),
    "r4": _MEMORY,
    "t1": ("t3", "t3a"),
    "t2": ("t3", "t3a"),
    "i2": ("i4i", "i3en", "i3"),
    "d2": ("d3", "d3en"),
    "g2": ("g6", "g5", "g4dn"),
    "g3": ("g6", "g5", "g4dn"),
    "p2": ("p3", "g5"),
}
"""The families that are past, and what came after them, the newest first. AWS' own mark of a generation is of no use:
it names m5 and m6i as not current, and t2 as current.
"""
_AMD = re.compile(r"\da")
_GRAVITON: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("m5", "m5a", "m6i", "m6a", "m7i", "m7a"), ("m7g", "m6g", "m8g")),
    **dict.fromkeys(("c5", "c5a", "c6i", "c6a", "c7i", "c7a"), ("c7g", "c6g", "c8g")),
    **dict.fromkeys(("r5", "r5a", "r6i", "r6a", "r7i", "r7a"), ("r7g", "r6g", "r8g")),
    **dict.fromkeys(("t3", "t3a"), ("t4g",)),
}


def followers(family: str) -> tuple[str, ...]:
    """The families that an instance of this one may be advised to move to."""
    return (*_SUCCESSORS.get(family, ()), *_GRAVITON.get(family, ()))


def _moved(market: Market, instance: Resource, families: Iterable[str]) -> Iterator[Kind]:
    """Types of these families, in their order, that hold it and cost less or have no price."""
    old = market.kinds.get(str(instance["InstanceType"]))
    now = market.price(instance).value
    for family in families if old else ():
        kind = market.like(old, family) if old else None
        if kind and fits_in(instance, kind):
            then = market.price(instance, kind.name).value
            if now is None or (then is not None and then < now):
                yield kind


def _by_price(market: Market, instance: Resource, kinds: Iterable[Kind]) -> list[Kind]:
    """The cheapest first, of equal ones the newest; another maker's processors come after all of the same maker."""
    prices = [(bool(_AMD.search(kind.family)), market.price(instance, kind.name).value or 0.0, kind) for kind in kinds]
    return [kind for _, _, kind in sorted(prices, key=lambda one: one[:2])]


def _candidates(snapshot: Snapshot, key: str, families: Mapping[str, object]) -> Iterator[Resource]:
    for instance in kept(snapshot.of("ec2.instances"), key):
        family = str(instance["InstanceType"]).partition(".")[0]
        if family in families and is_running(instance) and is_its_own(instance) and is_shared(instance):
            yield instance


def _family(instance: Resource) -> str:
    return str(instance["InstanceType"]).partition(".")[0]


# --- previous generations ------------------------------------------------------------------------------------------


def estimate_previous(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """Not where the image could not start on it: 32 bits, paravirtual, without the driver of its network."""
    market = Market(snapshot, book)
    for instance in _candidates(snapshot, "PREVIOUS_GENERATION_EC2", _SUCCESSORS):
        old = market.kinds.get(str(instance["InstanceType"]))
        boots = instance.get("Architecture", "x86_64") == "x86_64" and instance.get("EnaSupport") is not False
        if old is None or not boots or instance.get("VirtualizationType") == "paravirtual":
            continue
        new = [
            kind
            for kind in _moved(market, instance, _SUCCESSORS[_family(instance)])
            if kind.has_disks or not old.has_disks
        ]
        if new:
            yield _previous(snapshot, market, instance, _by_price(market, instance, new))


def _previous(snapshot: Snapshot, market: Market, instance: Resource, new: list[Kind]) -> Result:
    name, old, target = instance["InstanceId"], instance["InstanceType"], new[0].name
    sure = instance.get("EnaSupport") is True
    return finding(
        snapshot,
        subject(instance),
        Cost(now=market.price(instance), then=market.price(instance, target)),
        description=f"Instance {name} is of a past generation ({old})",
        action=f"Stop {name}, change its type to {target} and start it; see first that it has the drivers for ENA and"
        " NVMe",
        cli=f"aws ec2 modify-instance-attribute --instance-id {name} --instance-type Value={target}",
        risk="MEDIUM",
        confidence="HIGH" if sure else "LOW",
        metadata=_metadata(snapshot, instance, new),
    )


def _metadata(snapshot: Snapshot, instance: Resource, new: list[Kind]) -> dict[str, object]:
    return {
        **described(snapshot, instance),
        "currentType": instance["InstanceType"],
        "recommendedType": new[0].name,
        "alternatives": [kind.name for kind in new[1:4]],
    }


# --- Graviton ------------------------------------------------------------------------------------------------------

_RUNTIME = re.compile(r"runtime|lang(uage)?|stack|framework", re.IGNORECASE)
_PORTABLE = re.compile(
    r"(^|[^a-z])(python|node(\.?js)?|java|jvm|kotlin|scala|ruby|rails|php|perl|django|flask|spring|dotnet)[\d.]*([^a-z]|$)"
    r"|\.net",
    re.IGNORECASE,
)
_BOUND = re.compile(r"x86|amd64|native|c\+\+|(^|[^a-z])(avx|sse|mkl|cuda)", re.IGNORECASE)
_ARCHITECTURE = re.compile(r"x86[_-]64|amd64|aarch64|arm64|x86|arm", re.IGNORECASE)


def estimate_graviton(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """Only where something says that it would run there: a twin of its image, or a runtime that is no binary."""
    market, twins = Market(snapshot, book), _twins(snapshot)
    for instance in _candidates(snapshot, "GRAVITON_EC2", _GRAVITON):
        portable = platform(instance) == "linux" and not instance.get("Platform") and not instance.get("ProductCodes")
        if not portable or instance.get("Architecture", "x86_64") != "x86_64" or says(tags_of(instance), _BOUND):
            continue
        proof = _proof(instance, twins)
        new = list(_moved(market, instance, _GRAVITON[_family(instance)])) if proof else []
        if proof and new:
            yield _graviton(snapshot, market, instance, new, proof)


def _twins(snapshot: Snapshot) -> dict[str, str]:
    """By image the arm64 image of the same name."""
    arm = {_plain(one): str(one["ImageId"]) for one in _own_images(snapshot, "arm64")}
    return {str(one["ImageId"]): arm[_plain(one)] for one in _own_images(snapshot, "x86_64") if _plain(one) in arm}


def _own_images(snapshot: Snapshot, architecture: Literal["arm64", "x86_64"]) -> Iterator[Resource]:
    return (one for one in snapshot.of("ec2.images") if one.get("Architecture") == architecture)


def _plain(image: Resource) -> str:
    """Its name without the architecture."""
    return re.sub(r"[-_. ]+", "-", _ARCHITECTURE.sub("", str(image.get("Name", "")))).strip("-").lower()


def _proof(instance: Resource, twins: Mapping[str, str]) -> str:
    if twin := twins.get(str(instance.get("ImageId"))):
        return f"its image has an arm64 twin, {twin}"
    for key, value in tags_of(instance).items():
        if _RUNTIME.search(key) and _PORTABLE.search(value):
            return f"it runs {value}"
    return ""


def _graviton(snapshot: Snapshot, market: Market, instance: Resource, new: list[Kind], proof: str) -> Result:
    name, target = instance["InstanceId"], new[0].name
    return finding(
        snapshot,
        subject(instance),
        Cost(now=market.price(instance), then=market.price(instance, target)),
        description=f"Instance {name} ({instance['InstanceType']}) could run on Graviton: {proof}",
        action=f"Build {name} anew as {target} from an arm64 image, and see that its agents and binaries exist for it",
        cli=f"aws ec2 run-instances --instance-type {target}",
        risk="HIGH",
        confidence="MEDIUM",
        metadata={**_metadata(snapshot, instance, new), "because": proof},
    )


FACTORS = (
    Factor(
        key="PREVIOUS_GENERATION_EC2",
        number=50,
        category="Modernization",
        service="EC2",
        kind="MODERNIZE",
        title="Instances of a past generation",
        collections=_COLLECTIONS,
        optional=_COMMITMENTS,
        estimate=estimate_previous,
    ),
    Factor(
        key="GRAVITON_EC2",
        number=51,
        category="Modernization",
        service="EC2",
        kind="MODERNIZE",
        title="Instances whose work would run on Graviton",
        collections=(*_COLLECTIONS, "ec2.images"),
        optional=_COMMITMENTS,
        estimate=estimate_graviton,
    ),
)
