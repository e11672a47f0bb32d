"""Wires settings, database, edge and families; nothing else."""

from datetime import datetime
from functools import partial

from collector.api.health import family as health
from collector.api.status import family as status
from collector.api.status import probes
from collector.api.uses import Uses
from collector.core.database import Database
from collector.core.limits import Limiter
from collector.core.metrics import Metrics
from collector.core.settings import Settings
from collector.domain.access import store as access
from collector.edge import Edge, switchboard
from common.clock import utc_now


def create_app(settings: Settings, db: Database) -> Edge:
    """Everything that the collector answers, as one ASGI application over an open database."""
    del settings  # the agents' link will need it
    limiter, metrics = Limiter(), Metrics()
    uses = Uses(partial(_key_used, db))
    of_health = health.build(db, limiter, uses)
    of_status = status.build(db, limiter)
    of_probes = probes.build({db.name: db.ping})
    choose = switchboard(
        exact={"/api/v1/health": of_status},
        below={
            "/api/v1/health": of_health,
            "/api/v1/tuneops": of_health,
            "/api/v1/activity": of_health,
            "/api/v1/team": of_health,
            "/health": of_probes,
        },
        otherwise=of_status,
    )
    return Edge(choose, metrics=metrics, on_shutdown=(uses.settle,))


async def _key_used(db: Database, tenant_id: int, key_id: str) -> None:
    now: datetime = utc_now()
    await db.write(access.key_used, tenant_id, key_id, now)
