"""The contract's own examples, for the OpenAPI document; those of extensions are made in its manner."""

from typing import Any

_AT = "2025-10-26T12:00:00Z"


def enveloped(data: object) -> dict[str, object]:
    return {"success": True, "data": data, "error": None, "timestamp": _AT}


TOKENS = {
    "accessToken": "eyJhbGciOiJSUzI1NiIs...",
    "refreshToken": "eyJhbGciOiJSUzI1NiIs...",
    "expiresIn": 86400,
    "tokenType": "Bearer",
}

RECOMMENDATION: dict[str, Any] = {
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

_SUMMARY: dict[str, Any] = {
    "totalRecommendations": 234,
    "totalMonthlySavings": 48645.0,
    "totalAnnualSavings": 583740.0,
    "byCategory": {
        "Cleaner": {"count": 102, "savings": 48645.0},
        "OverProvisioned": {"count": 87, "savings": 28087.0},
        "Modernization": {"count": 32, "savings": 21687.0},
        "PotentialBenefits": {"count": 13, "savings": 45280.0},
    },
}

RECOMMENDATIONS: dict[str, Any] = {
    "recommendations": [RECOMMENDATION],
    "pagination": {"currentPage": 1, "totalPages": 5, "totalItems": 234, "itemsPerPage": 50},
    "summary": _SUMMARY,
}

SUMS: dict[str, Any] = {
    "totalRecommendations": 2,
    "totalMonthlySavings": 85.44,
    "totalAnnualSavings": 1025.28,
    "byCategory": {
        "Cleaner": {"count": 1, "savings": 15.36},
        "OverProvisioned": {"count": 1, "savings": 70.08},
        "Modernization": {"count": 0, "savings": 0.0},
        "PotentialBenefits": {"count": 0, "savings": 0.0},
    },
    "realizedMonthlySavings": 3.65,
    "withoutPrice": 0,
    "byAccount": {"123456789012": {"count": 2, "savings": 85.44}},
    "byRegion": {"us-east-1": {"count": 2, "savings": 85.44}},
    "byService": {"EC2": {"count": 2, "savings": 85.44}},
    "byStatus": {"GENERATED": {"count": 2, "savings": 85.44}},
}

IMPLEMENTED = {
    "id": "rec_abcd1234",
    "status": "IMPLEMENTED",
    "implementedBy": "john.doe@company.com",
    "implementedAt": "2025-10-26T14:30:00Z",
}
SNOOZED = {"id": "rec_abcd1234", "status": "SNOOZED", "snoozedUntil": "2025-11-25T12:00:00Z"}
DISMISSED = {"id": "rec_abcd1234", "status": "DISMISSED"}

RESULTS: dict[str, Any] = {
    "results": [
        {"id": "rec_abcd1234", "status": "DISMISSED", "error": None},
        {"id": "rec_wxyz9876", "status": None, "error": {"code": "NOT_FOUND", "message": "Resource not found."}},
    ],
    "succeeded": 1,
    "failed": 1,
}

QUEUED = {"jobId": "job_xyz789", "status": "QUEUED", "estimatedCompletionTime": "2025-10-26T15:00:00Z"}

JOB = {
    "jobId": "job_xyz789",
    "type": "SCAN",
    "accountId": "123456789012",
    "status": "RUNNING",
    "progress": 50,
    "detail": "",
    "error": None,
    "createdAt": "2025-10-26T14:55:00Z",
    "finishedAt": None,
}

FAILURE: dict[str, Any] = {
    "success": False,
    "data": None,
    "error": {
        "code": "INVALID_REQUEST",
        "message": "Account ID must be 12 digits",
        "details": {"field": "accountId", "value": "12345", "expected": "12-digit string"},
        "requestId": "req_abc123def456",
        "timestamp": _AT,
    },
    "timestamp": _AT,
}

RATE_LIMITED: dict[str, Any] = {
    "success": False,
    "data": None,
    "error": {
        "code": "RATE_LIMIT_EXCEEDED",
        "message": "Rate limit exceeded. Please retry after 45 seconds.",
        "details": {},
        "requestId": "req_abc123def456",
        "timestamp": _AT,
    },
    "timestamp": _AT,
}
