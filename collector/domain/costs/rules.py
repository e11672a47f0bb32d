"""Pure: what a recommendation is known by, how people and scans move it, and what a scan makes of it."""

import base64
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, get_args

from common.wire_aws import Category, Scan
from common.wire_aws import Recommendation as Found

Status = Literal["GENERATED", "SNOOZED", "IMPLEMENTED", "DISMISSED"]
STATUSES: tuple[Status, ...] = get_args(Status)
CATEGORIES: tuple[Category, ...] = get_args(Category)

_BY_HAND: dict[Status, tuple[Status, ...]] = {
    "GENERATED": ("SNOOZED", "IMPLEMENTED", "DISMISSED"),
    "SNOOZED": ("IMPLEMENTED", "DISMISSED"),
    "IMPLEMENTED": (),
    "DISMISSED": (),
}
_ID_CHARS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A recommendation as it is stored."""

    tenant_id: int
    id: str
    account_id: str
    region: str
    factor: str
    resource_id: str
    resource_name: str
    service: str
    category: str
    description: str
    action: str
    cli: str
    current_cost: float | None
    recommended_cost: float | None
    monthly_savings: float | None
    price_label: str
    price_as_of: str
    risk: str
    confidence: str
    suppressed_by: str
    evidence_hash: str
    facts: dict[str, Any] = field(default_factory=dict)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    status: Status = "GENERATED"
    reason: str = ""
    snoozed_until: datetime | None = None
    implemented_by: str | None = None
    implemented_at: datetime | None = None
    realised_savings: float | None = None
    created_at: datetime
    updated_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None


def identity(account: str, region: str, factor: str, resource: str) -> str:
    """The same for the same finding, for ever."""
    digest = hashlib.sha256(f"{account}\0{region}\0{factor}\0{resource}".encode()).digest()
    return f"rec_{base64.b32encode(digest).decode().lower()[:_ID_CHARS]}"


def may_become(now: Status, wanted: Status) -> bool:
    """Whether a person may move a recommendation like this."""
    return wanted in _BY_HAND[now]


def choices(now: Status) -> tuple[Status, ...]:
    return _BY_HAND[now]


def found(tenant_id: int, known: Kept | None, scan: Scan, one: Found) -> Kept:
    """What a finding of a scan makes of what is known; a scan that is older than that changes nothing."""
    if known is None:
        return _new(tenant_id, scan, one)
    if known.seen_at > scan.started_at:
        return known
    told = replace(known, **_told(one), seen_at=scan.started_at, ended_at=None)
    if known.status == "IMPLEMENTED" and not _before(scan, known):
        told = reopened(told)
    changed = told != replace(known, seen_at=scan.started_at)
    return replace(told, updated_at=scan.ended_at) if changed else told


def missed(known: Kept, scan: Scan, gone: Collection[str]) -> Kept:
    """A scan that asked again says nothing of it any more: it ends; what was saved is booked if that was the aim.

    A scan that began before somebody said that it is done proves nothing about that.
    """
    if known.status == "IMPLEMENTED" and _before(scan, known):
        return known
    proven = known.status == "IMPLEMENTED" and f"{known.factor}/{known.resource_id}" in gone
    realised = known.monthly_savings if proven else known.realised_savings
    ended = replace(known, ended_at=scan.ended_at, updated_at=scan.ended_at, seen_at=scan.started_at)
    return replace(ended, realised_savings=realised)


def reopened(known: Kept) -> Kept:
    """As if nobody had decided about it yet."""
    return replace(
        known,
        status="GENERATED",
        reason="",
        snoozed_until=None,
        implemented_by=None,
        implemented_at=None,
        realised_savings=None,
    )


def _before(scan: Scan, known: Kept) -> bool:
    return known.implemented_at is not None and scan.started_at < known.implemented_at


def _new(tenant_id: int, scan: Scan, one: Found) -> Kept:
    return Kept(
        tenant_id=tenant_id,
        id=identity(scan.account, scan.region, one.factor, one.resource),
        account_id=scan.account,
        region=scan.region,
        factor=one.factor,
        resource_id=one.resource,
        created_at=scan.ended_at,
        updated_at=scan.ended_at,
        seen_at=scan.started_at,
        **_told(one),
    )


def _told(one: Found) -> dict[str, Any]:
    """What a finding says that may be different the next time; money in cents, so that sums agree with lists."""
    return {
        "resource_name": one.resource_name,
        "service": one.service,
        "category": one.category,
        "description": one.description,
        "action": one.action,
        "cli": one.cli,
        "current_cost": _cents(one.current_cost),
        "recommended_cost": _cents(one.recommended_cost),
        "monthly_savings": _cents(one.monthly_savings),
        "price_label": one.price_label,
        "price_as_of": one.price_as_of,
        "risk": one.risk,
        "confidence": one.confidence,
        "suppressed_by": one.suppressed_by,
        "evidence_hash": one.evidence_hash,
        "facts": dict(one.metadata),
        "evidence": [{"metric": e.metric, "stat": e.stat, "value": e.value} for e in one.evidence],
    }


def _cents(money: float | None) -> float | None:
    return None if money is None else round(money, 2)
