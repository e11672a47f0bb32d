"""The examples of the tuner document, as it prints them."""

from tests.contract.documented import differences

RECOMMENDATION: dict[str, object] = {
    "id": "rec_abcd1234",
    "accountId": "123456789012",
    "resourceId": "snap-0abcd1234",
    "resourceName": "backup-2024-01-15",
    "service": "EC2",
    "category": "Cleaner",
    "description": "EBS snapshot is 180 days old and the volume has been deleted",
    "action": "Delete EBS snapshot snap-0abcd1234",
    "region": "us-east-1",
    "currentCost": 15.36,
    "recommendedCost": 0.0,
    "monthlySavings": 15.36,
    "annualSavings": 184.32,
    "status": "GENERATED",
    "riskLevel": "LOW",
    "metadata": {"size": 100, "created": "2024-01-15T10:30:00Z", "volumeId": "vol-deleted"},
    "createdAt": "2025-10-26T10:00:00Z",
    "updatedAt": "2025-10-26T10:00:00Z",
}

RECOMMENDATIONS: dict[str, object] = {
    "recommendations": [RECOMMENDATION],
    "pagination": {"currentPage": 1, "totalPages": 5, "totalItems": 234, "itemsPerPage": 50},
    "summary": {
        "totalRecommendations": 234,
        "totalMonthlySavings": 48645.00,
        "totalAnnualSavings": 583740.00,
        "byCategory": {
            "Cleaner": {"count": 102, "savings": 48645.00},
            "OverProvisioned": {"count": 87, "savings": 28087.00},
            "Modernization": {"count": 32, "savings": 21687.00},
            "PotentialBenefits": {"count": 13, "savings": 45280.00},
        },
    },
}

DECISIONS: tuple[tuple[str, dict[str, object], dict[str, object]], ...] = (
    (
        "implement",
        {
            "implementedBy": "john.doe@company.com",
            "implementedAt": "2025-10-26T14:30:00Z",
            "notes": "Deleted snapshot via AWS Console",
        },
        {
            "id": "rec_abcd1234",
            "status": "IMPLEMENTED",
            "implementedBy": "john.doe@company.com",
            "implementedAt": "2025-10-26T14:30:00Z",
        },
    ),
    (
        "snooze",
        {"snoozeDuration": 30, "reason": "Planned for next quarter"},
        {"id": "rec_abcd1234", "status": "SNOOZED", "snoozedUntil": "2025-11-25T12:00:00Z"},
    ),
    (
        "dismiss",
        {"reason": "Resource required for backup purposes"},
        {"id": "rec_abcd1234", "status": "DISMISSED"},
    ),
)
"""What is called, with which body, and what comes back."""

ACCOUNTS: dict[str, object] = {
    "accounts": [
        {
            "accountId": "123456789012",
            "accountName": "Production",
            "roleArn": "arn:aws:iam::123456789012:role/CloudKeeperTunerRole",
            "externalId": "uuid-12345-abcde",
            "status": "ACTIVE",
            "regions": ["us-east-1", "us-west-2", "eu-west-1"],
            "lastSyncAt": "2025-10-26T10:00:00Z",
            "linkedAt": "2025-01-15T09:00:00Z",
        }
    ]
}

NEW_ACCOUNT: dict[str, object] = {
    "accountId": "987654321098",
    "accountName": "Development",
    "roleArn": "arn:aws:iam::987654321098:role/CloudKeeperTunerRole",
    "externalId": "uuid-67890-fghij",
    "regions": ["us-east-1"],
}
LINKED: dict[str, object] = {
    "accountId": "987654321098",
    "status": "VERIFYING",
    "verificationJobId": "verify_abc123",
}
UNLINKED: dict[str, object] = {"accountId": "123456789012", "status": "DELETED"}

_HOURS: dict[str, object] = {
    "startTime": "08:00",
    "stopTime": "18:00",
    "timezone": "America/New_York",
    "weekdays": [1, 2, 3, 4, 5],
}
NEW_SCHEDULE: dict[str, object] = {
    "name": "Staging Environment Schedule",
    "type": "TAG_BASED",
    "accountId": "123456789012",
    "region": "us-east-1",
    "tagRules": {"Environment": "Staging"},
    "schedule": _HOURS,
    "resourceTypes": ["EC2", "RDS"],
}
SCHEDULED: dict[str, object] = {
    "id": "sched_xyz789",
    "status": "ACTIVE",
    "matchedResources": 23,
    "projectedMonthlySavings": 1840.00,
}
SCHEDULES: dict[str, object] = {
    "schedules": [
        {
            "id": "sched_abc123",
            **NEW_SCHEDULE,
            "status": "ACTIVE",
            "lastExecutionAt": "2025-10-26T07:00:00Z",
            "projectedMonthlySavings": 3452.00,
            "createdAt": "2025-01-10T10:00:00Z",
        }
    ]
}

LOGIN: dict[str, object] = {
    "accessToken": "eyJhbGciOiJSUzI1NiIs...",
    "refreshToken": "eyJhbGciOiJSUzI1NiIs...",
    "expiresIn": 86400,
    "tokenType": "Bearer",
}
REFRESH: dict[str, object] = {
    "accountId": "123456789012",
    "region": "us-east-1",
    "factorKeys": ["OVER_PROVISIONED_EC2", "SNAPSHOT_CLEANUP"],
}
QUEUED: dict[str, object] = {
    "jobId": "job_xyz789",
    "status": "QUEUED",
    "estimatedCompletionTime": "2025-10-26T15:00:00Z",
}
PAUSED: dict[str, object] = {"id": "sched_xyz789", "status": "PAUSED"}
RESUMED: dict[str, object] = {"id": "sched_xyz789", "status": "ACTIVE"}
DELETED: dict[str, object] = {"id": "sched_xyz789", "status": "DELETED"}

FAILURE: dict[str, object] = {
    "code": "INVALID_REQUEST",
    "message": "Account ID must be 12 digits",
    "details": {"field": "accountId", "value": "12345", "expected": "12-digit string"},
    "requestId": "req_abc123def456",
    "timestamp": "2025-10-26T12:00:00Z",
}
CODES: dict[str, int] = {
    "INVALID_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
}
LIMITS: dict[str, int] = {"read": 100, "write": 30, "auth": 5, "bulk": 10}
"""Requests per minute, by the kind of endpoint."""

EXTENSIONS = {"factorKey", "realizedMonthlySavings"}


def deviations(example: object, data: object, *, extensions: set[str] = EXTENSIONS) -> list[str]:
    """As `differences`, but for the extensions, and for metadata, which belongs to each factor."""
    told = {f".{name}: not documented" for name in extensions}
    return [
        one
        for one in differences(example, data)
        if not (one.endswith("not documented") and (".metadata." in one or any(one.endswith(end) for end in told)))
    ]
