"""By which authorities agents recognise this collector, as their heartbeats say."""

from sqlalchemy import Connection, select

from collector.core.succession import Trust, trust_of
from collector.core.tenancy import across_tenants
from collector.domain.agents.tables import agent

_A = agent.c


@across_tenants("the collector has one CA, which agents of all tenants recognise it by")
def trusts(conn: Connection) -> list[Trust]:
    """What every active agent said last."""
    return [trust_of(row.id, row.heartbeat) for row in conn.execute(_ACTIVE)]


_ACTIVE = select(_A.id, _A.heartbeat).where(_A.state == "active").order_by(_A.id)
