"""What recommendations come to, as people read it: money that nobody knows is never zero."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from collector.domain.costs import rules
from collector.domain.costs.listing import Counted
from collector.domain.costs.rules import Kept
from collector.web.charts import amounts

MONTHS = 12
CATEGORIES: Mapping[str, str] = {
    "Cleaner": "Unused",
    "OverProvisioned": "Over-provisioned",
    "Modernization": "Modernisation",
    "PotentialBenefits": "Potential benefits",
}
STATUSES: Mapping[str, str] = {
    "GENERATED": "Open",
    "SNOOZED": "Snoozed",
    "IMPLEMENTED": "Implemented",
    "DISMISSED": "Dismissed",
}
RISKS: Mapping[str, str] = {"LOW": "Low risk", "MEDIUM": "Medium risk", "HIGH": "High risk"}
_PRICES: Mapping[str, str] = {
    "LIVE_LIST": "list price of AWS",
    "BOOK": "list price, imported book",
    "BUNDLED": "list price, bundled book",
    "REGION_SCALED": "estimated from another region",
    "ESTIMATE": "estimated",
    "UNKNOWN": "price unknown",
}
_MOST_PARTS = 8
_FREE_SINCE = "9999"
"""The date of what costs nothing by its nature."""


class Part(NamedTuple):
    """One line of a sum: `key` is what a filter calls it; `amount` None where nobody knows a price."""

    key: str
    name: str
    number: int
    amount: float | None
    unpriced: int
    bar: Markup


class Parts(NamedTuple):
    """The largest parts, and what the others come to."""

    shown: list[Part]
    others: int
    others_amount: float | None


def amount(counted: Counted) -> float | None:
    """None where there is something and nothing of it has a price."""
    return None if counted.number and counted.number == counted.unpriced else counted.savings


def parts(counted: Mapping[str, Counted], names: Mapping[str, str]) -> Parts:
    """Largest first; what has no price comes last."""
    order = sorted(counted.items(), key=lambda pair: (amount(pair[1]) is None, -pair[1].savings, pair[0]))
    most = max((one.savings for one in counted.values()), default=0.0)
    shown = [_part(key, names.get(key, key), one, most) for key, one in order[:_MOST_PARTS]]
    rest = [one for _, one in order[_MOST_PARTS:]]
    return Parts(shown, len(rest), amount(_together(rest)))


def price(row: Kept) -> str:
    """What the figures rest on: `estimated, prices of 2026-05-01`."""
    said = _PRICES.get(row.price_label, row.price_label)
    dated = row.price_label != "UNKNOWN" and row.price_as_of and not row.price_as_of.startswith(_FREE_SINCE)
    return f"{said}, {row.price_as_of}" if dated else said


def annual(monthly: float | None) -> float | None:
    return None if monthly is None else round(monthly * MONTHS, 2)


def primary(row: Kept) -> str:
    """The recommendation to follow instead; empty where that is this one."""
    if not row.suppressed_by:
        return ""
    return rules.identity(row.account_id, row.region, row.suppressed_by, row.resource_id)


def standing(row: Kept, now: datetime) -> str:
    """In a line what people decided, and what became of it."""
    if row.ended_at is not None and row.status != "IMPLEMENTED":
        return "No scan finds it any more"
    if row.status == "SNOOZED" and row.snoozed_until is not None:
        return f"Comes back on {row.snoozed_until:%Y-%m-%d}" if row.snoozed_until > now else "Comes back now"
    if row.status == "IMPLEMENTED":
        return _proven(row)
    return ""


def _proven(row: Kept) -> str:
    if row.ended_at is None:
        return "The next scan will show whether it is done"
    if row.realised_savings is None:
        return "Found no longer; what it saves is not known"
    return f"Proven by a scan: saves {row.realised_savings:,.2f} USD a month"


def _part(key: str, name: str, one: Counted, most: float) -> Part:
    known = amount(one)
    return Part(key, name, one.number, known, one.unpriced, amounts.bar(known, most))


def _together(counted: Iterable[Counted]) -> Counted:
    rows = list(counted)
    savings = round(sum(one.savings for one in rows), 2)
    return Counted(sum(one.number for one in rows), savings, sum(one.unpriced for one in rows))
