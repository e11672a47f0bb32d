"""Instance types side by side: which of them could carry what an instance is and does, and at what price."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.aws.catalogue import Book
from agent.aws.factors._instances import monthly
from agent.aws.prices.price import UNKNOWN, Price
from agent.aws.snapshot import Resource, Snapshot

GB = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What decides on an instance type; None where AWS does not tell."""

    name: str
    vcpu: float
    memory_mib: float
    architectures: frozenset[str]
    hypervisor: str
    virtualization: frozenset[str]
    interfaces: int
    addresses: int
    network_gbps: float | None
    volumes: int
    ebs_iops: float | None
    ebs_mbps: float | None
    has_disks: bool
    has_gpu: bool
    needs_ena: bool

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]

    @property
    def size(self) -> str:
        return self.name.partition(".")[2]

    @property
    def is_burstable(self) -> bool:
        return self.family.startswith("t")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def kind_of(facts: Resource) -> Kind:
    network, ebs = facts.get("NetworkInfo") or {}, facts.get("EbsInfo") or {}
    optimized: Mapping[str, Any] = ebs.get("EbsOptimizedInfo") or {}
    return Kind(
        name=str(facts["InstanceType"]),
        vcpu=float(facts["VCpuInfo"]["DefaultVCpus"]),
        memory_mib=float(facts["MemoryInfo"]["SizeInMiB"]),
        architectures=frozenset((facts.get("ProcessorInfo") or {}).get("SupportedArchitectures") or ()),
        hypervisor=str(facts.get("Hypervisor", "")),
        virtualization=frozenset(facts.get("SupportedVirtualizationTypes") or ("hvm",)),
        interfaces=int(network.get("MaximumNetworkInterfaces") or 1),
        addresses=int(network.get("Ipv4AddressesPerInterface") or 1),
        network_gbps=_number(network.get("BaselineBandwidthInGbps")),
        volumes=int(ebs.get("MaximumEbsAttachments") or 0),
        ebs_iops=_number(optimized.get("BaselineIops")),
        ebs_mbps=_number(optimized.get("BaselineThroughputInMBps")),
        has_disks=bool(facts.get("InstanceStorageSupported")),
        has_gpu=bool(facts.get("GpuInfo")),
        needs_ena=network.get("EnaSupport") == "required",
    )


class _NoBook:
    def price(self, service: str, key: str, region: str) -> Price:
        del service, key, region
        return UNKNOWN


class Market:
    """What a region offers, with prices where there is a book."""

    def __init__(self, snapshot: Snapshot, book: Book = _NoBook()) -> None:  # noqa: B008 - it has no state
        self._book, self._region = book, snapshot.region
        offered = {str(one["InstanceType"]) for one in snapshot.of("ec2.type_offerings")}
        facts = snapshot.of("ec2.instance_types")
        self.kinds = {str(one["InstanceType"]): kind_of(one) for one in facts if one.get("VCpuInfo")}
        self.offered = {name: kind for name, kind in self.kinds.items() if name in offered}

    def price(self, instance: Resource, kind: str = "") -> Price:
        return monthly(instance, self._book, self._region, kind=kind)

    def family(self, name: str) -> Iterator[Kind]:
        """The types of a family, the smallest first."""
        members = [kind for kind in self.offered.values() if kind.family == name and "metal" not in kind.size]
        yield from sorted(members, key=lambda kind: (kind.memory_mib, kind.vcpu))

    def like(self, kind: Kind, family: str) -> Kind | None:
        """The type of another family that is at least as large: of the same size by preference."""
        same = self.offered.get(f"{family}.{kind.size}")
        if same and _holds(same, kind):
            return same
        return next((one for one in self.family(family) if _holds(one, kind)), None)


def _holds(new: Kind, old: Kind) -> bool:
    """Makers round memory: r3.large had 15.25 GiB, its successors have 16, m3 had 7.5 and m6i has 8."""
    return new.vcpu >= old.vcpu and new.memory_mib >= old.memory_mib * 0.95


def fits_in(instance: Resource, kind: Kind) -> bool:
    """Whether its interfaces, addresses and volumes can be attached to that type."""
    interfaces = instance.get("NetworkInterfaces") or ()
    most = max((len(one.get("PrivateIpAddresses") or ()) for one in interfaces), default=0)
    volumes = len(instance.get("BlockDeviceMappings") or ())
    return (
        len(interfaces) <= kind.interfaces
        and most <= kind.addresses
        and (not kind.volumes or volumes <= kind.volumes)
        and str(instance.get("VirtualizationType") or "hvm") in kind.virtualization
    )
