"""Sessions that wait for others, run very long, hold a transaction open without working, or do not go away."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from agent.oracle.catalogue import Facts, Levels, Row, Rows, Seen, Verdict
from agent.oracle.checks._readings import an_hour, values, within_the_hour
from agent.oracle.checks._session_limits import source
from agent.oracle.checks._space import many
from agent.oracle.judging import Growth, age, by_level, number, of_items, ok, shared, text, unknown, worst_first
from agent.oracle.queries import SESSIONS, STATISTICS, TRANSACTIONS
from common.wire import Item, Status

MANY_BLOCKED = 10
SLAVES = re.compile(r"\((?:J|Q)[0-9A-Z]{3}\)\s*$")  # scheduler slaves and queue processes
# What runs for hours by design: backups, Data Pump, scheduler and queue slaves, replication.
BY_DESIGN = re.compile(
    r"\brman\b|backup|\((?:DM|DW|J|Q|CP|AP|AS|MS)[0-9A-Z]{2,3}\)|data ?pump|goldengate|\bextract\b|\breplicat\b|\bogg",
    re.IGNORECASE,
)
Session = tuple[float, float]
"""Instance and SID."""


def _key(row: Row) -> Session:
    return number(row["inst"]) or 0.0, number(row["sid"]) or 0.0


def lasting(seconds: float) -> str:
    """`3 h 20 min`, `12 min`, `40 s`."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f} s"
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


# --- blocked -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Blocker:
    """A session that others wait for in the end, and those others; `row`: None when it is not to be seen."""

    key: Session
    row: Row | None
    waiting: Rows

    @property
    def longest(self) -> float:
        return max(number(row["seconds_in_wait"]) or 0.0 for row in self.waiting)


def judge_blocked(seen: Seen) -> Verdict:
    blocked = [row for row in seen.of(SESSIONS) if _is_blocked(row)]
    if any(row["seconds_in_wait"] is None for row in blocked):
        return unknown("SECONDS_IN_WAIT of a blocked session is NULL")
    if not blocked:
        return ok("no session is blocked", 0.0)
    blockers = _blockers(seen, blocked)
    longest = max(blocker.longest for blocker in blockers)
    status = _blocked_status(seen.levels, len(blocked), longest)
    line = f"{len(blocked)} blocked up to {lasting(longest)} by {_named(seen, blockers[0])}"
    more = f" and {len(blockers) - 1} more" if blockers[1:] else ""
    items = worst_first(_blocker_item(seen, blocker) for blocker in blockers)
    fix = _kill(seen, blockers[0]) if status in ("warning", "critical") else None
    return Verdict(status=status, line=line + more, value=longest, items=items, fix=fix)


def _is_blocked(row: Row) -> bool:
    """A user's session in a wait that is not idle; scheduler slaves and dequeues wait by design."""
    if not row["blocked"] or row["type"] != "USER" or row["wait_class"] == "Idle":
        return False
    return not (SLAVES.search(text(row["program"])) or "AQ" in text(row["event"]).split(":")[0])


def _blocked_status(levels: Levels, count: int, longest: float) -> Status:
    by_wait = levels.status(longest)
    return "critical" if levels.critical is not None and count > MANY_BLOCKED else by_wait


def _blockers(seen: Seen, blocked: Rows) -> list[Blocker]:
    """The roots of the chains, the one that most wait for first."""
    waiting: dict[Session, list[Row]] = defaultdict(list)
    for row in blocked:
        waiting[number(row["blocker_inst"]) or 0.0, number(row["blocker_sid"]) or 0.0].append(row)
    sessions = {_key(row): row for row in seen.of(SESSIONS)}
    found = [Blocker(key, _same_container(sessions.get(key), rows), rows) for key, rows in waiting.items()]
    return sorted(found, key=lambda blocker: (-len(blocker.waiting), -blocker.longest))


def _same_container(row: Row | None, waiting: Rows) -> Row | None:
    """A lock is held within one container; CON_ID 0 and 1 are those of background processes."""
    fitting = (0, 1, *(one["con_id"] for one in waiting))
    return row if row is not None and row["con_id"] in fitting else None


