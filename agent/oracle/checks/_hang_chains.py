"""Chains of sessions that wait for one another, put together from V$WAIT_CHAINS."""

from collections import defaultdict
from dataclasses import dataclass

from agent.oracle.catalogue import Facts, Levels, Query, Row, Rows, Seen, Verdict
from agent.oracle.checks._session_waits import lasting
from agent.oracle.judging import number, ok, text, unknown, worst_first
from common.wire import Item, Status

# The view spans the cluster by itself. A chain that joins another one goes on there (BLOCKER_CHAIN_ID).
CHAINS = Query(
    name="wait_chains",
    sql="""
SELECT chain_id, chain_is_cycle, instance, sid, sess_serial# AS serial, blocker_is_valid, blocker_instance, blocker_sid,
       blocker_chain_id, num_waiters, in_wait_secs, wait_event_text
FROM v$wait_chains
WHERE blocker_is_valid = 'TRUE' OR num_waiters > 0
ORDER BY chain_id
FETCH FIRST 1000 ROWS ONLY
""",
    cost="medium",
)
WAITERS_WARNING = 3
WAITERS_CRITICAL = 10
# Parallel slaves and idle clients wait for one another by design.
IDLE = ("SQL*Net message from client", "PX Deq", "rdbms ipc message", "class slave wait", "Streams AQ")
Session = tuple[float, float]
"""Instance and SID."""


def once_per_cluster(facts: Facts) -> str | None:
    """Every instance shows the chains of all of them."""
    return "reported by the cluster's first instance" if facts.rac and not facts.lowest_instance else None


@dataclass(frozen=True, slots=True)
class Chain:
    """Everybody who waits, directly or not, for one session; `blocker`: None when the view does not show it."""

    root: Session
    blocker: Row | None
    waiters: Rows

    @property
    def longest(self) -> float:
        return max(number(row["in_wait_secs"]) or 0.0 for row in self.waiters)

    @property
    def waiting(self) -> int:
        """NUM_WAITERS of the blocker counts those that the view does not list, too."""
        counted = number(self.blocker["num_waiters"]) or 0.0 if self.blocker else 0.0
        return max(len(self.waiters), int(counted))

    def status(self, levels: Levels) -> Status:
        """The critical time or crowd alone is enough; the warning needs both."""
        worst = levels.status(self.longest)
        if levels.critical is not None and (worst == "critical" or self.waiting >= WAITERS_CRITICAL):
            return "critical"
        return "warning" if worst == "warning" and self.waiting >= WAITERS_WARNING else "ok"


def judge_chains(seen: Seen) -> Verdict:
    waiting = [row for row in seen.of(CHAINS) if row["blocker_is_valid"] == "TRUE" and not _idle(row)]
    if any(row["in_wait_secs"] is None for row in waiting):
        return unknown("IN_WAIT_SECS of a waiting session is NULL")
    found = sorted(_chains(seen.of(CHAINS), waiting), key=lambda chain: (-chain.waiting, -chain.longest))
    if not found:
        return ok("no chain of waits", 0.0)
    items = worst_first(Item(_name(chain), chain.status(seen.levels), chain.longest, _detail(chain)) for chain in found)
    status = items[0].status
    chain = next(chain for chain in found if chain.status(seen.levels) == status)
    fix = _drawn(chain) if status in ("warning", "critical") else None
    line = f"chain of {chain.waiting + 1} for {lasting(chain.longest)}, {_name(chain)}"
    return Verdict(status=status, line=line, value=chain.longest, items=items, fix=fix)


def _idle(row: Row) -> bool:
    return text(row["wait_event_text"]).startswith(IDLE)


def _chains(rows: Rows, waiting: Rows) -> list[Chain]:
    """Each waiting session belongs to the one that it waits for in the end."""
    blocker_of = {
        _key(row): (number(row["blocker_instance"]) or 0.0, number(row["blocker_sid"]) or 0.0) for row in waiting
    }
    waiters: dict[Session, dict[Session, Row]] = defaultdict(dict)
    for row in waiting:
        waiters[_root(_key(row), blocker_of)][_key(row)] = row
    shown = {_key(row): row for row in rows}
    return [Chain(root, shown.get(root), tuple(own.values())) for root, own in waiters.items()]


def _key(row: Row) -> Session:
    return number(row["instance"]) or 0.0, number(row["sid"]) or 0.0


def _root(session: Session, blocker_of: dict[Session, Session]) -> Session:
    """Follow the blockers; in a cycle the smallest member stands for all."""
    passed = [session]
    while (following := blocker_of.get(passed[-1])) is not None:
        if following in passed:
            return min(passed[passed.index(following) :])
        passed.append(following)
    return passed[-1]


def _name(chain: Chain) -> str:
    """`blocker 143 (enq: TX - row lock contention)`: what the others wait for says what it holds."""
    longest = max(chain.waiters, key=lambda row: number(row["in_wait_secs"]) or 0.0)
    return f"blocker {chain.root[1]:.0f} ({text(longest['wait_event_text']) or 'unknown wait'})"


def _detail(chain: Chain) -> str:
    return f"{chain.waiting} waiting, up to {lasting(chain.longest)}"


def _drawn(chain: Chain) -> str:
    """The chain from the final blocker down, for whoever has to act on it."""
    instance, sid = chain.root
    serial = text(chain.blocker["serial"]) if chain.blocker else "?"
    event = text(chain.blocker["wait_event_text"]) if chain.blocker else ""
    lines = [f"{sid:.0f},{serial},@{instance:.0f} blocks, {event or 'not waiting'}"]
    ordered = sorted(chain.waiters, key=lambda row: -(number(row["in_wait_secs"]) or 0.0))
    lines += [f"  {_waiter(row)}" for row in ordered[:20]]
    return "\n".join(
        [*lines, f"ALTER SYSTEM KILL SESSION '{sid:.0f},{serial},@{instance:.0f}' IMMEDIATE; once its owner agrees"]
    )


def _waiter(row: Row) -> str:
    seconds = lasting(number(row["in_wait_secs"]) or 0.0)
    name = f"{text(row['sid'])},{text(row['serial'])},@{text(row['instance'])}"
    return f"{name} waits {seconds} for {text(row['blocker_sid'])}: {text(row['wait_event_text'])}"
