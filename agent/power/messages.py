"""What an agent and its child process for switching say to each other: one request, one line of JSON per answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from agent.aws.messages import DEFAULT_MEMORY_MIB, Ended, Failed, Target
from agent.power.resource import Resource, Sizes
from common.wire_aws import Action, Money, PriceLabel, ResourceType

NEEDED: Mapping[ResourceType, tuple[str, ...]] = {
    "EC2": ("ec2.instances",),
    "RDS": ("rds.instances", "rds.clusters"),
    "ASG": ("autoscaling.groups",),
}
"""The collections that a look cannot do without."""
PROTECTION = "ec2.stop_protection"
"""The gap where it is not known of all."""


class LookRequest(Struct, frozen=True, tag="look", omit_defaults=True):
    """Describe what schedules of one region may apply to: what carries one of `tags`' sets whole, or is in `ids`.

    `worth`: also what each costs an hour and how long it runs, which takes more calls; for the projection. What there
    is comes first then. `protection`: which instances are known to be protected from being stopped, or not to be; AWS
    is asked about the others, or of all `again`.
    """

    target: Target
    region: str
    types: tuple[ResourceType, ...]
    tags: tuple[dict[str, str], ...] = ()
    ids: tuple[str, ...] = ()
    worth: bool = False
    protection: dict[str, bool] = {}
    again: bool = False
    state_dir: str = ""
    deadline_s: float = 60.0
    memory_mib: int = DEFAULT_MEMORY_MIB


class Seen(Struct, frozen=True, omit_defaults=True):
    """One resource as it is. `rate`: USD an hour while it runs, storage left out; `running_hours`: a month, observed
    over the last 28 days, None when that is not known. `note`: why the rate is what it is, like a reservation.
    """

    resource: Resource
    arn: str = ""
    rate: Money = None
    price_label: PriceLabel = "UNKNOWN"
    running_hours: float | None = None
    note: str = ""


class Looked(Struct, frozen=True, tag="looked", omit_defaults=True):
    """One region as of `at`. `skew_s`: this host's clock minus that of AWS.

    `gaps`: what could not be described, by collection; with one of `NEEDED` what is not among `resources` may be there.
    `protection`: what this look has found out of it; `early`: what there is, and the whole look follows.
    """

    at: datetime
    skew_s: float
    resources: tuple[Seen, ...]
    gaps: dict[str, str] = {}
    protection: dict[str, bool] = {}
    early: bool = False


class Call(Struct, frozen=True, omit_defaults=True):
    """One thing to be done. `sizes`: those that a group gets at a start; at a stop it gets 0/0/0.

    `cluster`: the database is a cluster. `hibernate`: a plain stop follows where that is refused. `zone`: of an
    instance; what is short of capacity is so in one zone. `arn`, `tags`: what a dry run of a database or a group needs
    to ask for the right; without them it stays unproven.
    """

    resource: str
    type: ResourceType
    action: Action
    cluster: bool = False
    hibernate: bool = False
    sizes: Sizes | None = None
    dry_run: bool = False
    zone: str = ""
    arn: str = ""
    tags: dict[str, str] = {}


class SwitchRequest(Struct, frozen=True, tag="switch", omit_defaults=True):
    """Start and stop in one region, in the order given where the calls differ in kind."""

    target: Target
    region: str
    calls: tuple[Call, ...]
    deadline_s: float = 120.0
    memory_mib: int = DEFAULT_MEMORY_MIB


class Switched(Struct, frozen=True, tag="switched", omit_defaults=True):
    """What AWS said to one call; each is told of as soon as it is known. `code`: of a refusal, empty when accepted."""

    resource: str
    action: Action
    outcome: Literal["accepted", "refused", "would_work", "unproven"]
    code: str = ""
    detail: str = ""


Request = LookRequest | SwitchRequest
Answer = Looked | Switched | Failed | Ended
