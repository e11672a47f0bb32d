"""Pure: what a connection's latest outcomes say about it now.

An outcome speaks for now until three of its intervals have passed, and while the database can be reached and lets the
agent in. After that it is in doubt: it no longer says what is wrong, yet silence must never raise a score.
"""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
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
AGENT_STALE = "AGENT_STALE"  # the one check that the collector makes itself
CONNECTION_FAILED = "CONNECTION_FAILED"  # how the contract calls DB_CONNECT
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
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """Whether the agent gets a session: what the newest run, the latest AGENT_LOGIN and AGENT_STALE say."""

    reachable: bool
    refused_at: datetime | None = None
    reason: str = ""
    silent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What is stored with a connection; `stale_at`: when it would come out differently without any news.

    `raw_score`: with nothing muted; `worst`: the finding that the summary names; `known`: something is not in doubt.
    """

    score: int
    raw_score: int
    worst: Outcome | None
    known: bool
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
    login = Login(reachable)
    for outcome in outcomes:
        if outcome.severity != "critical" or not scoring.is_finding(outcome.status):
            continue
        if outcome.check == AGENT_LOGIN:
            login = replace(login, refused_at=outcome.observed_at, reason=outcome.line)
        elif outcome.check == AGENT_STALE:
            login = replace(login, silent=outcome.line)
    return login


def doubt(outcome: Dated, login: Login, now: datetime) -> str | None:
    """Why this outcome says nothing about now; None when it does."""
    if outcome.check == AGENT_STALE:
        return None  # stands until the agent is heard of
    needs_session = outcome.category != HOST and outcome.check not in {DB_CONNECT, AGENT_LOGIN}
    if login.silent:
        return f"The agent is silent ({login.silent}); last result of {iso(outcome.observed_at)}."
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
    muted = {outcome.check for outcome in counted if outcome.muted}
    down = not reachable and DB_CONNECT not in muted
    effective = _score(counted, in_doubt, muted, reachable=reachable)
    raw = _score(counted, in_doubt, frozenset(), reachable=reachable) if muted else effective
    raw_score = raw.value if reachable else 0
    findings = [o for o in counted if o.check not in in_doubt and scoring.is_finding(o.status)]
    standing = [finding for finding in findings if not finding.muted]
    worst = min(standing, key=_badness, default=None)
    return Derived(
        score=0 if down else effective.value,
        raw_score=raw_score,
        worst=worst,
        known=not login.silent and len(in_doubt) < len(outcomes),
        summary=_summary(counted, in_doubt, standing, worst, muted=len(findings) - len(standing), reachable=not down),
        counts=_counts(counted, in_doubt),
        details={**_details(effective), "raw_score": raw_score, "muted": sorted(muted)},
        stale_at=min((expires(o) for o in counted if o.check not in in_doubt and o.check != AGENT_STALE), default=None),
    )


def documented(text: str) -> str:
    """A check's id, or a title that is one for want of a better, as the contract has it."""
    return CONNECTION_FAILED if text == DB_CONNECT else text


def stored(check: str) -> str:
    """The id under which a check is stored, of what a reader calls it."""
    return DB_CONNECT if check == CONNECTION_FAILED else check


def counts(outcomes: Iterable[tuple[Status, Severity]]) -> dict[str, int]:
    """How many there are: findings by severity, the rest by status; an info finding counts as info."""
    found: dict[str, int] = {}
    for status, severity in outcomes:
        word = severity if scoring.is_finding(status) else status
        found[word] = found.get(word, 0) + 1
    return found


def _counts(outcomes: Sequence[Outcome], in_doubt: set[str]) -> dict[str, int]:
    muted = {o.check for o in outcomes if o.muted and o.check not in in_doubt and scoring.is_finding(o.status)}
    shown = [o for o in outcomes if o.check not in muted]
    found = counts([("unknown" if o.check in in_doubt else o.status, o.severity) for o in shown])
    return {**found, "muted": len(muted)} if muted else found


def _score(outcomes: Sequence[Outcome], in_doubt: set[str], muted: AbstractSet[str], *, reachable: bool) -> Score:
    """The lower of two: doubtful outcomes as unknown (coverage falls), and as they were (their findings stand)."""
    as_unknown = scoring.score([_scored(outcome, muted, unknown=outcome.check in in_doubt) for outcome in outcomes])
    if not in_doubt or not reachable:
        return as_unknown
    as_they_were = scoring.score([_scored(outcome, muted, unknown=False) for outcome in outcomes])
    return min(as_unknown, as_they_were, key=lambda score: score.value)


def _scored(outcome: Outcome, muted: AbstractSet[str], *, unknown: bool) -> Scored:
    return Scored(
        check=outcome.check,
        category=outcome.category,
        status="unknown" if unknown else outcome.status,
        severity=outcome.severity,
        cap=outcome.cap,
        muted=outcome.check in muted,
    )


def _badness(outcome: Outcome) -> tuple[int, float, str]:
    return _RANK[outcome.severity], -scoring.weight(outcome.category), outcome.check


def _summary(
    outcomes: Sequence[Outcome],
    in_doubt: set[str],
    findings: Sequence[Outcome],
    worst: Outcome | None,
    *,
    muted: int,
    reachable: bool,
) -> str:
    if not reachable:
        lines = [outcome.line for outcome in outcomes if outcome.check == DB_CONNECT]
        return f"Not reachable: {_reason(lines[0])}" if lines else "Not reachable"
    if outcomes and len(in_doubt) >= len(outcomes):
        return f"No results since {iso(max(outcome.observed_at for outcome in outcomes))}"
    aside = f" ({muted} muted)" if muted else ""
    if worst is None:
        return f"No findings{aside}"
    return f"{_tally(findings)}{aside}: {worst.title}{'…' if len(findings) > 1 else ''}"


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
