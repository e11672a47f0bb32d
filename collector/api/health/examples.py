"""The contract's own examples, for the OpenAPI document."""

CONNECTIONS = {
    "data": [
        {
            "id": 42,
            "name": "PROD-DB01",
            "host": "10.0.1.10",
            "port": 1521,
            "connection_type": "direct",
            "latest_check_id": 1873,
            "score": 82,
            "last_checked_at": "2026-05-14T03:00:00Z",
            "summary_text": "2 critical findings...",
        }
    ],
    "meta": {"total": 5, "page": 1, "per_page": 20, "has_more": False},
}

LATEST_CHECKS = {
    "data": {
        "id": 1873,
        "score": 82,
        "summary_text": "2 critical findings require attention",
        "created_at": "2026-05-14T03:00:00Z",
        "checks": [
            {
                "check_id": "REDOLOG_SIZE",
                "category": "redo_logs",
                "status": "critical",
                "title": "Redo log size too small",
                "metric_line": "50MB (recommended: ≥ 500MB)",
                "remediation": "ALTER DATABASE ADD LOGFILE...",
                "severity": "critical",
            }
        ],
    }
}

FLEET = {
    "data": [
        {"id": 42, "name": "PROD", "score": 82, "status": "healthy"},
        {"id": 43, "name": "DR", "score": 55, "status": "critical"},
    ],
    "summary": {"total": 2, "healthy": 1, "warning": 0, "critical": 1, "never_run": 0},
}

TICKETS = {
    "data": [
        {
            "id": 311,
            "connection_id": 42,
            "connection_name": "PROD-DB01",
            "check_id": "REDOLOG_SIZE",
            "category": "redo_logs",
            "title": "Redo log size too small",
            "severity": "critical",
            "status": "open",
            "metric_line": "50MB (recommended: ≥ 500MB)",
            "remediation": "ALTER DATABASE ADD LOGFILE...",
            "first_seen_at": "2026-05-13T03:00:00Z",
            "last_seen_at": "2026-05-14T03:00:00Z",
            "resolved_at": None,
            "occurrences": 25,
        }
    ],
    "meta": {"total": 1, "page": 1, "per_page": 50, "has_more": False},
}

TICKET_STATS = {
    "data": {
        "open_count": 7,
        "resolved_this_week": 3,
        "critical_open": 2,
        "warning_open": 5,
        "avg_resolution_hours": 18.4,
    }
}

HISTORY = {
    "data": {
        "connection_id": 42,
        "metric": "score",
        "unit": "",
        "step": "hour",
        "points": [{"at": "2026-05-14T03:00:00Z", "min": 55, "avg": 78.5, "max": 82, "last": 82}],
        "statuses": [{"began_at": "2026-05-14T02:41:00Z", "ended_at": None, "status": "healthy"}],
    }
}

CATALOGUE = {
    "data": [
        {
            "check_id": "REDOLOG_SIZE",
            "category": "redo_logs",
            "title": "Redo log size too small",
            "remediation": "ALTER DATABASE ADD LOGFILE...",
            "unit": "MB",
            "severity_ceiling": "critical",
            "interval_s": 21600,
            "cost": "cheap",
            "scope": "root",
            "warning": "500",
            "critical": "100",
            "pack": "",
            "enabled": True,
        }
    ],
    "meta": {"total": 186, "page": 1, "per_page": 50, "has_more": True},
}

ACTIVITY = {
    "data": [
        {
            "id": 9001,
            "action_type": "health_check_completed",
            "page_path": "/dashboard",
            "properties": {"connection_id": 42, "score": 82},
            "occurred_at": "2026-05-14T03:01:22Z",
        }
    ],
    "meta": {"total": 1482, "page": 1, "per_page": 50, "has_more": True},
}

MEMBERS = {
    "data": [
        {
            "id": 7,
            "name": "Ana Example",
            "email": "ana@example.com",
            "role": "owner",
            "status": "active",
            "joined_at": "2026-01-12T08:30:00Z",
            "last_active_at": "2026-05-14T03:00:00Z",
        }
    ]
}

ROLES = {"data": [{"id": 4, "name": "viewer", "description": "Reads", "permissions": ["read"]}]}

RATE_LIMITED = {"error": {"code": "rate_limited", "message": "Rate limit exceeded...", "retry_after": 60}}
