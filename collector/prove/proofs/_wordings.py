"""Bodies and forms that would be taken, if only the thing were there: a wrong one is refused before anybody looks."""

from collections.abc import Mapping

from collector.prove.proofs._belongings import ACCOUNT, SCHEDULE

_MARK = {"reason": "Known"}
_LEVELS = {"enabled": False}

BODIES: Mapping[str, object] = {
    "PATCH /api/v1/incidents/{incident_id}": {"title": "Mine now"},
    "POST /api/v1/incidents/{incident_id}/updates": {"message": "Mine now", "status": "monitoring"},
    "POST /api/v1/incidents/{incident_id}/resolve": {"root_cause": "Mine now"},
    "PATCH /api/v1/maintenance/{window_id}": {"title": "Mine now"},
    "POST /api/v1/maintenance/{window_id}/{action}": None,
    "POST /api/v1/recommendations/{rec_id}/implement": {"notes": "Mine now"},
    "POST /api/v1/recommendations/{rec_id}/snooze": {"snoozeDuration": 7, "reason": "Mine now"},
    "POST /api/v1/recommendations/{rec_id}/dismiss": {"reason": "Mine now"},
    "PUT /api/v1/accounts/{account}": {"accountName": "Mine now"},
    "PUT /api/v1/scheduler/schedules/{schedule_id}": {**SCHEDULE, "accountId": ACCOUNT},
    "POST /api/v1/scheduler/schedules/{schedule_id}/pause": {},
    "POST /api/v1/scheduler/schedules/{schedule_id}/resume": {},
    "PATCH /api/v1/admin/members/{member_id}": {"name": "Mine now"},
    "POST /api/v1/admin/keys/{key_id}/regenerate": {"graceSeconds": 0},
    "PATCH /api/v1/admin/webhooks/{endpoint_id}": {"events": ["incident.created"]},
    "PUT /api/v1/admin/alert-rules/{rule_id}": {"name": "mine", "channels": []},
    "PUT /api/v1/admin/connections/{connection_id}/findings/{check_id}/mute": _MARK,
    "PUT /api/v1/admin/connections/{connection_id}/findings/{check_id}/acknowledgement": _MARK,
    "PUT /api/v1/admin/thresholds/{check_id}/connections/{connection_id}": _LEVELS,
    "PATCH /api/v1/admin/services/{service_id}": {"name": "Mine now"},
    "POST /api/v1/admin/services/{service_id}/pin": {"status": "operational", "reason": "Mine now", "hours": 1},
}

FORMS: Mapping[str, Mapping[str, str]] = {
    "/ui/services/{service_id:int}/pin": {"status": "operational", "reason": "Mine now", "hours": "1"},
    "/ui/incidents/{incident_id:int}/updates": {"message": "Mine now", "was": "investigating"},
    "/ui/maintenance/{window_id:int}/move": {"action": "cancel", "was": "scheduled"},
    "/ui/maintenance/{window_id:int}/extend": {"minutes": "30", "until": "2026-01-01T00:00:00+00:00"},
    "/ui/agents/{agent_id}/accept": {"instance": "x"},
}
