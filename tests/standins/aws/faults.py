"""Faults on purpose: throttling, denials, regions that are shut, types without capacity, keys without grants."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.standins.aws.errors import AwsError

KINDS = ("throttle", "error", "deny", "scp", "optout", "capacity", "kms")


@dataclass(slots=True)
class Fault:
    """`kind=argument[:argument…]`; `left`: how often it still strikes, None for always."""

    kind: str
    arguments: tuple[str, ...]
    left: int | None = None


def parse_fault(text: str) -> Fault:
    """`throttle=ec2:DescribeVolumes[:N]`, `error=rds:StopDBInstance:CODE[:N]`, `deny=rds:DescribeDBInstances`,
    `scp=eu-central-1`, `optout=ap-east-1`, `capacity=p3.2xlarge`, `kms=i-0123456789abcdef0` (no grant on the key).
    """
    kind, equals, rest = text.partition("=")
    if not equals or kind not in KINDS or not rest:
        raise ValueError(f"fault `{text}`: expected one of {', '.join(KINDS)} as KIND=ARGUMENT[:ARGUMENT]")
    arguments = tuple(rest.split(":"))
    count = int(arguments[-1]) if kind in {"throttle", "error"} and arguments[-1].isdigit() else None
    return Fault(kind, arguments if count is None else arguments[:-1], count)


@dataclass(slots=True)
class Faults:
    """What is wrong at the moment."""

    latency_ms: float = 0.0
    active: list[Fault] = field(default_factory=list)

    def add(self, texts: Sequence[str]) -> None:
        self.active.extend(parse_fault(text) for text in texts)

    def of(self, kind: str) -> list[tuple[str, ...]]:
        return [fault.arguments for fault in self.active if fault.kind == kind]

    def has(self, kind: str, *arguments: str) -> bool:
        return arguments in self.of(kind)

    def strike(self, service: str, operation: str, protocol: str) -> None:
        """Refuse this call where a fault says so, and count it."""
        for fault in self.active:
            if fault.arguments[:2] not in {(service, operation), (service, "*")} or fault.left == 0:
                continue
            if fault.kind == "throttle":
                _count(fault)
                raise throttled(service, protocol)
            if fault.kind == "error":
                _count(fault)
                raise AwsError(fault.arguments[2], f"{operation}: refused on purpose", 400)


def _count(fault: Fault) -> None:
    fault.left = None if fault.left is None else fault.left - 1


def throttled(service: str, protocol: str) -> AwsError:
    if service == "ec2":
        return AwsError("RequestLimitExceeded", "Request limit exceeded.", 503)
    if protocol == "query":
        return AwsError("Throttling", "Rate exceeded", 400)
    return AwsError("ThrottlingException", "Rate exceeded", 400)
