"""Puts the health family together. A resource is one module with a `router`, named in ROUTERS."""

from functools import partial

from fastapi import APIRouter

from collector.api import family
from collector.api.family import Dialect
from collector.api.health import activity, connections, envelope, fleet, history, team, tickets
from collector.api.health.auth import guard
from collector.api.journal import Journal
from collector.api.kept import Kept, counted
from collector.api.requests import Requests
from collector.api.uses import Uses
from collector.core.database import Database
from collector.core.families import Family
from collector.core.limits import Limiter
from collector.core.memo import Memo
from collector.domain.versions import store as versions

ROUTERS: tuple[APIRouter, ...] = (
    connections.router,
    fleet.router,
    history.router,
    tickets.router,
    activity.router,
    team.router,
)


def build(db: Database, limiter: Limiter, uses: Uses, journal: Journal) -> Family:
    memo = Memo(db)
    of_results = counted(db, memo, partial(versions.version_of, resources=("results",)))
    dialect = Dialect(
        name="health",
        guard=guard(db, limiter, uses),
        render=envelope.problem,
        quota_headers=envelope.quota_headers,
        credential={"type": "http", "scheme": "bearer", "bearerFormat": "tv_api_…"},
        revalidates=True,
        note=Requests(journal).note,
        kept=Kept(
            {
                "/api/v1/health/fleet": counted(db, memo, versions.version),
                "/api/v1/health/connections": of_results,
                "/api/v1/tuneops/tickets": of_results,
            }
        ),
    )
    return family.build(
        dialect,
        ROUTERS,
        title="Fieldpost: health data",
        db=db,
        document_url="/api/v1/health/openapi.json",
    )
