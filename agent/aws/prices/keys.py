"""What the keys of a price book mean: sizes of instance types, and which prices are the same everywhere."""

import re
from collections.abc import Iterator

HOME = "us-east-1"
"""The region whose prices are bundled as they are; the others are scaled from it."""

WINDOWS_LICENCE = "licence/windows/"
"""What Windows costs on top of an instance type, an hour; the same in every region."""

RDS_OF_EC2 = 1.78
"""What an hour of an RDS class costs, of one of the EC2 type below it (MySQL, one zone): between 1.63 and 1.90."""

_EVERYWHERE = frozenset(
    {
        ("vpc", "ipv4"),
        ("cloudwatch", "detailed"),
        ("ecr", "gb"),
        ("lambda", "x86_64"),
        ("lambda", "arm64"),
        ("rds", "extended/vcpu"),
    }
)
_SIZES = {"nano": 1 / 32, "micro": 1 / 16, "small": 1 / 8, "medium": 1 / 4, "large": 1 / 2, "xlarge": 1.0}
_MANY = re.compile(r"(?:(\d+)xlarge|metal-(\d+)xl)")
_INSTANCE = re.compile(r"(?:[a-z-]+/)?(?:db\.|cache\.|ml\.)?([a-z][a-z0-9-]*)\.([a-z0-9-]+?)(?:\.search)?")
_RDS_CLASS = re.compile(r"[a-z-]+/db\.([a-z][a-z0-9-]*\.[a-z0-9-]+)")


def is_everywhere(service: str, key: str) -> bool:
    """Whether a price is the same in every region (of the commercial partition)."""
    return (service, key) in _EVERYWHERE or key.startswith(WINDOWS_LICENCE)


def family_of(key: str) -> str:
    """`m5` of `linux/m5.large`, `mysql/db.m5.large` or `cache.m5.large`; empty when it is no instance."""
    found = _INSTANCE.fullmatch(key)
    return found[1] if found else ""


def size_of(key: str) -> float | None:
    """How many xlarge an instance type is; None for what the name does not tell (`metal`)."""
    found = _INSTANCE.fullmatch(key)
    if not found:
        return None
    many = _MANY.fullmatch(found[2])
    return float(many[1] or many[2]) if many else _SIZES.get(found[2])


def ec2_of(rds_key: str) -> str | None:
    """`linux/m5.large` for `mysql/db.m5.large`; None for what is no class (`gp3/gb`)."""
    found = _RDS_CLASS.fullmatch(rds_key)
    return f"linux/{found[1]}" if found else None


def lines_of(service: str, prices: dict[str, float]) -> Iterator[tuple[str, list[tuple[str, float, float]]]]:
    """The lines of like instances of a service, each with key, size and price: `ec2 linux m5`, `rds mysql m5`."""
    found: dict[str, list[tuple[str, float, float]]] = {}
    for key, price in prices.items():
        size = size_of(key)
        if size is not None and "metal" not in key:
            kind, slash, _ = key.rpartition("/")
            found.setdefault(f"{service} {kind}{' ' if slash else ''}{family_of(key)}", []).append((key, size, price))
    yield from found.items()
