"""Pure: what a refused batch says of the calls in it, and of those to come."""

import re
from collections.abc import Iterable
from typing import Literal

from agent.power.messages import Call
from agent.power.retries import classify

Reach = Literal["some", "all", "moment"]
"""Refused on account of some of the calls, of whoever makes them, or of the moment: then it is tried again as it is."""

_ALL = {
    "AuthFailure",
    "Blocked",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "OptInRequired",
    "PendingVerification",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_MOMENT = {"InternalError", "InternalFailure", "RequestTimeout", "ServiceUnavailable", "Unavailable"}
_SERVER_ERROR = 500


def reach(code: str, status: int) -> Reach:
    """How far a refusal goes. Capacity, too, is answered with the status of a server's error."""
    failure = classify(code)
    if failure == "throttled":
        return "moment"
    if failure == "capacity":
        return "some"
    if code in _ALL:
        return "all"
    return "moment" if code in _MOMENT or status >= _SERVER_ERROR else "some"


def named(calls: Iterable[Call], message: str) -> tuple[Call, ...]:
    """The calls whose resource the message names as a whole word, as EC2 does where it can."""
    return tuple(call for call in calls if re.search(rf"(?<![\w-]){re.escape(call.resource)}(?![\w-])", message))
