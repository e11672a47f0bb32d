"""Pure: whether and when a refused call is worth another try; the next edge ends all of them."""

from datetime import datetime, timedelta
from typing import Literal

Failure = Literal["throttled", "capacity", "state", "denied", "unheard", "other"]
"""UNHEARD: AWS did not answer, or was not asked in time; that says nothing of the resource."""

_THROTTLED = {"RequestLimitExceeded", "TooManyRequestsException", "SlowDown", "BandwidthLimitExceeded"}
_STATE = {"IncorrectInstanceState", "IncorrectState", "ScalingActivityInProgress"}
_STATE_PREFIXES = ("InvalidDBInstanceState", "InvalidDBClusterState")
_DENIED = {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AuthFailure", "OptInRequired"}
_UNHEARD = {
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "Deadline",
    "EndpointConnectionError",
    "ProxyConnectionError",
    "ReadTimeoutError",
}
_CAPACITY_MINUTES = (5, 10, 20, 40)
_LONGEST_THROTTLE_S = 60
_TRIES: dict[Failure, int] = {"state": 10, "other": 3}


def classify(code: str) -> Failure:
    """What kind of failure an error code of AWS is."""
    if code in _THROTTLED or code.startswith("Throttl"):
        return "throttled"
    if code.startswith("Insufficient") and "Capacity" in code:
        return "capacity"
    if code in _STATE or code.startswith(_STATE_PREFIXES):
        return "state"
    if code in _UNHEARD:
        return "unheard"
    return "denied" if code in _DENIED else "other"


def next_try(code: str, attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts; None when that is no use."""
    failure = classify(code)
    if failure in {"throttled", "unheard"}:
        return now + timedelta(seconds=min(_LONGEST_THROTTLE_S, 2 ** min(attempts, 6)))
    if failure == "capacity":
        return now + timedelta(minutes=_CAPACITY_MINUTES[min(attempts, len(_CAPACITY_MINUTES)) - 1])
    if failure == "denied" or attempts >= _TRIES[failure]:
        return None
    return now + timedelta(minutes=1)
