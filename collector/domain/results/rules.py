"""Pure: what a connection's latest outcomes say about it now.

An outcome speaks for now until three of its intervals have passed, and while the database can be reached and lets the
agent in. After that it is in doubt: it no longer says what is wrong, yet silence must never raise a score.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from common import scoring
from common.clock import iso
from common.scoring import Score, Scored
from common.wire import Severity, Status

STALE_AFTER = 3  # intervals
DEFAULT_INTERVAL_S = 86_400  # the longest there is, for an agent that does not say
CLOCK_TOLERANCE = timedelta(minutes=5)

DB_CONNECT = "DB_CONNECT"
AGENT_LOGIN = "AGENT_LOGIN"
HOST = "host"  # its checks need no session, so they go on while the database refuses one

_CODE = re.compile(r"\b(?:ORA|DPY|TNS)-\d{4,5}\b")
_RANK: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}


class Mark(NamedTuple):
    """Which of two outcomes, or runs, is the newer one: the greater."""

    at: datetime
    run_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The latest outcome of one check, with what is needed to weigh it."""

    check: str
    category: str
    status: Status
    severity: Severity
    line: str
    cap: int | None
    interval_s: int
    observed_at: datetime
    title: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Login:
    """Whether the agent gets a session: what the newest run and the latest AGENT_LOGIN say."""

    reachable: bool
    refused_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What is stored with a connection; `stale_at`: when it would come out differently without any news."""

    score: int
    summary: str
    counts: dict[str, int]
    details: dict[str, object]
    stale_at: datetime | None


class Dated(Protocol):
    """What can be too old to count."""

    @property
    def check(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def interval_s(self) -> int: ...
    @property
    def observed_at(self) -> datetime: ...


def observed(ended_at: datetime, now: datetime) -> datetime:
    """When something was seen; a clock that runs ahead must not freeze a check in its future."""
    return now if ended_at > now + CLOCK_TOLERANCE else ended_at


def expires(outcome: Dated) -> datetime:
    return outcome.observed_at + STALE_AFTER * timedelta(seconds=outcome.interval_s or DEFAULT_INTERVAL_S)


def login_of(outcomes: Iterable[Outcome], *, reachable: bool) -> Login:
    for outcome in outcomes:
        if outcome.check == AGENT_LOGIN and scoring.is_finding(outcome.status) and outcome.severity == "critical":
            return Login(reachable, outcome.observed_at, outcome.line)
    return Login(reachable)


def doubt(outcome: Dated, login: Login, now: datetime) -> str | None:
    """Why this outcome says nothing about now; None when it does."""
    needs_session = outcome.category != HOST and outcome.check not in {DB_CONNECT, AGENT_LOGIN}
    if needs_session and not login.reachable:
        return f"Not reachable; last result of {iso(outcome.observed_at)}."
    if needs_session and login.refused_at is not None and outcome.observed_at < login.refused_at:
        return f"The agent cannot log on ({login.reason}); last result of {iso(outcome.observed_at)}."
    if now > expires(outcome) and not (outcome.check == DB_CONNECT and not login.reachable):
        return f"No result since {iso(outcome.observed_at)}."
    return None


def derive(outcomes: Sequence[Outcome], *, reachable: bool, now: datetime) -> Derived:
    """Score, summary and the rest of a connection that has been visited at least once."""
    outcomes = sorted(outcomes, key=lambda outcome: outcome.check)  # sums of floats depend on their order
    login = login_of(outcomes, reachable=reachable)
    in_doubt = {outcome.check for outcome in outcomes if doubt(outcome, login, now)}
    counted = [outcome for outcome in outcomes if outcome.enabled or outcome.check not in in_doubt]
    score = _score(counted, in_doubt, reachable=reachable)
    return Derived(
        score=0 if not reachable else score.value,
        summary=_summary(counted, in_doubt, reachable=reachable),
        counts=counts([("unknown" if o.check in in_doubt else o.status, o.severity) for o in counted]),
        details=_details(score),
        stale_at=min((expires(o) for o in counted if o.check not in in_doubt), default=None),
    )


def counts(outcomes: Iterable[tuple[Status, Severity]]) -> dict[str, int]:
    """How many there are: findings by severity, the rest by status; an info finding counts as info."""
    found: dict[str, int] = {}
    for status, severity in outcomes:
        word = severity if scoring.is_finding(status) else status
        found[word] = found.get(word, 0) + 1
    return found


def _score(outcomes: Sequence[Outcome], in_doubt: set[str], *, reachable: bool) -> Score:
    """The lower of two: doubtful outcomes as unknown (coverage falls), and as they were (their findings stand)."""
    as_unknown = scoring.score([_scored(outcome, unknown=outcome.check in in_doubt) for outcome in outcomes])
    if not in_doubt or not reachable:
        return as_unknown
    as_they_were = scoring.score([_scored(outcome, unknown=False) for outcome in outcomes])
    return min(as_unknown, as_they_were, key=lambda score: score.value)


def _scored(outcome: Outcome, *, unknown: bool) -> Scored:
    return Scored(
        check=outcome.check,
        category=outcome.category,
        status="unknown" if unknown else outcome.status,
        severity=outcome.severity,
        cap=outcome.cap,
    )


def _summary(outcomes: Sequence[Outcome], in_doubt: set[str], *, reachable: bool) -> str:
    if not reachable:
        lines = [outcome.line for outcome in outcomes if outcome.check == DB_CONNECT]
        return f"Not reachable: {_reason(lines[0])}" if lines else "Not reachable"
    if outcomes and len(in_doubt) >= len(outcomes):
        return f"No results since {iso(max(outcome.observed_at for outcome in outcomes))}"
    findings = [o for o in outcomes if o.check not in in_doubt and scoring.is_finding(o.status)]
    if not findings:
        return "No findings"
    worst = min(findings, key=lambda o: (_RANK[o.severity], -scoring.weight(o.category), o.check))
    return f"{_tally(findings)}: {worst.title}{'…' if len(findings) > 1 else ''}"


def _tally(findings: Iterable[Outcome]) -> str:
    number = counts([(finding.status, finding.severity) for finding in findings])
    parts = [
        f"{number[word]} {noun}{'s' if number[word] > 1 else ''}"
        for word, noun in (("critical", "critical finding"), ("warning", "warning"), ("info", "note"))
        if word in number
    ]
    return ", ".join(parts)


def _reason(line: str) -> str:
    code = _CODE.search(line)
    return code[0] if code else line


def _details(score: Score) -> dict[str, object]:
    return {
        "raw": round(score.raw, 2),
        "coverage": round(score.coverage, 4),
        "lines": [[line.check, line.category, line.points, line.factor, line.weight] for line in score.lines],
        "caps": [list(cap) for cap in score.caps],
    }
