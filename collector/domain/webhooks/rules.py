"""Pure decisions about webhooks: events, secrets, signatures, and what follows from an attempt."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

EventType = Literal[
    "health_check.completed",
    "tuneops.ticket_created",
    "tuneops.ticket_resolved",
    "alert.triggered",
    "alert.resolved",
    "schedule.execution_failed",
    "incident.created",
    "incident.updated",
    "incident.resolved",
    "maintenance.scheduled",
    "maintenance.started",
    "maintenance.completed",
    "maintenance.cancelled",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)

Kind = Literal["webhook", "email", "syslog"]
State = Literal["enabled", "paused", "disabled"]
DeliveryState = Literal["pending", "delivered", "dead"]
DELIVERY_STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
Verdict = Literal["delivered", "later", "dead", "gone"]

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every such secret starts with
_SECRET_BYTES = 32

DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""Between the attempts of one delivery, as Standard Webhooks recommends; some three days in all."""

GIVE_UP_AFTER = timedelta(days=5)
"""An endpoint that has failed for so long is disabled."""

MAX_RETRY_AFTER = timedelta(hours=24)
_JITTER = 0.1

_GONE = 410
_REFUSES_THE_BODY = frozenset({400, 413, 415, 422})
_TRIES_OF_REFUSED = 4


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: `status` is that of an HTTP answer; `error` is short, without secrets, and empty when it went well."""

    at: datetime
    status: int | None
    ms: int
    error: str = ""
    retry_after_s: float = 0.0


def noun(kind: Kind) -> str:
    """What an endpoint is called: a webhook gets events, a channel what rules tell."""
    return "webhook" if kind == "webhook" else "channel"


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sealed_for(endpoint_id: str) -> str:
    """What a stored secret is tied to."""
    return f"webhook {endpoint_id}"


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One `v1` signature of the header `webhook-signature`."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:  # binascii.Error is one
        raise ValueError("secret: not base64 behind whsec_") from None
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def parse_events(names: list[str]) -> tuple[EventType, ...]:
    """Event types in the contract's order; ValueError names one that does not exist."""
    unknown = [name for name in names if name not in EVENT_TYPES]
    if unknown:
        raise ValueError(f"events: {unknown[0][:80]!r}; expected some of {', '.join(EVENT_TYPES)}")
    return tuple(kind for kind in EVENT_TYPES if kind in names)


def judge(attempt: Attempt, tries: int) -> Verdict:
    """What becomes of a delivery after its attempt number `tries`.

    An answer that refuses this very body is repeated a few times only: what waits behind it may well be welcome.
    """
    if not attempt.error:
        return "delivered"
    if attempt.status == _GONE:
        return "gone"
    if tries > len(DELAYS):
        return "dead"
    return "dead" if attempt.status in _REFUSES_THE_BODY and tries >= _TRIES_OF_REFUSED else "later"


def next_try(attempt: Attempt, failures: int, chance: float) -> datetime:
    """When a lane tries again after `failures` in a row; `chance` in [0, 1) spreads those that failed together."""
    delay = DELAYS[min(failures, len(DELAYS)) - 1] * (1 - _JITTER + 2 * _JITTER * chance)
    asked = min(timedelta(seconds=attempt.retry_after_s), MAX_RETRY_AFTER)
    return attempt.at + max(delay, asked)


def given_up(failing_since: datetime | None, now: datetime) -> bool:
    return failing_since is not None and now - failing_since >= GIVE_UP_AFTER