def _named(seen: Seen, blocker: Blocker) -> str:
    """`143,8821 (APP, idle)`."""
    instance, sid = blocker.key
    if blocker.row is None:
        return f"session {sid:.0f} of instance {instance:.0f}" if sid else "a session that cannot be named"
    row = blocker.row
    who = shared(seen.facts, "users", row["username"]) or shared(seen.facts, "machines", row["program"]) or "background"
    idle = row["status"] == "INACTIVE" or row["wait_class"] == "Idle"
    place = f"@{instance:.0f}" if seen.facts.rac else ""
    return f"{sid:.0f},{text(row['serial'])}{place} ({who}, {'idle' if idle else text(row['event']) or 'working'})"


def _blocker_item(seen: Seen, blocker: Blocker) -> Item:
    status = _blocked_status(seen.levels, len(blocker.waiting), blocker.longest)
    detail = f"{many(len(blocker.waiting), 'session')} blocked up to {lasting(blocker.longest)}"
    return Item(_named(seen, blocker), status, blocker.longest, detail)


def _kill(seen: Seen, blocker: Blocker) -> str | None:
    if blocker.row is None or blocker.row["type"] != "USER":
        return None
    instance, sid = blocker.key
    session = f"{sid:.0f},{text(blocker.row['serial'])},@{instance:.0f}"
    idle = " It is idle in a transaction: look at its application." if blocker.row["status"] == "INACTIVE" else ""
    return f"Contact the owner of {_named(seen, blocker)}, or ALTER SYSTEM KILL SESSION '{session}' IMMEDIATE.{idle}"


# --- long ----------------------------------------------------------------------------------------------------------


def judge_active(seen: Seen) -> Verdict:
    """A session and its parallel slaves count once, by the execution that they share."""
    active = [row for row in seen.of(SESSIONS) if _is_working(row, seen)]
    if any(row["last_call_et"] is None for row in active):
        return unknown("LAST_CALL_ET of an active session is NULL")
    longest: dict[object, Row] = {}
    for row in sorted(active, key=lambda row: number(row["last_call_et"]) or 0.0):
        execution = (row["sql_id"], row["sql_exec_id"])
        longest[execution if row["sql_exec_id"] is not None else _key(row)] = row
    items = [_active_item(seen, row) for row in longest.values()]
    first = max(items, key=lambda item: item.value or 0.0, default=None)
    return of_items(items, good=f"longest {first.name} {first.detail}" if first else "no statement runs")


def _is_working(row: Row, seen: Seen) -> bool:
    """An ACTIVE session that waits in class Idle sleeps, unless it coordinates parallel slaves."""
    if row["type"] != "USER" or row["status"] != "ACTIVE" or row["inst"] not in (seen.facts.instance_number, None):
        return False
    sleeps = row["wait_class"] == "Idle" and not text(row["event"]).startswith("PX ")
    return not sleeps and not any(BY_DESIGN.search(text(row[name])) for name in ("program", "module"))


def _active_item(seen: Seen, row: Row) -> Item:
    seconds = number(row["last_call_et"]) or 0.0
    name = shared(seen.facts, "users", row["username"]) or f"session {text(row['sid'])}"
    statement = f", SQL {text(row['sql_id'])}" if row["sql_id"] else ""
    return Item(name, seen.levels.status(seconds / 60), round(seconds / 60, 1), f"{lasting(seconds)}{statement}")


# --- idle in a transaction -----------------------------------------------------------------------------------------

NOTHING_CHANGED = 1.0  # a cursor that is open over a database link is a transaction too, with one undo record


