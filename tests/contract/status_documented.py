"""The examples of the status document, as it prints them, and what the decisions add to its items."""

from typing import Final

from tests.contract.documented import differences

API: Final = "/api/v1"

PING: Final[dict[str, object]] = {
    "ok": True,
    "tenant_id": 17,
    "token_prefix": "3f8b1c2d",
    "scopes": ["read:status", "write:incidents"],
}
ERROR: Final[dict[str, object]] = {"error": "missing required scope: write:incidents"}

SERVICES: Final[dict[str, object]] = {
    "services": [
        {
            "id": 42,
            "slug": "main-api",
            "name": "Main API",
            "current_status": "degraded_performance",
            "visibility": "public",
            "tags": ["prod", "customer-facing"],
        }
    ],
    "total": 1,
    "limit": 100,
    "offset": 0,
}
UPTIME: Final[dict[str, object]] = {
    "service_id": 42,
    "uptime_24h": 99.97,
    "uptime_7d": 99.94,
    "uptime_30d": 99.91,
}
NEW_INCIDENT: Final[dict[str, object]] = {
    "title": "Deploy failed — rolling back",
    "description": "Health checks failing post-deploy",
    "severity": "degraded",
    "visibility": "public",
    "service_ids": [42],
}
CHANGED: Final[dict[str, object]] = {"status": "monitoring", "severity": "informational"}
NEW_UPDATE: Final[dict[str, object]] = {
    "status": "monitoring",
    "message": "Failover complete. Watching for 15 minutes.",
    "is_public": True,
}
RESOLUTION: Final[dict[str, object]] = {
    "root_cause": "Stale DNS cache after failover.",
    "postmortem": "https://internal.notes/inc-2041",
}
NEW_WINDOW: Final[dict[str, object]] = {
    "title": "Database failover drill",
    "description": "Customer Portal will be read-only for ~6 minutes.",
    "scheduled_start": "2026-06-01T02:00:00Z",
    "scheduled_end": "2026-06-01T04:00:00Z",
    "visibility": "public",
    "service_ids": [17],
    "exclude_from_sla": True,
    "suppress_alerts": True,
}

SERVICE_STATUSES: Final = (
    "operational",
    "degraded_performance",
    "partial_outage",
    "major_outage",
    "under_maintenance",
)
SEVERITIES: Final = ("informational", "degraded", "partial_outage", "major_outage", "critical")
INCIDENT_STATUSES: Final = ("investigating", "identified", "monitoring", "resolved")
WINDOW_STATUSES: Final = ("scheduled", "active", "completed", "cancelled")
ACTIONS: Final = ("start", "complete", "cancel")

_SOMETIME = "2026-06-01T02:00:00Z"

SERVICE: Final[dict[str, object]] = {
    "id": 42,
    "slug": "main-api",
    "name": "Main API",
    "description": "",
    "current_status": "degraded_performance",
    "visibility": "public",
    "tags": ["prod", "customer-facing"],
    "reasons": [{"source": "incident", "id": 2041, "status": "degraded_performance", "since": _SOMETIME}],
    "data_state": "fresh",
    "updated_at": _SOMETIME,
}
INCIDENT: Final[dict[str, object]] = {
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
            "created_at": _SOMETIME,
            "author": "token 3f8b1c2d",
        }
    ],
    "started_at": _SOMETIME,
    "resolved_at": None,
    "created_at": _SOMETIME,
    "updated_at": _SOMETIME,
}
WINDOW: Final[dict[str, object]] = {
    "id": 812,
    "title": "Database failover drill",
    "description": "Customer Portal will be read-only for ~6 minutes.",
    "status": "scheduled",
    "visibility": "public",
    "services": [{"id": 17, "slug": "customer-portal", "name": "Customer Portal"}],
    "scheduled_start": _SOMETIME,
    "scheduled_end": "2026-06-01T04:00:00Z",
    "actual_start": None,
    "actual_end": None,
    "exclude_from_sla": True,
    "suppress_alerts": True,
    "created_at": _SOMETIME,
    "updated_at": _SOMETIME,
}
"""Fields and types of single items: the contract names them where it shows one, the decisions list the rest."""


def lacking(example: object, answer: object) -> list[str]:
    """Where `answer` lacks what is documented, or has it in another type; it may have more (extensions)."""
    return [one for one in differences(example, answer) if not one.endswith("not documented")]


def beyond(example: object, answer: object) -> set[str]:
    """The names of what `answer` has beyond what is documented."""
    said = [one for one in differences(example, answer) if one.endswith("not documented")]
    return {one.removesuffix(": not documented").rpartition(".")[2] for one in said}
