"""Pure: the words of a service's status, how bad each is, and what each input makes of it. One table per question."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, get_args

ServiceStatus = Literal["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"]
STATUSES: tuple[ServiceStatus, ...] = get_args(ServiceStatus)
RANK: dict[ServiceStatus, int] = {status: rank for rank, status in enumerate(STATUSES)}
"""In this order, each worse than the one before."""

Visibility = Literal["public", "internal"]
VISIBILITIES: tuple[Visibility, ...] = get_args(Visibility)
View = Literal["internal", "public"]
"""`public`: only what may be read by everybody goes into the status."""

Severity = Literal["informational", "degraded", "partial_outage", "major_outage", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
IMPACT: dict[Severity, ServiceStatus] = {
    "informational": "operational",
    "degraded": "degraded_performance",
    "partial_outage": "partial_outage",
    "major_outage": "major_outage",
    "critical": "major_outage",
}
"""What an incident of this severity means for its services, where it does not say otherwise."""

ServiceKind = Literal["connection", "account", "manual"]
OnStale = Literal["hold", "degraded", "major"]
DataState = Literal["fresh", "stale", "no_data"]
ReasonSource = Literal["incident", "maintenance", "alert", "override", "stale"]


def worst(statuses: "tuple[ServiceStatus, ...] | list[ServiceStatus]") -> ServiceStatus:
    return max(statuses, key=RANK.__getitem__, default="operational")


class Span(NamedTuple):
    """Half-open; `ended_at` None: goes on."""

    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What agents found, for as long as it was confirmed; `check` as readers call it."""

    check: str
    status: ServiceStatus
    span: Span
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What an incident meant for the service, for a while."""

    incident_id: int
    title: str
    status: ServiceStatus
    span: Span
    public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A maintenance window that was begun. `excluded`: the part that does not count, never longer than scheduled."""

    maintenance_id: int
    title: str
    span: Span
    excluded: Span | None
    suppresses: bool
    public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What an operator said, over everything else, until then."""

    id: int
    status: ServiceStatus
    reason: str
    by: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that a service's status follows from, of some stretch of time; everything ascending by its beginning.

    `since`: from when on it counts. `fresh`: when its agents' data said something, disjoint; None where nobody
    watches and people alone say how it is, which is always known.
    """

    service_id: int
    since: datetime
    fresh: tuple[Span, ...] | None = None
    baselines: tuple[Baseline, ...] = ()
    impacts: tuple[Impact, ...] = ()
    works: tuple[Work, ...] = ()
    pins: tuple[Pin, ...] = ()
    publish_baseline: bool = False
    on_stale: OnStale = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that the status follows from; `id` of the incident, window, pin, or the check."""

    source: ReasonSource
    id: int | str
    status: ServiceStatus
    since: datetime
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """How a service is at an instant, and why."""

    status: ServiceStatus
    reasons: tuple[Reason, ...] = ()
    data_state: DataState = "fresh"
    stale_since: datetime | None = None
