"""Pure: what is known of something that can be switched, as the last look at the account found it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from common.wire_aws import ResourceType

Observed = Literal["RUNNING", "STOPPED", "STARTING", "STOPPING", "BUSY", "BROKEN", "GONE"]
"""BUSY: something else goes on that passes by itself. BROKEN: neither starting nor stopping can be hoped for."""

SIZES_TAG = "fieldpost:sizes"
"""Where an Auto Scaling group keeps the sizes that it gets back: `minimum/desired/maximum`."""
_SIZES = 3

_INSTANCE_STATES: dict[str, Observed] = {
    "pending": "STARTING",
    "running": "RUNNING",
    "stopping": "STOPPING",
    "stopped": "STOPPED",
    "shutting-down": "GONE",
    "terminated": "GONE",
}
_DATABASE_STATES: dict[str, Observed] = {
    "available": "RUNNING",
    "storage-optimization": "RUNNING",
    "starting": "STARTING",
    "stopped": "STOPPED",
    "stopping": "STOPPING",
    "deleting": "GONE",
    "failed": "BROKEN",
    "inaccessible-encryption-credentials": "BROKEN",
    "inaccessible-encryption-credentials-recoverable": "BROKEN",
    "incompatible-network": "BROKEN",
    "incompatible-option-group": "BROKEN",
    "incompatible-parameters": "BROKEN",
    "incompatible-restore": "BROKEN",
    "restore-error": "BROKEN",
    "storage-full": "BROKEN",
}


def instance_state(name: str) -> Observed:
    """Of an EC2 instance; a state that is not known is waited for."""
    return _INSTANCE_STATES.get(name, "BUSY")


def database_state(name: str) -> Observed:
    """Of an RDS instance or cluster; backing-up, modifying and the like pass."""
    return _DATABASE_STATES.get(name, "BUSY")


class Sizes(Struct, frozen=True):
    """Of an Auto Scaling group."""

    minimum: int
    desired: int
    maximum: int

    @property
    def empty(self) -> bool:
        return self.maximum == 0

    @property
    def text(self) -> str:
        """As the tag has them."""
        return f"{self.minimum}/{self.desired}/{self.maximum}"


def sizes_of(text: str) -> Sizes | None:
    """What a tag says; None when it is not three whole numbers, the middle one between the others."""
    parts = text.split("/")
    if len(parts) != _SIZES or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    sizes = Sizes(*(int(part) for part in parts))
    return sizes if sizes.minimum <= sizes.desired <= sizes.maximum else None


class Instance(Struct, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """What matters of an EC2 instance."""

    zone: str = ""
    spot: Literal["", "one-time", "persistent"] = ""
    root: Literal["ebs", "instance-store"] = "ebs"
    stop_protected: bool = False
    hibernation: bool = False


class Database(Struct, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """What matters of an RDS instance or cluster. `is_cluster`: it is switched as one; `cluster`: the one that it is a
    member of; `maintenance`: in UTC, like `sun:05:00-sun:05:30`; `restart_at`: when AWS will start it again by itself.
    """

    engine: str = ""
    is_cluster: bool = False
    multi_az_cluster: bool = False
    cluster: str = ""
    source: str = ""
    replicas: tuple[str, ...] = ()
    mirrored: bool = False
    across_regions: bool = False
    serverless_v1: bool = False
    maintenance: str = ""
    restart_at: datetime | None = None


class Group(Struct, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """What matters of an Auto Scaling group. `saved`: sizes that a schedule took away; `protected`: from scale-in."""

    sizes: Sizes
    saved: Sizes | None = None
    protected: int = 0


class Resource(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that can be switched; `kind` has what only matters for its type.

    `fault`: why it is stopped though it was started, with its class first, like `START_FAILED_KMS: …`.
    """

    id: str
    type: ResourceType
    state: Observed
    kind: Instance | Database | Group
    name: str = ""
    tags: Mapping[str, str] = {}
    launched_at: datetime | None = None
    fault: str = ""

    @property
    def key(self) -> str:
        """What no other resource of the same account and region has; names are only unique within a kind."""
        cluster = "cluster/" if isinstance(self.kind, Database) and self.kind.is_cluster else ""
        return f"{self.type}/{cluster}{self.id}"
