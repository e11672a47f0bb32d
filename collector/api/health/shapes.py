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


class LatestChecks(_Shape):
    id: int
    score: Score
    summary_text: str
    created_at: Time
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
