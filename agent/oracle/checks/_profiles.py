"""Password profiles against the limits of the CIS benchmark, for the users that are under them."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from agent.oracle.catalogue import Facts, Seen, Value, Verdict
from agent.oracle.checks._accounts import NO_ROWS, Account, accounts
from agent.oracle.checks._space import closed, many, place
from agent.oracle.judging import label, listed, of_items, text, unknown, worst
from agent.oracle.queries import PROFILES, USERS
from common.wire import Item, Status


@dataclass(frozen=True, slots=True)
class _Rule:
    """A limit of a profile that is at most, or with `least` at least, so much; `password`: of password logons only."""

    bound: float
    least: bool = False
    password: bool = True

    def weak(self, limit: float) -> bool:
        return limit < self.bound if self.least else limit > self.bound

    @property
    def wanted(self) -> str:
        return f"{'>=' if self.least else '<='} {self.bound:g}"


RULES: Mapping[str, _Rule] = {
    "FAILED_LOGIN_ATTEMPTS": _Rule(5),
    "PASSWORD_LOCK_TIME": _Rule(1, least=True),
    "PASSWORD_LIFE_TIME": _Rule(90),
    "PASSWORD_REUSE_MAX": _Rule(20, least=True),
    "PASSWORD_REUSE_TIME": _Rule(365, least=True),
    "PASSWORD_GRACE_TIME": _Rule(5),
    "SESSIONS_PER_USER": _Rule(10, password=False),
    "INACTIVE_ACCOUNT_TIME": _Rule(120),
}
DEFAULT = "DEFAULT"
_Key = tuple[Value, str]
_Limits = Mapping[_Key, Mapping[str, str]]


def judge_profiles(seen: Seen) -> Verdict:
    """One item per profile in use; what a profile leaves to DEFAULT is what the profile of that name says."""
    users = [user for user in accounts(seen) if user.open and not user.of_oracle]
    if not seen.of(USERS) or not seen.of(PROFILES):
        return unknown(NO_ROWS if not seen.of(USERS) else "DBA_PROFILES returned no rows")
    limits = _limits(seen)
    under: dict[_Key, list[Account]] = defaultdict(list)
    for user in users:
        under[user.row["con_id"], text(user.row["profile"])].append(user)
    items = [_profile(seen.facts, key, own, limits) for key, own in under.items()]
    weak = sum(item.value or 0.0 for item in items if item.status != "unknown")
    good = f"{many(len(under), 'profile')} of {many(len(users), 'open account')} keep to the limits"
    verdict = of_items(items + closed(seen.facts), good=good)
    return Verdict(status=verdict.status, line=verdict.line, value=weak, items=verdict.items)


def _limits(seen: Seen) -> _Limits:
    found: dict[_Key, dict[str, str]] = defaultdict(dict)
    for row in seen.of(PROFILES):
        found[row["con_id"], text(row["profile"])][text(row["resource_name"])] = text(row["limit"])
    return found


def _profile(facts: Facts, key: _Key, users: list[Account], limits: _Limits) -> Item:
    con_id, profile = key
    name = f"{label(facts, con_id, profile)}:"
    by_password = any(user.by_password for user in users)
    found = [
        _judged(resource, rule, _resolved(limits, key, resource))
        for resource, rule in RULES.items()
        if by_password or not rule.password
    ]
    if not limits.get(key):
        return Item(name, "unknown", detail=f"the profile is not shown in {place(facts, con_id)}")
    faults = [(status, detail) for status, detail in found if status != "ok"]
    status = worst(status for status, _ in faults)
    if not faults:
        return Item(name, "ok", 0.0)
    faults.sort(key=lambda fault: fault[0] != status)
    details = listed([detail for _, detail in faults])
    return Item(name, status, float(len(users)), details)


def _resolved(limits: _Limits, key: _Key, resource: str) -> str | None:
    """None where the release has no such limit."""
    limit = limits.get(key, {}).get(resource)
    return limits.get((key[0], DEFAULT), {}).get(resource) if limit == DEFAULT else limit


def _judged(resource: str, rule: _Rule, limit: str | None) -> tuple[Status, str]:
    if limit is None:
        return "ok", ""
    if limit != "UNLIMITED" and not re.fullmatch(r"\d*\.?\d+", limit):
        return "unknown", f"{resource} is {limit or 'NULL'}"
    value = inf if limit == "UNLIMITED" else float(limit)
    if not rule.weak(value):
        return "ok", ""
    open_to_guessing = resource == "FAILED_LOGIN_ATTEMPTS" and value == inf
    return "critical" if open_to_guessing else "warning", f"{resource} {limit} ({rule.wanted})"
