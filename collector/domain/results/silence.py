"""Agents that are not heard of any more: a finding for each of their connections, made by the collector itself."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from collector.core.tenancy import across_tenants
from collector.domain.results import store
from collector.domain.results.rules import AGENT_STALE
from collector.domain.results.store import AgentRow
from collector.domain.results.targets import Targets
from collector.domain.results.visits import Visits
from common.clock import iso
from common.wire import Outcome, Severity, Status

LATE_AFTER = 3  # heartbeats
SILENT_AFTER = timedelta(minutes=15)
LATE, SILENT = 1, 2
BUNDLES_MISSED = {LATE: 2, SILENT: 3}
"""How many times over the usual time between two bundles has to be, where records are carried here."""

Patience = Mapping[int, timedelta]
"""After which time without a word an agent is late, and silent."""


def look(heartbeat_s: int, started_at: datetime) -> Callable[[Connection, datetime, int], int]:
    """The sweep for silent agents. Time before the collector started is nobody's silence but its own."""
    late_after = LATE_AFTER * timedelta(seconds=heartbeat_s)

    @across_tenants("the sweep serves all of them; what it changes is looked up by tenant again")
    def sweep(conn: Connection, now: datetime, limit: int) -> int:
        found = 0
        for silence, after in ((LATE, min(late_after, SILENT_AFTER)), (SILENT, SILENT_AFTER)):
            if now - started_at < after:
                continue
            quiet = store.quiet_agents(conn, silence, now - after, now, missed=BUNDLES_MISSED[silence], limit=limit)
            for agent in quiet:
                patience = _patience(agent, late_after)
                heard = agent.last_seen_at if agent.bundle_every_s else max(agent.last_seen_at, started_at)
                _note(conn, agent, SILENT if now - heard >= patience[SILENT] else silence, now, patience)
            found = max(found, len(quiet))
        return found

    return sweep


def heard_again(agent: AgentRow, now: datetime) -> Outcome | None:
    """What ends the silence of an agent whose batch came in."""
    if agent.silence is None:
        return None
    agent.silence = None
    return _outcome("ok", "info", f"reported at {iso(now)}", 0.0)


def _patience(agent: store.QuietAgent, late_after: timedelta) -> Patience:
    """Somebody who carries bundles comes less often than a heartbeat."""
    if not agent.bundle_every_s:
        return {LATE: late_after, SILENT: SILENT_AFTER}
    every = timedelta(seconds=agent.bundle_every_s)
    return {silence: missed * every for silence, missed in BUNDLES_MISSED.items()}


def _note(conn: Connection, quiet: store.QuietAgent, silence: int, now: datetime, patience: Patience) -> None:
    store.save_silence(conn, quiet.tenant_id, quiet.agent_id, silence)
    targets = Targets(conn, quiet.tenant_id, quiet.agent_id, now)
    age = (now - quiet.last_seen_at).total_seconds()
    line = f"last seen at {iso(quiet.last_seen_at)}, {age / 60:.0f} min ago"
    severity: Severity = "critical" if silence == SILENT else "warning"
    own = _outcome(severity, severity, line, age, patience)
    Visits(conn, quiet.tenant_id, quiet.agent_id, targets, now).apply([], own=own)
    targets.save()


def _outcome(status: Status, severity: Severity, line: str, age: float, patience: Patience | None = None) -> Outcome:
    return Outcome(
        check=AGENT_STALE,
        category="monitoring",
        status=status,
        severity=severity,
        line=line,
        value=age,
        unit="s",
        warning=patience[LATE].total_seconds() if patience else None,
        critical=(patience[SILENT] if patience else SILENT_AFTER).total_seconds(),
    )
