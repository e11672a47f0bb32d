"""The status family. It has no resource yet; it words what is unknown below `/api`."""

from starlette.requests import Request

from collector.api import family
from collector.api.family import Admission, Dialect
from collector.api.status import envelope
from collector.core.database import Database
from collector.core.families import Family
from collector.core.limits import Limiter, source
from collector.core.problems import rate_limited

ANONYMOUS_PER_MINUTE = 60


def build(db: Database, limiter: Limiter) -> Family:
    async def admit(request: Request) -> Admission:
        host = request.client.host if request.client else ""
        quota = await limiter.hit("ip", source(host), per_minute=ANONYMOUS_PER_MINUTE)
        return Admission(quota=quota, refusal=None if quota.allowed else rate_limited(quota.retry_after))

    dialect = Dialect(
        name="status",
        guard=admit,
        render=envelope.problem,
        quota_headers=envelope.quota_headers,
        credential={"type": "http", "scheme": "bearer", "bearerFormat": "ops_…"},
    )
    return family.build(dialect, (), title="Fieldpost: status", db=db)
