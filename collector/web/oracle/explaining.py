"""A score line by line, so that whoever adds up what is shown arrives at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from collector.domain.results.rules import documented
from common.scoring import CATEGORY_CAP, COVERAGE_NEEDED, POINTS

_WHOLE = 100
_CENT = Decimal("0.01")
_COVERAGE = "coverage"
_TIMES = " \u00d7 "


class Step(NamedTuple):
    """What one finding takes, and what is left then; a category that took its most gives the rest back."""

    check: str
    category: str
    severity: str
    sum: str
    taken: Decimal
    left: Decimal


class Limit(NamedTuple):
    """What the score may not exceed; `holds`: the one that it comes from."""

    what: str
    text: str
    cap: int
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Start at 100, take what the steps take, then the lowest limit, then round."""

    steps: Sequence[Step]
    left: Decimal
    limits: Sequence[Limit]
    score: int
    coverage: float
    muted: Sequence[str]
    raw_score: int


def explain(details: Mapping[str, Any], *, score: int, raw_score: int, reachable: bool) -> Explained:
    """`details` as they are stored with a connection."""
    steps = _steps(details.get("lines", ()))
    left = steps[-1].left if steps else Decimal(_WHOLE).quantize(_CENT)
    caps = [(str(what), int(cap)) for what, cap in details.get("caps", ())]
    lowest = min((cap for _, cap in caps), default=_WHOLE)
    limits = [_limit(what, cap, details, holds=cap == lowest < left and reachable) for what, cap in caps]
    if not reachable and score == 0:
        limits.append(Limit("reachable", "The database cannot be reached", 0, holds=True))
    return Explained(
        steps=steps,
        left=left,
        limits=limits,
        score=score,
        coverage=float(details.get(_COVERAGE, 1.0)),
        muted=[documented(check) for check in details.get("muted", ())],
        raw_score=raw_score,
    )


def _limit(what: str, cap: int, details: Mapping[str, Any], *, holds: bool) -> Limit:
    if what != _COVERAGE:
        return Limit(documented(what), f"While {documented(what)} is critical", cap, holds)
    share = float(details.get(_COVERAGE, 0.0))
    text = f"Only {share:.0%} of what should be checked is known (less than {COVERAGE_NEEDED:.0%})"
    return Limit(_COVERAGE, text, cap, holds)


def _steps(lines: Sequence[Sequence[Any]]) -> list[Step]:
    """Each is rounded so that what is shown adds up: it is what the rounded sum moves by."""
    found: list[Step] = []
    exact = Decimal(_WHOLE)
    spent: dict[str, Decimal] = {}
    for number, (check, category, points, factor, weight) in enumerate(lines):
        own = Decimal(str(points)) * _decimal(factor)
        spent[category] = spent.get(category, Decimal(0)) + own
        exact -= own * _decimal(weight)
        text = f"{points}{_TIMES}{factor:.3g}{_TIMES}{weight:.3g}"
        found.append(_step((documented(check), category, _severity(points)), text, exact, found))
        last = number + 1 == len(lines) or lines[number + 1][1] != category
        over = spent[category] - Decimal(str(CATEGORY_CAP))
        if last and over > 0:
            exact += over * _decimal(weight)
            text = f"at most {CATEGORY_CAP:g}{_TIMES}{weight:.3g} for one category"
            found.append(_step(("", category, ""), text, exact, found))
    return found


def _step(what: tuple[str, str, str], text: str, exact: Decimal, before: Sequence[Step]) -> Step:
    left = exact.quantize(_CENT)
    return Step(*what, text, (before[-1].left if before else Decimal(_WHOLE)) - left, left)


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def _severity(points: int) -> str:
    return next((severity for severity, worth in POINTS.items() if worth == points), "")
