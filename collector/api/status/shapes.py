"""What the status family answers, for its OpenAPI document; routes write these shapes straight from rows.

The tests hold every answer against these models, so that document and answers cannot drift apart.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from collector.domain.access.rules import Scope
from collector.domain.incidents import rules as incidents
from collector.domain.maintenance import rules as maintenance
from collector.domain.services.rules import DataState, ReasonSource, ServiceKind, ServiceStatus, Severity, Visibility

Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", examples=["2026-06-01T02:00:00Z"])]
Count = Annotated[int, Field(ge=0)]
Id = Annotated[int, Field(ge=1)]
Percent = Annotated[
    float | None, Field(ge=0, le=100, description="Rounded down; null while less than a minute was observed.")
]
Share = Annotated[float, Field(ge=0, le=1, description="Of the time, how much is known.")]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ErrorBody(Shape):
    error: str
    allowed: list[str] | None = None
    request_id: str | None = None


class Ping(Shape):
    ok: Literal[True]
    tenant_id: Id
    token_prefix: Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
    scopes: list[Scope]


class Cause(Shape):
    """One thing that the status follows from: `id` of the incident, window or pin, or the name of the check."""

    source: ReasonSource
    id: int | str
    status: ServiceStatus
    since: Time
    title: str


class Service(Shape):
    id: Id
    slug: str
    name: str
    description: str
    current_status: ServiceStatus
    visibility: Visibility
    tags: list[str]
    reasons: list[Cause]
    data_state: DataState
    stale_since: Time | None
    updated_at: Time
    group: str
    kind: ServiceKind


class Services(Shape):
    services: list[Service]
    total: Count
    limit: Count
    offset: Count


class Seconds(Shape):
    operational: float
    under_maintenance: float
    degraded_performance: float
    partial_outage: float
    major_outage: float


class Stretch(Shape):
    """A window that was measured, and all that its figures follow from."""

    since: Annotated[Time, Field(alias="from")]
    to: Time
    seconds: Seconds
    observed_seconds: float
    excluded_seconds: float
    unknown_seconds: float


class Uptime(Shape):
    service_id: Id
    uptime_24h: Percent
    uptime_7d: Percent
    uptime_30d: Percent
    coverage_24h: Share
    coverage_7d: Share
    coverage_30d: Share
    policy: str
    windows: dict[str, Stretch]


class Segment(Shape):
    since: Annotated[Time, Field(alias="from")]
    to: Time
    status: ServiceStatus
    known: bool
    excluded: bool


class History(Shape):
    service_id: Id
    since: Annotated[Time, Field(alias="from")]
    to: Time
    segments: list[Segment]


class Affected(Shape):
    id: Id
    slug: str
    name: str
    impact: incidents.Impacted


class Update(Shape):
    id: Id
    status: incidents.Status
    message: str
    is_public: bool
    created_at: Time
    author: str


class Incident(Shape):
    id: Id
    title: str
    description: str
    severity: Severity
    status: incidents.Status
    visibility: Visibility
    root_cause: str | None
    postmortem: str | None
    services: list[Affected]
    updates: list[Update]
    started_at: Time
    resolved_at: Time | None
    created_at: Time
    updated_at: Time


class Incidents(Shape):
    incidents: list[Incident]
    total: Count
    limit: Count
    offset: Count


class ActiveIncidents(Shape):
    incidents: list[Incident]
    total: Count


class Concerned(Shape):
    id: Id
    slug: str
    name: str


class Window(Shape):
    id: Id
    title: str
    description: str
    status: maintenance.State
    visibility: Visibility
    services: list[Concerned]
    scheduled_start: Time
    scheduled_end: Time
    actual_start: Time | None
    actual_end: Time | None
    exclude_from_sla: bool
    suppress_alerts: bool
    created_at: Time
    updated_at: Time
    auto_start: bool
    auto_complete: bool
    overrun: bool
    recurrence_id: str | None


class Windows(Shape):
    maintenance: list[Window]
    total: Count
    limit: Count
    offset: Count


class Upcoming(Shape):
    maintenance: list[Window]
    total: Count
