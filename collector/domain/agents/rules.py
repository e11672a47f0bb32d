"""Pure: what may be asked for when agents are enrolled."""

import re
from datetime import timedelta
from typing import Literal

from collector.core.problems import Refusal

State = Literal["active", "pending", "revoked"]

TOKEN_LIFETIME = timedelta(hours=24)
MAX_TOKEN_LIFETIME = timedelta(days=90)
MAX_USES = 10_000

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([1-9]\d{0,4})([mhd])")


def lifetime(text: str) -> timedelta:
    """`30m`, `24h`, `7d`."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise Refusal(f"valid-for: {text!r}; expected a number and m, h or d, such as 24h")
    span = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if span > MAX_TOKEN_LIFETIME:
        raise Refusal(f"valid-for: {text!r}; expected at most {MAX_TOKEN_LIFETIME.days}d")
    return span


def uses(count: int) -> int:
    if not 1 <= count <= MAX_USES:
        raise Refusal(f"uses: {count}; expected 1 to {MAX_USES}")
    return count
