"""Pure: the latest outcomes of a connection -> its score, line by line.

Formula: deduction with diminishing returns per category, then gates and coverage:

    deduction(category) = weight * min(30, sum of points_k * 0.6^(k-1), findings sorted by points)
    score = round(max(0, min(100 - sum of deductions, gate caps, coverage cap)))
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from common.wire import Severity, Status

WEIGHTS = {
    "availability": 1.5,
    "backup": 1.4,
    "recovery_area": 1.2,
    "data_guard": 1.2,
    "tablespace": 1.2,
    "asm": 1.2,
    "redo_logs": 1.0,
    "undo_temp": 1.0,
    "rac": 1.0,
    "multitenant": 1.0,
    "alert_log": 1.0,
    "host": 1.0,
    "sessions": 0.9,
    "security": 0.9,
    "memory": 0.7,
    "sql_performance": 0.7,
    "patching": 0.7,
    "jobs": 0.7,
    "statistics": 0.6,
    "objects": 0.6,
    "parameters": 0.5,
    "licensing": 0.5,
    "monitoring": 0.5,
}
OWN_CHECKS_WEIGHT = 0.7  # categories that a user's own checks bring along
POINTS: dict[Severity, int] = {"critical": 18, "warning": 6, "info": 0}
FADE = 0.6
CATEGORY_CAP = 30.0
COVERAGE_NEEDED = 0.7
COVERAGE_CAP = 79

Band = Literal["healthy", "warning", "critical"]
_MEASURED = ("ok", "info", "warning", "critical")
_FINDINGS = ("warning", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What scoring needs of one outcome; `cap` is the gate it raises, `muted` takes it out of the effective score."""

    check: str
    category: str
    status: Status
    severity: Severity
    cap: int | None = None
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the sum: `-6 x 0.6 x 1.2 TABLESPACE_USED_PCT`."""

    check: str
    category: str
    points: int
    factor: float
    weight: float

    @property
    def deduction(self) -> float:
        return self.points * self.factor * self.weight


@dataclass(frozen=True, slots=True)
class Score:
    """The score with everything that led to it. `caps` are (what, cap) pairs; `coverage` is a share of 1."""

    value: int
    raw: float
    lines: tuple[Line, ...]
    caps: tuple[tuple[str, int], ...]
    coverage: float


def score(outcomes: Sequence[Scored]) -> Score:
    counted = [outcome for outcome in outcomes if not outcome.muted]
    lines = _lines(counted)
    raw = 100.0 - sum(_capped(lines).values())
    coverage = _coverage(outcomes)
    caps = [
        (outcome.check, outcome.cap) for outcome in counted if outcome.cap is not None and outcome.status in _FINDINGS
    ]
    if coverage < COVERAGE_NEEDED:
        caps.append(("coverage", COVERAGE_CAP))
    value = round(max(0.0, min([raw, *(cap for _, cap in caps)])))
    return Score(value=value, raw=raw, lines=tuple(lines), caps=tuple(caps), coverage=coverage)


def band(value: int) -> Band:
    if value >= 80:  # noqa: PLR2004 - the contract's borders: 82 is healthy, 55 critical
        return "healthy"
    return "warning" if value >= 60 else "critical"  # noqa: PLR2004 - likewise


def is_finding(status: Status) -> bool:
    return status in _FINDINGS


def weight(category: str) -> float:
    return WEIGHTS.get(category, OWN_CHECKS_WEIGHT)


def _lines(outcomes: Iterable[Scored]) -> list[Line]:
    by_category: dict[str, list[Scored]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.status in _FINDINGS and POINTS[outcome.severity]:
            by_category[outcome.category].append(outcome)
    lines: list[Line] = []
    for category, findings in sorted(by_category.items()):
        findings.sort(key=lambda finding: (-POINTS[finding.severity], finding.check))
        lines += [
            Line(finding.check, category, POINTS[finding.severity], FADE**k, weight(category))
            for k, finding in enumerate(findings)
        ]
    return lines


def _capped(lines: Iterable[Line]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for line in lines:
        sums[line.category] += line.points * line.factor
    return {category: weight(category) * min(CATEGORY_CAP, points) for category, points in sums.items()}


def _coverage(outcomes: Iterable[Scored]) -> float:
    """Weighted share of the outcomes that were measured; skipped ones do not count, nothing due is full coverage."""
    measured = due = 0.0
    for outcome in outcomes:
        if outcome.status == "skipped":
            continue
        due += weight(outcome.category)
        measured += weight(outcome.category) if outcome.status in _MEASURED else 0.0
    return measured / due if due else 1.0
