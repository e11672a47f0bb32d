"""What a schedule has saved, out of what was recorded of it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from collector.domain.schedules import executions, matches, rules
from collector.domain.schedules.rules import Execution, Saved, Standing
from collector.domain.schedules.store import Kept

PERIOD = timedelta(days=30)
_BEFORE = timedelta(days=31)
"""What was stopped earlier than so long before the period, and has not been started since, does not count."""
_AFTER = timedelta(days=31)
"""What is started later than so long after it was stopped all the time."""


def last_30_days(conn: Connection, tenant_id: int, one: Kept, now: datetime) -> Saved:
    """Recorded stopped hours x what an hour cost when it was stopped; what nobody knows is left out."""
    return between(conn, tenant_id, one, now - PERIOD, now)


def between(conn: Connection, tenant_id: int, one: Kept, begin: datetime, end: datetime) -> Saved:
    """As `last_30_days`, of any stretch of the past."""
    done = executions.since(conn, tenant_id, one.id, begin - _BEFORE, until=end + _AFTER)
    look = matches.last_look(conn, tenant_id, one.id)
    stopped = frozenset(each.resource for each in look.matched if each.state.upper() == "STOPPED")
    told = [Execution(each.edge, each.action, each.results) for each in done]
    return rules.saved(told, Standing(look.at, stopped), begin, end)
