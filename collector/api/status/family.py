"""Puts the status family together; it also words what is unknown below `/api`. A resource is one module, in ROUTERS."""

from functools import partial

from fastapi import APIRouter
from fastapi.routing import APIRoute

from collector.api import family
from collector.api.family import Dialect
from collector.api.journal import Journal
from collector.api.kept import Kept, Moments, counted
from collector.api.requests import Requests
from collector.api.status import envelope, incidents, maintenance, ping, services, uptime
from collector.api.status.auth import DOCUMENT, NAME, guard, scope_of
from collector.api.uses import Uses
from collector.core.database import Database
from collector.core.families import Family
from collector.core.limits import Limiter
from collector.core.memo import Memo
from collector.domain.versions import store as versions

MAX_BODY = 1024 * 1024
"""Room for three texts of the greatest length, also where a client writes every character as `\\ud83d\\ude00`."""

ROUTERS: tuple[APIRouter, ...] = (ping.router, services.router, uptime.router, incidents.router, maintenance.router)


def build(db: Database, limiter: Limiter, uses: Uses, journal: Journal, *, per_minute: int) -> Family:
    """`per_minute`: requests of one token from one address."""
    for router in ROUTERS:
        _state_scopes(router)
    of_incidents = counted(db, Memo(db), partial(versions.version_of, resources=("incidents", "services")))
    dialect = Dialect(
        name=NAME,
        guard=guard(db, limiter, uses, per_minute=per_minute),
        render=envelope.problem,
        quota_headers=envelope.quota_headers,
        credential={"type": "http", "scheme": "bearer", "bearerFormat": "ops_…"},
        revalidates=True,
        note=Requests(journal).note,
        kept=Kept({services.router.prefix: Moments(db).version, incidents.router.prefix: of_incidents}),
    )
    return family.build(dialect, ROUTERS, title="Fieldpost: status", db=db, document_url=DOCUMENT, max_body=MAX_BODY)


def _state_scopes(router: APIRouter) -> None:
    """The scope of each route stands in the family's document; one that demands no token is not served."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            scope = scope_of(route.dependant)
            route.openapi_extra = {**(route.openapi_extra or {}), "security": [{NAME: [scope] if scope else []}]}
