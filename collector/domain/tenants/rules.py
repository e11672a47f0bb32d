"""Plans: what each includes and how often its keys may ask."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

Plan = Literal["individual", "team", "business", "enterprise"]
Group = Literal["health", "tuneops", "activity", "team"]

PLANS: tuple[Plan, ...] = get_args(Plan)
MAX_PER_MINUTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan includes: groups of endpoints and requests per key and minute."""

    groups: frozenset[str]
    per_minute: int


TERMS: dict[Plan, Terms] = {
    "individual": Terms(frozenset(), 30),  # no access, but its refusals are counted as well
    "team": Terms(frozenset({"health"}), 30),
    "business": Terms(frozenset({"health", "tuneops"}), 60),
    "enterprise": Terms(frozenset({"health", "tuneops", "activity", "team"}), 100),
}

_TAKEN = frozenset({"api"})  # `/status/api` is where the public API answers
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def per_minute(plan: Plan, override: int | None) -> int:
    """Requests per key and minute; only the enterprise plan can have its own figure."""
    if plan == "enterprise" and override:
        return override
    return TERMS[plan].per_minute


def parse_plan(text: str) -> Plan:
    for plan in PLANS:
        if plan == text:
            return plan
    raise ValueError(f"plan: {text!r}; expected one of {', '.join(PLANS)}")


def check_slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise ValueError(f"slug: {text!r}; expected 1 to 63 lower-case letters, digits and dashes")
    if text in _TAKEN:
        raise ValueError(f"slug: {text!r}; expected another one: status pages need this address for themselves")
    return text


def check_rate_limit(plan: Plan, value: int | None) -> int | None:
    if value is None:
        return None
    if plan != "enterprise":
        raise ValueError(f"rate_limit: {value}; expected none: plan {plan} has {TERMS[plan].per_minute} a minute")
    if not 1 <= value <= MAX_PER_MINUTE:
        raise ValueError(f"rate_limit: {value}; expected 1 to {MAX_PER_MINUTE} requests a minute")
    return value
