"""The contract's own examples, for the OpenAPI document; those of extensions are made in its manner."""

from typing import Any

_AT = "2026-06-01T02:00:00Z"
_LATER = "2026-06-01T04:00:00Z"

PING: dict[str, Any] = {
    "ok": True,
    "tenant_id": 17,
    "token_prefix": "3f8b1c2d",
    "scopes": ["read:status", "write:incidents"],
}
FAILURE: dict[str, Any] = {"error": "severity: 'bad'; expected informational, degraded, partial_outage, …"}
FORBIDDEN: dict[str, Any] = {"error": "missing required scope: write:incidents"}
CONFLICT: dict[str, Any] = {"error": "It is resolved, which cannot become monitoring", "allowed": ["investigating"]}

SERVICE: dict[str, Any] = {
    "id": 42,
    "slug": "main-api",
    "name": "Main API",
    "description": "",
    "current_status": "degraded_performance",
    "visibility": "public",
    "tags": ["prod", "customer-facing"],
    "reasons": [
        {
            "source": "incident",
            "id": 2041,
            "status": "degraded_performance",
            "since": _AT,
            "title": "Deploy failed — rolling back",
        }
    ],
    "data_state": "fresh",
    "stale_since": None,
    "updated_at": _AT,
    "group": "Customer portal",
    "kind": "manual",
}
SERVICES: dict[str, Any] = {"services": [SERVICE], "total": 1, "limit": 100, "offset": 0}

_SECONDS = {
    "operational": 86_374.08,
    "under_maintenance": 0.0,
    "degraded_performance": 0.0,
    "partial_outage": 0.0,
    "major_outage": 25.92,
}
_WINDOW_OF_24H = {
    "from": "2026-05-31T02:00:00Z",
    "to": _AT,
    "seconds": _SECONDS,
    "observed_seconds": 86_400.0,
    "excluded_seconds": 0.0,
    "unknown_seconds": 0.0,
}
UPTIME: dict[str, Any] = {
    "service_id": 42,
    "uptime_24h": 99.97,
    "uptime_7d": 99.94,
    "uptime_30d": 99.91,
    "coverage_24h": 1.0,
    "coverage_7d": 1.0,
    "coverage_30d": 1.0,
    "policy": "default",
    "windows": {"24h": _WINDOW_OF_24H},
}
HISTORY: dict[str, Any] = {
    "service_id": 42,
    "from": _AT,
    "to": _LATER,
    "segments": [{"from": _AT, "to": _LATER, "status": "operational", "known": True, "excluded": False}],
}

INCIDENT: dict[str, Any] = {
    "id": 2041,
    "title": "Deploy failed — rolling back",
    "description": "Health checks failing post-deploy",
    "severity": "degraded",
    "status": "investigating",
    "visibility": "public",
    "root_cause": None,
    "postmortem": None,
    "services": [{"id": 42, "slug": "main-api", "name": "Main API", "impact": "degraded_performance"}],
    "updates": [
        {
            "id": 1,
            "status": "investigating",
            "message": "Health checks failing post-deploy",
            "is_public": True,
            "created_at": _AT,
            "author": "token 3f8b1c2d",
        }
    ],
    "started_at": _AT,
    "resolved_at": None,
    "created_at": _AT,
    "updated_at": _AT,
}
INCIDENTS: dict[str, Any] = {"incidents": [INCIDENT], "total": 1, "limit": 50, "offset": 0}
ACTIVE: dict[str, Any] = {"incidents": [INCIDENT], "total": 1}

WINDOW: dict[str, Any] = {
    "id": 812,
    "title": "Database failover drill",
    "description": "Customer Portal will be read-only for ~6 minutes.",
    "status": "scheduled",
    "visibility": "public",
    "services": [{"id": 17, "slug": "customer-portal", "name": "Customer Portal"}],
    "scheduled_start": _AT,
    "scheduled_end": _LATER,
    "actual_start": None,
    "actual_end": None,
    "exclude_from_sla": True,
    "suppress_alerts": True,
    "created_at": "2026-05-14T03:00:00Z",
    "updated_at": "2026-05-14T03:00:00Z",
    "auto_start": True,
    "auto_complete": True,
    "overrun": False,
    "recurrence_id": None,
}
WINDOWS: dict[str, Any] = {"maintenance": [WINDOW], "total": 1, "limit": 50, "offset": 0}
UPCOMING: dict[str, Any] = {"maintenance": [WINDOW], "total": 1}
