"""What the tuner family answers about money, for its OpenAPI document; routes write these shapes straight from rows.

The tests hold every answer against these models, so that document and answers cannot drift apart.
"""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from collector.domain.costs.rules import Status
from common.wire_aws import Category, Risk

Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", examples=["2025-10-26T12:00:00Z"])]
Count = Annotated[int, Field(ge=0)]
Money = Annotated[float | None, Field(description="USD; null where a price is not known.")]
T = TypeVar("T")


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(Shape, Generic[T]):
    """Every answer that is none of a problem."""

    success: Literal[True]
    data: T
    error: None
    timestamp: Time


class Nothing(Shape):
    success: Literal[True]
    data: None
    error: None
    timestamp: Time


class Failure(Shape):
    code: str
    message: str
    details: dict[str, object]
    requestId: str  # noqa: N815 - the document's name
    timestamp: Time


class ErrorBody(Shape):
    success: Literal[False]
    data: None
    error: Failure
    timestamp: Time


class Tokens(Shape):
    accessToken: str  # noqa: N815 - the document's name
    refreshToken: str  # noqa: N815 - likewise
    expiresIn: Literal[86400]  # noqa: N815 - likewise
    tokenType: Literal["Bearer"]  # noqa: N815 - likewise


class Recommendation(Shape):
    """What the document lists, then what it leaves open: only where there is something to say."""

    id: str
    accountId: str  # noqa: N815 - the document's name
    resourceId: str  # noqa: N815 - likewise
    resourceName: str  # noqa: N815 - likewise
    service: str
    category: Category
    description: str
    action: str
    region: str
    currentCost: Money  # noqa: N815 - likewise
    recommendedCost: Money  # noqa: N815 - likewise
    monthlySavings: Money  # noqa: N815 - likewise
    annualSavings: Money  # noqa: N815 - likewise
    status: Status
    riskLevel: Risk  # noqa: N815 - likewise
    metadata: dict[str, object]
    createdAt: Time  # noqa: N815 - likewise
    updatedAt: Time  # noqa: N815 - likewise
    factorKey: str  # noqa: N815 - as the document writes names
    reason: str | None = None
    notes: str | None = None
    snoozedUntil: Time | None = None  # noqa: N815 - likewise
    implementedBy: str | None = None  # noqa: N815 - likewise
    implementedAt: Time | None = None  # noqa: N815 - likewise
    realizedMonthlySavings: float | None = None  # noqa: N815 - likewise
    endedAt: Time | None = None  # noqa: N815 - likewise


class Part(Shape):
    count: Count
    savings: float


class ByCategory(Shape):
    """Always all four."""

    Cleaner: Part
    OverProvisioned: Part
    Modernization: Part
    PotentialBenefits: Part


class Summary(Shape):
    totalRecommendations: Count  # noqa: N815 - the document's name
    totalMonthlySavings: float  # noqa: N815 - likewise
    totalAnnualSavings: float  # noqa: N815 - likewise
    byCategory: ByCategory  # noqa: N815 - likewise
    realizedMonthlySavings: float  # noqa: N815 - as the document writes names


class Sums(Summary):
    withoutPrice: Count  # noqa: N815 - as the document writes names
    byAccount: dict[str, Part]  # noqa: N815 - likewise
    byRegion: dict[str, Part]  # noqa: N815 - likewise
    byService: dict[str, Part]  # noqa: N815 - likewise
    byStatus: dict[str, Part]  # noqa: N815 - likewise


class Pagination(Shape):
    currentPage: Annotated[int, Field(ge=1)]  # noqa: N815 - the document's name
    totalPages: Count  # noqa: N815 - likewise
    totalItems: Count  # noqa: N815 - likewise
    itemsPerPage: Annotated[int, Field(ge=1)]  # noqa: N815 - likewise


class Recommendations(Shape):
    recommendations: list[Recommendation]
    pagination: Pagination
    summary: Summary


class Implemented(Shape):
    id: str
    status: Literal["IMPLEMENTED"]
    implementedBy: str  # noqa: N815 - the document's name
    implementedAt: Time  # noqa: N815 - likewise


class Snoozed(Shape):
    id: str
    status: Literal["SNOOZED"]
    snoozedUntil: Time  # noqa: N815 - the document's name


class Dismissed(Shape):
    id: str
    status: Literal["DISMISSED"]


class Refusal(Shape):
    code: Literal["NOT_FOUND", "CONFLICT"]
    message: str


class Result(Shape):
    """`status`: what it is now; null where there is no such recommendation."""

    id: str
    status: Status | None
    error: Refusal | None


class Results(Shape):
    results: list[Result]
    succeeded: Count
    failed: Count


class Queued(Shape):
    jobId: str  # noqa: N815 - the document's name
    status: Literal["QUEUED"]
    estimatedCompletionTime: Time  # noqa: N815 - likewise


class Job(Shape):
    """`progress` in percent; `error`: why it failed."""

    jobId: str  # noqa: N815 - as the document writes names
    type: Literal["SCAN", "VERIFICATION"]
    accountId: str  # noqa: N815 - likewise
    status: Literal["QUEUED", "RUNNING", "SUCCEEDED", "FAILED"]
    progress: Annotated[int, Field(ge=0, le=100)]
    detail: str
    error: str | None
    createdAt: Time  # noqa: N815 - likewise
    finishedAt: Time | None  # noqa: N815 - likewise
