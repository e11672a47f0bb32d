"""The key to the estate: what must be found, with its money, and what must not be."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Money = Literal["exact", "at_least", "unknown", "any"]
"""exact: within the tolerance of its region; at_least: no less than that; unknown: null; any: not said."""

CATEGORY = {
    "C": "Cleaner",
    "O": "OverProvisioned",
    "M": "Modernization",
    "P": "PotentialBenefits",
}


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that has to be there. `aliases`: other names under which the same resource may be reported."""

    account: str
    region: str
    factorKey: str  # noqa: N815 - as the scan's own list writes it
    resourceId: str  # noqa: N815
    category: str
    monthlySavings: float | None  # noqa: N815
    money: Money
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A finding that would be wrong, and why."""

    account: str
    region: str
    factorKey: str  # noqa: N815
    resourceId: str  # noqa: N815
    why: str
    aliases: tuple[str, ...] = ()


@dataclass(slots=True)
class AnswerKey:
    expected: list[Expected] = field(default_factory=list)
    must_not_flag: list[Forbidden] = field(default_factory=list)
    allowed: list[tuple[str, str, str, str]] = field(default_factory=list)
    scheduled: list[dict[str, str]] = field(default_factory=list)
    """What a schedule's tag is on, and why it may not be switched, if it may not."""

    def as_json(self) -> dict[str, Any]:
        return {
            "expected": [asdict(entry) for entry in self.expected],
            "must_not_flag": [asdict(entry) for entry in self.must_not_flag],
            "allowed": self.allowed,
            "scheduled": self.scheduled,
            "counts": dict(Counter(entry.factorKey for entry in self.expected)),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a scan's findings compare with the key; `unlisted` ones are neither expected nor forbidden."""

    found: int
    missing: Sequence[Mapping[str, Any]]
    wrong: Sequence[Mapping[str, Any]]
    money: Sequence[str]
    unlisted: Sequence[Mapping[str, Any]]


def compare(key: Mapping[str, Any], findings: Iterable[Mapping[str, Any]], *, account: str) -> Verdict:
    """Hold all findings ({factorKey, resourceId, region, monthlySavings, …}) of one account against the key; those
    that give way to a finding of the same resource count as found.

    Prices outside us-east-1 may come from the price list or be scaled by region: 12 % is allowed there, 1 % at home.
    """
    wanted = [entry for entry in key["expected"] if entry["account"] == account]
    barred = [entry for entry in key["must_not_flag"] if entry["account"] == account]
    given = list(findings)
    by_name = {(one["factorKey"], one["region"], one["resourceId"]): one for one in given}
    pairs = [(entry, _lookup(by_name, entry)) for entry in wanted]
    wrong = [hit for hit in (_lookup(by_name, entry) for entry in barred) if hit is not None]
    known = {id(hit) for _, hit in pairs if hit is not None} | {id(hit) for hit in wrong}
    free = {(factor, region, name) for owner, region, factor, name in key["allowed"] if owner == account}
    return Verdict(
        found=sum(hit is not None for _, hit in pairs),
        missing=[entry for entry, hit in pairs if hit is None],
        wrong=wrong,
        money=[said for entry, hit in pairs if hit is not None and (said := _money(entry, hit))],
        unlisted=[
            one
            for one in given
            if id(one) not in known and (one["factorKey"], one["region"], one["resourceId"]) not in free
        ],
    )


def _lookup(
    by_name: Mapping[tuple[str, str, str], Mapping[str, Any]], entry: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    for name in (entry["resourceId"], *entry["aliases"]):
        hit = by_name.get((entry["factorKey"], entry["region"], name))
        if hit is not None:
            return hit
    return None


def _money(entry: Mapping[str, Any], hit: Mapping[str, Any]) -> str:
    wanted, given = entry["monthlySavings"], hit["monthlySavings"]
    slack = 0.01 if entry["region"] == "us-east-1" else 0.12
    named = f"{entry['factorKey']} {entry['resourceId']} ({entry['region']}): {given}, expected"
    if entry["money"] == "any":
        return ""
    if entry["money"] == "unknown":
        return "" if given is None else f"{named} null"
    if given is None:
        return f"{named} {wanted}"
    if entry["money"] == "at_least":
        return "" if given >= wanted * (1 - slack) - 0.01 else f"{named} at least {wanted}"
    return "" if abs(given - wanted) <= max(wanted * slack, 0.02) else f"{named} {wanted}"
