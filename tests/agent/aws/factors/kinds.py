"""Instance types as the sweep reads them, for the tests of what could replace what."""

from agent.aws.snapshot import Resource


def kind(name: str, vcpu: int, gib: float, **fields: object) -> Resource:
    """An x86 type on Nitro with a baseline of 0.75 Gbit/s and 80 MB/s."""
    return {
        "InstanceType": name,
        "Hypervisor": "nitro",
        "VCpuInfo": {"DefaultVCpus": vcpu},
        "MemoryInfo": {"SizeInMiB": int(gib * 1024)},
        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
        "NetworkInfo": {
            "MaximumNetworkInterfaces": 3,
            "Ipv4AddressesPerInterface": 10,
            "BaselineBandwidthInGbps": 0.375 * vcpu,
            "EnaSupport": "required",
        },
        "EbsInfo": {
            "MaximumEbsAttachments": 27,
            "EbsOptimizedInfo": {"BaselineIops": 1800 * vcpu, "BaselineThroughputInMBps": 40.0 * vcpu},
        },
        "InstanceStorageSupported": False,
        "SupportedVirtualizationTypes": ["hvm"],
        **fields,
    }


ARM = {"ProcessorInfo": {"SupportedArchitectures": ["arm64"]}}
KINDS = [
    kind("m5.large", 2, 8),
    kind("m5.xlarge", 4, 16),
    kind("m5.2xlarge", 8, 32),
    kind("m4.large", 2, 8, Hypervisor="xen"),
    kind("m6i.large", 2, 8),
    kind("m6g.large", 2, 8, **ARM),
    kind("m7g.large", 2, 8, **ARM),
    kind("t3.micro", 2, 1),
    kind("t3.small", 2, 2),
    kind("t3.medium", 2, 4),
]


def offered(*kinds: Resource) -> dict[str, list[Resource]]:
    """A region that has these types."""
    return {
        "ec2.instance_types": list(kinds),
        "ec2.type_offerings": [{"InstanceType": one["InstanceType"]} for one in kinds],
    }
