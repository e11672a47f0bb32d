"""The health family, put together."""

from collector.api import family
from collector.api.family import Dialect
from collector.api.health import connections, envelope, fleet
from collector.api.health.auth import guard
from collector.api.uses import Uses
from collector.core.database import Database
from collector.core.families import Family
from collector.core.limits import Limiter


def build(db: Database, limiter: Limiter, uses: Uses) -> Family:
    dialect = Dialect(
        name="health",
        guard=guard(db, limiter, uses),
        render=envelope.problem,
        quota_headers=envelope.quota_headers,
        credential={"type": "http", "scheme": "bearer", "bearerFormat": "tv_api_…"},
    )
    return family.build(
        dialect,
        (connections.router, fleet.router),
        title="Fieldpost: health data",
        db=db,
        document_url="/api/v1/health/openapi.json",
    )
