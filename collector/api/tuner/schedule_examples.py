"""The contract's own examples of schedules, for the OpenAPI document; those of extensions are made in its manner."""

from typing import Any

SCHEDULE: dict[str, Any] = {
    "id": "sched_abc123",
    "name": "Dev Environment Schedule",
    "type": "TAG_BASED",
    "accountId": "123456789012",
    "region": "us-east-1",
    "tagRules": {"Environment": "Dev", "Scheduler": "Enabled"},
    "schedule": {
        "startTime": "07:00",
        "stopTime": "19:00",
        "timezone": "America/New_York",
        "weekdays": [1, 2, 3, 4, 5],
    },
    "resourceTypes": ["EC2", "RDS"],
    "status": "ACTIVE",
    "lastExecutionAt": "2025-10-26T07:00:00Z",
    "matchedResources": 23,
    "projectedMonthlySavings": 3452.0,
    "createdAt": "2025-01-10T10:00:00Z",
    "updatedAt": "2025-01-10T10:00:00Z",
    "enforce": False,
    "hibernate": False,
    "dryRun": False,
    "pausedUntil": None,
}
SCHEDULES = {"schedules": [SCHEDULE]}

_EDGE = {"at": "2025-10-27T11:00:00Z", "action": "START", "local": "2025-10-27T07:00:00-04:00"}
ONE_SCHEDULE = {
    **SCHEDULE,
    "actualSavings30d": 3104.72,
    "actualSavingsBasis": {"stoppedHours": 9211.5, "unpricedHours": 0.0, "unknownStops": 0},
    "nextEdges": [_EDGE],
}

SCHEDULED = {
    "id": "sched_xyz789",
    "status": "ACTIVE",
    "matchedResources": 23,
    "projectedMonthlySavings": 1840.0,
}
PAUSED = {"id": "sched_xyz789", "status": "PAUSED"}
RESUMED = {"id": "sched_xyz789", "status": "ACTIVE"}
DELETED = {"id": "sched_xyz789", "status": "DELETED"}

PREVIEW = {
    "from": "2025-10-26T12:00:00Z",
    "to": "2025-11-09T12:00:00Z",
    "timezone": "America/New_York",
    "edges": [_EDGE],
}

_PAGES = {"currentPage": 1, "totalPages": 1, "totalItems": 1, "itemsPerPage": 20}
EXECUTIONS = {
    "executions": [
        {
            "scheduleId": "sched_abc123",
            "edge": "2025-10-26T23:00:00Z",
            "action": "STOP",
            "executedAt": "2025-10-26T23:00:09Z",
            "status": "PARTIAL",
            "counts": {"FAILED": 1},
            "results": [
                {
                    "resourceId": "i-0abcd1234",
                    "type": "EC2",
                    "result": "FAILED",
                    "detail": "UnauthorizedOperation",
                    "lateMinutes": 0,
                    "at": "2025-10-26T23:00:09Z",
                }
            ],
        }
    ],
    "pagination": _PAGES,
}
RESOURCES = {
    "resources": [
        {
            "resourceId": "i-0abcd1234",
            "type": "EC2",
            "name": "web-1",
            "state": "RUNNING",
            "rate": 0.096,
            "baselineHours": 730.0,
            "projectedMonthlySavings": 45.05,
            "skipped": None,
            "note": None,
        }
    ],
    "lookedAt": "2025-10-26T11:00:00Z",
    "pagination": {**_PAGES, "itemsPerPage": 50},
}

_PLACE = {"accountId": "123456789012", "region": "us-east-1", "resourceId": "i-0abcd1234"}
OVERRIDE = {
    **_PLACE,
    "keep": "running",
    "until": "2025-10-27T06:00:00Z",
    "reason": "Month-end batch",
    "createdBy": "john.doe@company.com",
    "createdAt": "2025-10-26T14:30:00Z",
}
OVERRIDES = {"overrides": [OVERRIDE]}
RELEASED = {**_PLACE, "status": "DELETED"}
