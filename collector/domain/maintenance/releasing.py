"""After work that suppressed alerts: what still stands is told, once; what is over is not."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from collector.core.tenancy import across_tenants
from collector.domain.alerts import store as alerts
from collector.domain.fleet.store import watched_by
from collector.domain.maintenance import suppression
from collector.domain.maintenance.suppression import Held, Hold
from collector.domain.mutes import store as mutes
from collector.domain.results import findings, store
from collector.domain.results.targets import Targets
from collector.domain.results.telling import tell


@across_tenants("the sweep serves all of them; what it changes is looked up by tenant again")
def release(conn: Connection, now: datetime, limit: int) -> int:
    """Look again at what was held back and has had its time; at how many connections."""
    due = suppression.due(conn, now, limit)
    of_agent: dict[tuple[int, str], dict[str, Hold]] = defaultdict(dict)
    for hold in due:
        place = watched_by(conn, hold.tenant_id, hold.connection_id)
        if place is None:
            suppression.drop(conn, hold.tenant_id, hold.connection_id)
        else:
            of_agent[hold.tenant_id, place.agent_id][place.key] = hold
    for tenant_id, agent_id in sorted(of_agent):  # every replica holds agents in this order
        _look(conn, tenant_id, agent_id, of_agent[tenant_id, agent_id], now)
    return len(due)


def _look(conn: Connection, tenant_id: int, agent_id: str, holds: dict[str, Hold], now: datetime) -> None:
    """The agent is held, for its next batch would change the same rows."""
    store.lock_agent(conn, tenant_id, agent_id)
    targets = Targets(conn, tenant_id, agent_id, now)
    targets.load(holds)
    touched = targets.all()
    numbers = [target.id for target in touched]
    held = suppression.holding(conn, tenant_id, numbers, now)
    muted = mutes.mutes(conn, tenant_id, numbers)
    tell(conn, tenant_id, findings.reconsider(conn, tenant_id, touched, muted, now))
    untold = [place for place, one in alerts.standing(conn, tenant_id, numbers).items() if one.sent_at is None]
    for target in touched:
        _keep(conn, holds[target.key], held, untold, now)


def _keep(conn: Connection, hold: Hold, held: Held, untold: Sequence[tuple[int, str]], now: datetime) -> None:
    """Come back for the checks that have longer; where work goes on, its own end brings that about."""
    ours = [place for place in untold if place[0] == hold.connection_id and place in held.until]
    later = [held.until[place] for place in ours if held.until[place] > now]
    if hold.connection_id in held.running or not later:
        suppression.drop(conn, hold.tenant_id, hold.connection_id)
    else:
        suppression.put(conn, hold.tenant_id, [hold._replace(due_at=min(later))])
