"""What the tuner family answers about schedules, for its OpenAPI document."""

from typing import Literal

from pydantic import Field

from collector.api.tuner.shapes import Count, Money, Shape, Time
from collector.domain.schedules.executions import Outcome
from collector.domain.schedules.store import Status
from common.wire_aws import Action, ResourceType

Result = Literal[
    "APPLIED", "ALREADY", "SKIPPED", "WAITING", "FAILED", "MANUAL", "OVERRIDDEN", "MISSED", "LATE", "DRY_RUN"
]


class Pages(Shape):
    currentPage: Count  # noqa: N815 - the document's name
    totalPages: Count  # noqa: N815 - likewise
    totalItems: Count  # noqa: N815 - likewise
    itemsPerPage: Count  # noqa: N815 - likewise


class Hours(Shape):
    """One of the times may be missing: only starts, or only stops."""

    startTime: str | None = None  # noqa: N815 - the document's name
    stopTime: str | None = None  # noqa: N815 - likewise
    timezone: str
    weekdays: list[int]
    skipDates: list[str] | None = None  # noqa: N815 - as the document writes names
    extraDates: list[str] | None = None  # noqa: N815 - likewise


class Schedule(Shape):
    id: str
    name: str
    type: Literal["TAG_BASED", "RESOURCE_BASED"]
    accountId: str  # noqa: N815 - the document's name
    region: str
    tagRules: dict[str, str]  # noqa: N815 - likewise
    resourceIds: list[str] | None = None  # noqa: N815 - as the document writes names
    schedule: Hours
    resourceTypes: list[ResourceType]  # noqa: N815 - the document's name
    status: Status
    lastExecutionAt: Time | None  # noqa: N815 - likewise
    matchedResources: Count  # noqa: N815 - likewise
    projectedMonthlySavings: Money  # noqa: N815 - likewise
    createdAt: Time  # noqa: N815 - likewise
    updatedAt: Time  # noqa: N815 - as the document writes names
    enforce: bool
    hibernate: bool
    dryRun: bool  # noqa: N815 - likewise
    pausedUntil: Time | None  # noqa: N815 - likewise


class Schedules(Shape):
    schedules: list[Schedule]


class Scheduled(Shape):
    """A schedule that was made or changed."""

    id: str
    status: Status
    matchedResources: Count  # noqa: N815 - the document's name
    projectedMonthlySavings: Money  # noqa: N815 - likewise


class Switched(Shape):
    """A schedule that was paused, resumed or deleted."""

    id: str
    status: Literal["ACTIVE", "PAUSED", "DELETED"]
    pausedUntil: Time | None = None  # noqa: N815 - as the document writes names


class Edge(Shape):
    """`local`: by the clock of the schedule's zone; `remark`: where that clock jumps."""

    at: Time
    action: Action
    local: str
    remark: str | None = None


class Basis(Shape):
    """What `actualSavings30d` rests on, and what it leaves out."""

    stoppedHours: float  # noqa: N815 - as the document writes names
    unpricedHours: float  # noqa: N815 - likewise
    unknownStops: Count  # noqa: N815 - likewise


class OneSchedule(Schedule):
    actualSavings30d: float  # noqa: N815 - as the document writes names
    actualSavingsBasis: Basis  # noqa: N815 - likewise
    nextEdges: list[Edge]  # noqa: N815 - likewise


class Preview(Shape):
    """`status` and `pausedUntil`: of the schedule, where it is one."""

    begin: Time = Field(alias="from")
    to: Time
    timezone: str
    edges: list[Edge]
    status: Status | None = None
    pausedUntil: Time | None = None  # noqa: N815 - as the document writes names


class Applied(Shape):
    resourceId: str  # noqa: N815 - the document's name
    type: ResourceType
    result: Result
    detail: str
    lateMinutes: Count  # noqa: N815 - as the document writes names
    at: Time | None


class Execution(Shape):
    """`edge`: when it was due; `executedAt`: when it was last reported."""

    scheduleId: str  # noqa: N815 - as the document writes names
    edge: Time
    action: Action
    executedAt: Time  # noqa: N815 - likewise
    status: Outcome
    counts: dict[Result, int]
    results: list[Applied]


class Executions(Shape):
    executions: list[Execution]
    pagination: Pages


class Resource(Shape):
    """`rate`: USD an hour while it runs; `skipped`: why it is left alone; `note`: what its figures assume."""

    resourceId: str  # noqa: N815 - the document's name
    type: ResourceType
    name: str
    state: str
    rate: Money
    baselineHours: float  # noqa: N815 - as the document writes names
    projectedMonthlySavings: Money  # noqa: N815 - the document's name
    skipped: str | None
    note: str | None


class Resources(Shape):
    resources: list[Resource]
    lookedAt: Time | None  # noqa: N815 - as the document writes names
    pagination: Pages


class Override(Shape):
    accountId: str  # noqa: N815 - the document's name
    region: str
    resourceId: str  # noqa: N815 - likewise
    keep: Literal["running", "stopped", "asIs"]
    until: Time
    reason: str
    createdBy: str  # noqa: N815 - as the document writes names
    createdAt: Time  # noqa: N815 - the document's name


class Overrides(Shape):
    overrides: list[Override]


class Released(Shape):
    accountId: str  # noqa: N815 - the document's name
    region: str
    resourceId: str  # noqa: N815 - likewise
    status: Literal["DELETED"]
