"""Pure: which checks of a visit can be judged on this target, and what became of the ones that cannot."""

from collections.abc import Iterable

from msgspec import structs

from agent.oracle.catalogue import GATE_CAP, Check, Facts, Seen, Verdict, grantable, objects_read, render
from agent.oracle.facts import STATEMENTS
from agent.oracle.judging import skipped, unknown
from agent.oracle.session import StatementFailure
from agent.oracle.thresholds import Effective
from common.wire import Item, Outcome, Severity, Status

MAX_NAME, MAX_TEXT = 256, 4000
_SEVERITY: dict[Status, Severity] = {"critical": "critical", "warning": "warning"}
_SEVERITY_RANK: dict[Severity, int] = {"info": 0, "warning": 1, "critical": 2}


def precondition(check: Check, facts: Facts) -> str | None:
    """Why the check does not apply to this target; None when it does."""
    if facts.release < check.min_release:
        return f"needs Oracle {'.'.join(map(str, check.min_release))} or later"
    if facts.mounted and not check.mount:
        return "needs an open database"
    if check.pack and check.pack not in facts.packs:
        return f"needs the {check.pack} pack, which is not declared for this connection"
    if check.scope in ("root", "asm", "per-PDB") and facts.rac and not facts.lowest_instance:
        return "reported by the cluster's first instance"
    return next((reason for need in check.needs if (reason := need(facts))), None)


def why_failed(check: Check, failure: StatementFailure, facts: Facts) -> Verdict:
    """A query of the check failed: unknown, with the statement that mends it where a grant is missing."""
    if not failure.not_granted:
        return unknown(failure.text)
    names = [name for query in check.queries for name in objects_read(query.text(facts))]
    return missing_grant(names, failure, user=facts.user) if names else unknown(failure.text)


def missing_grant(objects: Iterable[str], failure: StatementFailure, *, user: str) -> Verdict:
    """The line names what was refused, the fix all that is read beside it too, so that one script is enough."""
    names = list(dict.fromkeys(objects))
    refused = failure.object if failure.object in names else ", ".join(names)
    grants = "\n".join(f"GRANT SELECT ON {grantable(name)} TO {user};" for name in names)
    return Verdict(status="unknown", line=f"{failure.code}: missing grant on {refused}", fix=grants)


def nothing_granted(check: Check, failure: StatementFailure, *, user: str) -> Verdict:
    """Not even the facts could be read: name what they and the check need. A C## user reads the CDB_ views."""
    texts = [*STATEMENTS, *(render(query.sql, in_root=user.startswith("C##")) for query in check.queries)]
    return missing_grant([name for text in texts for name in objects_read(text)], failure, user=user)


def judge(effective: Effective, seen: Seen) -> Verdict:
    """Let the check's own function decide; data that it did not expect is unknown, never ok."""
    try:
        return effective.check.judge(seen)
    except (KeyError, TypeError, ValueError, ArithmeticError, IndexError) as error:
        return unknown(f"unexpected data: {type(error).__name__}: {error}")


def outcome(effective: Effective, verdict: Verdict, *, elapsed_ms: float = 0.0) -> Outcome:
    check = effective.check
    severity = capped(verdict.status, check.ceiling)
    return Outcome(
        check=check.id,
        category=check.category,
        status=verdict.status,
        severity=severity,
        line=verdict.line[:500],
        value=verdict.value,
        unit=check.unit,
        cap=verdict.cap if verdict.cap is not None else _gate(check, severity),
        fix=verdict.fix[:MAX_TEXT] if verdict.fix else verdict.fix,
        origin=effective.origin,
        interval_s=effective.interval_s,
        elapsed_ms=round(elapsed_ms, 1),
        items=tuple(map(_fitting, verdict.items)),
        warning=effective.levels.warning,
        critical=effective.levels.critical,
    )


def _fitting(item: Item) -> Item:
    """Names from a dictionary (a problem's key, an object in a PDB) may be longer than a record may hold."""
    if len(item.name) <= MAX_NAME and len(item.detail) <= MAX_TEXT:
        return item
    return structs.replace(item, name=item.name[:MAX_NAME], detail=item.detail[:MAX_TEXT])


def capped(status: Status, ceiling: Severity) -> Severity:
    """Severity is what scoring and paging use: the lower of the status and the check's ceiling."""
    severity = _SEVERITY.get(status, "info")
    return min(severity, ceiling, key=_SEVERITY_RANK.__getitem__)


def skip(effective: Effective, reason: str) -> Outcome:
    return outcome(effective, skipped(reason))


def _gate(check: Check, severity: Severity) -> int | None:
    return GATE_CAP if check.gated and severity == "critical" else None
