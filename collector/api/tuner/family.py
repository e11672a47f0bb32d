"""Puts the tuner family together. Its document writes the same paths with several prefixes; all of them are good."""

from starlette.types import ASGIApp, Receive, Scope, Send

from collector.api import family, members, success
from collector.api.family import Dialect
from collector.api.keyring import Keyring
from collector.api.logins import Logins
from collector.api.tuner import (
    accounts,
    bulk,
    decisions,
    executions,
    jobs,
    overrides,
    preview,
    recommendations,
    schedules,
    sessions,
)
from collector.core.database import Database
from collector.core.families import Family
from collector.core.limits import Limiter

PREFIX = "/api/v1"
ALIASES = ("/tuner/v1/api/v1", "/tuner/v1/api", "/api/v1", "/api")
"""Longest first: `/api/v1/auth/login` is not `v1/auth/login` below `/api`."""
SEGMENTS = ("auth", "recommendations", "accounts", "scheduler", "jobs")
"""What may follow a prefix; below `/tuner` everything is this family's."""
DOCUMENT = f"{PREFIX}/tuner/openapi.json"


def build(db: Database, keyring: Keyring, limiter: Limiter, logins: Logins) -> Family:
    free = sessions.FREE_PATHS | {DOCUMENT}
    dialect = Dialect(
        name="tuner",
        guard=members.guard(
            db, keyring, limiter, auth=sessions.AUTH_PATHS, free=free, bulk=jobs.BULK_PATHS | bulk.BULK_PATHS
        ),
        render=success.problem,
        quota_headers=success.quota_headers,
        credential=members.CREDENTIAL,
    )
    routers = (
        sessions.router,
        jobs.router,  # before what takes `refresh` for an id
        bulk.router,
        recommendations.router,
        decisions.router,
        accounts.router,
        schedules.router,
        executions.router,
        preview.router,
        overrides.router,
    )
    made = family.build(
        dialect,
        routers,
        title="Fieldpost: tuner",
        db=db,
        document_url=DOCUMENT,
        parts={"keyring": keyring, "logins": logins},
    )
    return Family(made.name, _Aliased(made.app), made.render, made.document)


def paths() -> tuple[str, ...]:
    """Every first part of a path that belongs to this family."""
    return ("/tuner", f"{PREFIX}/tuner", *(f"{prefix}/{name}" for prefix in ("/api/v1", "/api") for name in SEGMENTS))


class _Aliased:
    """Gives every spelling of a path to the application as the one that it knows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        alias = next((alias for alias in ALIASES if path.startswith(f"{alias}/")), None)
        if alias not in (None, PREFIX):
            scope = {**scope, "path": PREFIX + path.removeprefix(alias)}
        await self._app(scope, receive, send)
