"""The part of the link that is about AWS: what an agent is to watch and to switch, and what it says of it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from common.wire_types import Count, Instant, Name, Text

AccountId = Annotated[str, Meta(pattern=r"^\d{12}$")]
Region = Annotated[str, Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", max_length=32)]
Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
Money = float | None
"""USD a month; None where a price is not known, which is never zero."""

Category = Literal["Cleaner", "OverProvisioned", "Modernization", "PotentialBenefits"]
Risk = Literal["LOW", "MEDIUM", "HIGH"]
PriceLabel = Literal["LIVE_LIST", "BOOK", "BUNDLED", "REGION_SCALED", "ESTIMATE", "UNKNOWN"]
ResourceType = Literal["EC2", "RDS", "ASG"]
Action = Literal["START", "STOP"]
MAX_PARTS = 64


# --- what the collector wants --------------------------------------------------------------------------------------


class Account(Struct, frozen=True, omit_defaults=True):
    """A linked account. The external id is part of the trust, not a secret of AWS; it is never logged all the same."""

    account: AccountId
    name: Name
    role_arn: Text
    external_id: Text
    regions: tuple[Region, ...]
    scan_hours: Annotated[int, Meta(ge=1, le=168)] = 24


class Window(Struct, frozen=True, omit_defaults=True):
    """When resources run: wall-clock times in an IANA zone, `weekdays` (ISO, Monday 1) on which a window starts.

    One of the times may be missing: stop only, or start only. `skip` and `extra` are local dates.
    """

    timezone: Name
    weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...]
    start: Clock | None = None
    stop: Clock | None = None
    skip: tuple[Day, ...] = ()
    extra: tuple[Day, ...] = ()


class Schedule(Struct, frozen=True, omit_defaults=True):
    """A schedule as its agent applies it. All of `tags` must match, or the resource is named.

    `since`: edges before it passed while it was paused, and are not made up for. `revision`: grows whenever what it
    applies to or its hours change; every look at what it matches says which one that was.
    """

    schedule: Name
    name: Name
    account: AccountId
    region: Region
    window: Window
    resource_types: tuple[ResourceType, ...]
    tags: dict[str, str] = {}
    resources: tuple[Name, ...] = ()
    paused: bool = False
    paused_until: Instant | None = None
    since: Instant | None = None
    enforce: bool = False
    hibernate: bool = False
    dry_run: bool = False
    revision: Count = 0


class Override(Struct, frozen=True, omit_defaults=True):
    """A resource is kept as it is until then, whatever its schedules say."""

    account: AccountId
    region: Region
    resource: Name
    keep: Literal["running", "stopped", "as_is"]
    until: Instant
    by: Text = ""


# --- what the agent says -------------------------------------------------------------------------------------------


class Evidence(Struct, frozen=True):
    metric: Name
    stat: Name
    value: float | None


class Recommendation(Struct, frozen=True, omit_defaults=True):
    """One finding, known by account, region, factor and resource. `suppressed_by`: the factor of the primary one."""

    factor: Name
    resource: Annotated[str, Meta(min_length=1, max_length=512)]
    resource_name: Annotated[str, Meta(max_length=512)]
    service: Name
    category: Category
    description: Text
    action: Text
    cli: Text
    current_cost: Money
    recommended_cost: Money
    monthly_savings: Money
    price_label: PriceLabel
    price_as_of: str
    risk: Risk
    confidence: Literal["HIGH", "MEDIUM", "LOW"] = "HIGH"
    suppressed_by: str = ""
    evidence_hash: str = ""
    metadata: dict[str, object] = {}
    evidence: tuple[Evidence, ...] = ()


class Undecided(Struct, frozen=True):
    """How many resources a factor could not judge, and the first reason."""

    factor: Name
    count: Count
    reason: Text


class Scan(Struct, frozen=True, omit_defaults=True):
    """All findings of one region, in parts. `factors`: those that were judged; the others leave what is known alone.

    `gone`: identities (`factor/resource`) that an earlier scan found and whose resource now is as was advised.
    """

    scan: Name
    account: AccountId
    region: Region
    started_at: Instant
    ended_at: Instant
    factors: tuple[Name, ...]
    recommendations: tuple[Recommendation, ...]
    undecided: tuple[Undecided, ...] = ()
    gaps: dict[str, str] = {}
    gone: tuple[Text, ...] = ()
    job: str = ""
    api_calls: Count = 0
    part: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1
    parts: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1


class Verification(Struct, frozen=True, omit_defaults=True):
    """Whether an account can be used. `permissions`: IAM action to granted; `warnings`: a role that trusts anybody."""

    account: AccountId
    at: Instant
    verified: bool
    reason: Text = ""
    permissions: dict[str, bool] = {}
    missing: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    warnings: tuple[Text, ...] = ()
    job: str = ""


class Matched(Struct, frozen=True, omit_defaults=True):
    """A resource that a schedule applies to. `rate`: USD an hour while it runs; `skipped`: why it is left alone.

    `saving`: its share of what the schedule is projected to save, USD a month. `note`: what is assumed in that.
    """

    resource: Name
    type: ResourceType
    name: str = ""
    state: str = ""
    rate: Money = None
    baseline_hours: float = 730.0
    skipped: Text = ""
    saving: Money = None
    note: Text = ""


class Matches(Struct, frozen=True, omit_defaults=True):
    """What a schedule applies to, as of the agent's last look. `revision`: that of the schedule that was looked at;
    `early`: prices were not asked for yet, and what it saves follows.
    """

    schedule: Name
    at: Instant
    matched: tuple[Matched, ...]
    projected_monthly_savings: Money = None
    revision: Count = 0
    part: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1
    parts: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1
    early: bool = False


class Applied(Struct, frozen=True, omit_defaults=True):
    """What became of one resource at an edge."""

    resource: Name
    type: ResourceType
    result: Literal[
        "APPLIED", "ALREADY", "SKIPPED", "WAITING", "FAILED", "MANUAL", "OVERRIDDEN", "MISSED", "LATE", "DRY_RUN"
    ]
    detail: Text = ""
    late_min: Count = 0


class Execution(Struct, frozen=True, omit_defaults=True):
    """One edge of one schedule, known by schedule, edge and action; a later report of it adds resources."""

    schedule: Name
    edge: Instant
    action: Action
    at: Instant
    status: Literal["SUCCEEDED", "PARTIAL", "FAILED", "MISSED", "DRY_RUN"]
    results: tuple[Applied, ...]
