"""What the health family answers, for its OpenAPI document; routes write these shapes straight from rows.

The tests hold every answer against these models, so that document and answers cannot drift apart.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from collector.domain.access.rules import Role
from common.wire import Severity, Status

Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", examples=["2026-05-14T03:00:00Z"])]
Score = Annotated[int, Field(ge=0, le=100)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Meta(_Shape):
    total: Annotated[int, Field(ge=0)]
    page: Annotated[int, Field(ge=1)]
    per_page: Annotated[int, Field(ge=1, le=100)]
    has_more: bool


class Connection(_Shape):
    id: int
    name: str
    host: str
    port: int
    connection_type: Literal["direct", "wallet", "descriptor"]
    latest_check_id: int | None
    score: Score | None
    last_checked_at: Time | None
    summary_text: str | None
    raw_score: Score | None


class ConnectionPage(_Shape):
    data: list[Connection]
    meta: Meta


class Check(_Shape):
    check_id: str
    category: str
    status: Status
    title: str
    metric_line: str
    remediation: str
    severity: Severity
    muted: bool


class LatestChecks(_Shape):
    id: int
    score: Score
    summary_text: str
    created_at: Time
    raw_score: Score
    checks: list[Check]


class LatestChecksItem(_Shape):
    data: LatestChecks


class FleetMember(_Shape):
    id: int
    name: str
    score: Score | None
    status: Literal["healthy", "warning", "critical", "never_run"]


class FleetSummary(_Shape):
    total: int
    healthy: int
    warning: int
    critical: int
    never_run: int


class Fleet(_Shape):
    data: list[FleetMember]
    summary: FleetSummary


class Ticket(_Shape):
    id: int
    connection_id: int
    connection_name: str
    check_id: str
    category: str
    title: str
    severity: Severity
    status: Literal["open", "resolved"]
    metric_line: str
    remediation: str
    first_seen_at: Time
    last_seen_at: Time
    resolved_at: Time | None
    occurrences: Annotated[int, Field(ge=1)]


class TicketPage(_Shape):
    data: list[Ticket]
    meta: Meta


class TicketStats(_Shape):
    open_count: Annotated[int, Field(ge=0)]
    resolved_this_week: Annotated[int, Field(ge=0)]
    critical_open: Annotated[int, Field(ge=0)]
    warning_open: Annotated[int, Field(ge=0)]
    avg_resolution_hours: float | None


class TicketStatsItem(_Shape):
    data: TicketStats


class HistoryPoint(_Shape):
    at: Time
    min: float
    avg: float
    max: float
    last: float


class StatusInterval(_Shape):
    began_at: Time
    ended_at: Time | None
    status: Literal["healthy", "warning", "critical", "unreachable", "unknown"]


class History(_Shape):
    connection_id: int
    metric: str
    unit: str
    step: Literal["raw", "hour", "day"]
    points: list[HistoryPoint]
    statuses: list[StatusInterval]


class HistoryItem(_Shape):
    data: History


class CatalogueEntry(_Shape):
    check_id: str
    category: str
    title: str
    remediation: str
    unit: str
    severity_ceiling: Severity
    interval_s: int
    cost: str
    scope: str
    warning: str
    critical: str
    pack: str
    enabled: bool


class CataloguePage(_Shape):
    data: list[CatalogueEntry]
    meta: Meta


class ActivityEntry(_Shape):
    id: int
    action_type: str
    page_path: str | None
    properties: dict[str, object]
    occurred_at: Time


class ActivityPage(_Shape):
    data: list[ActivityEntry]
    meta: Meta


class TeamMember(_Shape):
    id: int
    name: str
    email: str
    role: Role
    status: str
    joined_at: Time
    last_active_at: Time | None


class Members(_Shape):
    data: list[TeamMember]


class TeamRole(_Shape):
    id: int
    name: Role
    description: str
    permissions: list[str]


class Roles(_Shape):
    data: list[TeamRole]


class Error(_Shape):
    code: str
    message: str
    retry_after: Annotated[int, Field(ge=1)] | None = None
    request_id: str | None = None


class ErrorBody(_Shape):
    error: Error
