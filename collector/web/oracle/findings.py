"""The latest outcomes of a connection as people look at them: what is wrong, what nobody knows, what is left out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from collector.domain.fleet.inspecting import Checked
from collector.domain.mutes.rules import FindingMark
from collector.domain.results.rules import documented, doubt, login_of
from common import scoring
from common.wire import Severity, Status

_WORDLESS = frozenset({"", "count", "state", "ratio"})
_CODE = re.compile(r"`([^`\n]+)`")
_GRANT = re.compile(r"^GRANT .+$", re.MULTILINE)
_ORIGINS = {
    "default": "the usual levels",
    "tenant": "levels of this tenant",
    "tag": "levels of a tag",
    "connection": "levels of this connection",
}
_RANK = {"critical": 0, "warning": 1, "info": 2}


class Part(NamedTuple):
    """A piece of a text; `code` stands out."""

    text: str
    code: bool


class Evidence(NamedTuple):
    """One object behind a finding."""

    name: str
    status: str
    value: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One check; `check` as readers call it. `statements` can be copied; `doubt`: why it says nothing about now."""

    check: str
    title: str
    category: str
    status: Status
    severity: Severity
    line: str
    doubt: str
    value: str
    levels: str
    origin: str
    since: datetime | None
    observed_at: datetime
    interval_s: int
    cap: int | None
    evidence: Sequence[Evidence]
    remedy: Sequence[Part]
    statements: Sequence[str]
    mute: FindingMark | None
    acknowledged: FindingMark | None
    ticket_id: int | None


class Reason(NamedTuple):
    """Why checks were left out, and which."""

    text: str
    checks: Sequence[Shown]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """All checks of a connection; `grants`: what lets the agent see what it may not see."""

    findings: Sequence[Shown]
    muted: Sequence[Shown]
    unknown: Sequence[Shown]
    skipped: Sequence[Reason]
    fine: Sequence[Shown]
    grants: Sequence[str]

    @property
    def blind(self) -> Sequence[Shown]:
        """What is unknown for want of a grant."""
        return [one for one in self.unknown if _GRANT.search("\n".join(one.statements))]


def sort(checks: Iterable[Checked], *, reachable: bool, now: datetime) -> Sorted:
    """Findings worst first; a check that was switched off and says nothing about now is left out."""
    known = list(checks)
    login = login_of((one.outcome for one in known), reachable=reachable)
    told = [(one, doubt(one.outcome, login, now)) for one in known]
    shown = [show(one, why or "") for one, why in told if one.outcome.enabled or not why]
    sure = [one for one in shown if not one.doubt]
    findings = sorted((one for one in sure if scoring.is_finding(one.status)), key=_badness)
    unknown = [one for one in shown if one.doubt or one.status == "unknown"]
    return Sorted(
        findings=[one for one in findings if one.mute is None],
        muted=[one for one in findings if one.mute is not None],
        unknown=unknown,
        skipped=_by_reason(one for one in sure if one.status == "skipped"),
        fine=sorted((one for one in sure if one.status in {"ok", "info"}), key=lambda one: (one.category, one.check)),
        grants=_grants(unknown),
    )


def show(one: Checked, why: str = "") -> Shown:
    outcome = one.outcome
    return Shown(
        check=documented(outcome.check),
        title=documented(outcome.title),
        category=outcome.category,
        status=outcome.status,
        severity=outcome.severity,
        line=outcome.line,
        doubt=why,
        value=quantity(one.value, one.unit),
        levels=levels(one.warning, one.critical, one.unit),
        origin=_ORIGINS.get(one.origin, one.origin),
        since=one.since,
        observed_at=outcome.observed_at,
        interval_s=outcome.interval_s,
        cap=outcome.cap,
        evidence=[_evidence(item, one.unit) for item in one.items],
        remedy=parts(one.remediation),
        statements=statements(one.remediation, one.fix),
        mute=one.mute,
        acknowledged=one.acknowledged,
        ticket_id=one.ticket_id,
    )


def quantity(value: float | None, unit: str) -> str:
    """A value with its unit; what stands for a state has no number that would say anything."""
    if value is None or unit == "state":
        return ""
    size = abs(value)
    text = f"{value:,.0f}" if value == int(value) or size >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - four digits
    return text if unit in _WORDLESS or ";" in unit else f"{text} {unit}"


def levels(warning: float | None, critical: float | None, unit: str) -> str:
    said = [
        f"{word} at {quantity(level, unit)}"
        for word, level in (("warning", warning), ("critical", critical))
        if level is not None and unit != "state"
    ]
    return ", ".join(said)


def parts(text: str) -> list[Part]:
    """What stands between back-ticks is code."""
    pieces = _CODE.split(text)
    return [Part(piece, code=bool(number % 2)) for number, piece in enumerate(pieces) if piece]


def statements(remediation: str, fix: str) -> list[str]:
    """What can be copied: the exact statement where there is one, else those that the advice names."""
    if fix:
        return [fix.strip().strip("`")]
    return [piece.text for piece in parts(remediation) if piece.code and " " in piece.text]


def _evidence(item: object, unit: str) -> Evidence:
    if not isinstance(item, dict):
        raise TypeError(f"an item of evidence that is {type(item).__name__}")
    value = item.get("value")
    return Evidence(str(item["name"]), str(item["status"]), quantity(value, unit), str(item.get("detail", "")))


def _badness(one: Shown) -> tuple[int, float, str]:
    return _RANK[one.severity], -scoring.weight(one.category), one.check


def _by_reason(skipped: Iterable[Shown]) -> list[Reason]:
    found: dict[str, list[Shown]] = {}
    for one in skipped:
        found.setdefault(one.line, []).append(one)
    return [Reason(text, found[text]) for text in sorted(found, key=lambda text: -len(found[text]))]


def _grants(unknown: Iterable[Shown]) -> list[str]:
    """Each once: several checks read the same views."""
    lines = (line for one in unknown for text in one.statements for line in _GRANT.findall(text))
    return sorted(set(lines))