def judge_idle(seen: Seen) -> Verdict:
    """Critical only while others wait for it."""
    idle = [row for row in seen.of(TRANSACTIONS) if row["status"] == "INACTIVE"]
    if any(row["last_call_et"] is None for row in idle):
        return unknown("LAST_CALL_ET of a session with a transaction is NULL")
    here = (None, seen.facts.instance_number)
    blocked = [row for row in seen.of(SESSIONS) if _is_blocked(row) and row["blocker_inst"] in here]
    wanted = {number(row["blocker_sid"]) for row in blocked}
    found = [item for row in idle if (item := _idle_item(seen, row, blocks=number(row["sid"]) in wanted))]
    items = worst_first(found)
    first = items[0] if items else None
    return of_items(
        items, good=f"longest: {first.name} {first.detail}" if first else "no idle session holds a transaction"
    )


def _idle_item(seen: Seen, row: Row, *, blocks: bool) -> Item | None:
    minutes, changed = (number(row["last_call_et"]) or 0.0) / 60, number(row["used_urec"]) or 0.0
    if changed <= NOTHING_CHANGED and not blocks:
        return None
    status = seen.levels.status(minutes)
    if status == "critical" and not blocks:
        status = "warning"
    user, machine = shared(seen.facts, "users", row["username"]), shared(seen.facts, "machines", row["machine"])
    held = ", blocks others" if blocks else ""
    detail = f"idle {age(minutes * 60)} with {many(changed, 'undo record')}{held}"
    return Item(f"{user}@{machine}" if machine else user, status, round(minutes, 1), detail)


# --- killed --------------------------------------------------------------------------------------------------------

CLEANED_UP_WITHIN_S = 1800.0


def judge_killed(seen: Seen) -> Verdict:
    """One that still has a transaction is being rolled back: that takes as long as it takes."""
    killed = [row for row in seen.of(SESSIONS) if row["status"] == "KILLED" and row["type"] == "USER"]
    if any(row["last_call_et"] is None for row in killed):
        return unknown("LAST_CALL_ET of a killed session is NULL")
    busy = {(row["sid"], row["serial"]) for row in seen.of(TRANSACTIONS)}
    old = [row for row in killed if (number(row["last_call_et"]) or 0.0) > CLEANED_UP_WITHIN_S]
    stuck = [row for row in old if (row["sid"], row["serial"]) not in busy]
    rolling = f", {len(old) - len(stuck)} more roll back" if len(old) > len(stuck) else ""
    if not stuck:
        return ok(f"no killed session is left{rolling}", 0.0)
    oldest = max(number(row["last_call_et"]) or 0.0 for row in stuck)
    line = f"{many(len(stuck), 'killed session')}, oldest {age(oldest)}{rolling}"
    status = seen.levels.status(len(stuck))
    return Verdict(status=status, line=line, value=float(len(stuck)), items=_killed_items(seen, stuck, status))


def _killed_items(seen: Seen, stuck: Sequence[Row], status: Status) -> tuple[Item, ...]:
    found = []
    for row in stuck:
        user, seconds = shared(seen.facts, "users", row["username"]), number(row["last_call_et"]) or 0.0
        name = f"{text(row['sid'])},{text(row['serial'])}"
        found.append(Item(name, status, seconds, f"{user} {source(seen, row)}, {age(seconds)}".strip()))
    return worst_first(found)


# --- deadlocks -----------------------------------------------------------------------------------------------------

DEADLOCKS = "enqueue deadlocks"


def counted_here(facts: Facts) -> str | None:
    """Between instances, and so on a cluster as a rule, the global enqueue service finds deadlocks and counts none."""
    return "a cluster's deadlocks are in the alert log, not in V$SYSSTAT" if facts.rac else None


def judge_deadlocks(seen: Seen) -> Verdict:
    counters = values(seen, STATISTICS)
    if DEADLOCKS not in counters:
        return unknown("V$SYSSTAT lacks 'enqueue deadlocks', or it is NULL")
    return within_the_hour(seen, {DEADLOCKS: counters[DEADLOCKS]}, _deadlocks)


def _deadlocks(seen: Seen, since: Growth) -> Verdict:
    count = an_hour(since, DEADLOCKS)
    return by_level(count, seen.levels, f"{count:.0f} in the last {age(min(since.seconds, 3600))}")
