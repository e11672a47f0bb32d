"""Messages as the outbox holds them."""

from datetime import UTC, datetime
from typing import Any

from collector.domain.webhooks import outbox
from collector.domain.webhooks.lanes import Message, Work
from collector.domain.webhooks.outbox import Event

AT = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


def alert(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "alert_id": number,
        "rule": "finding",
        "severity": "critical",
        "title": "Tablespace nearly full",
        "connection": {"id": 42, "name": "PROD", "host": "db1.example"},
        "metric": "TABLESPACE_USED_PCT",
        "metric_line": "USERS 97% (threshold 95%)",
        "value": 97.0,
        "threshold": 95.0,
        "unit": "%",
        "triggered_at": "2026-05-14T03:00:00Z",
        **changes,
    }


def told(*alerts: dict[str, Any], reason: str = "alerts", again: int = 0) -> dict[str, Any]:
    return {"rule": "nights", "reason": reason, "count": len(alerts), "alerts": list(alerts), "again": again}


def message(kind: str, data: dict[str, Any]) -> Message:
    return Message(1, "msg_1", kind, outbox.render(Event(kind, data, AT)), 0, [])


def work(kind: Any, **target: Any) -> Work:
    return Work(kind, target, None, None, [])
