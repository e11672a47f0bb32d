"""Puts the admin family together. A resource is one module with a `router`, named in ROUTERS."""

from fastapi import APIRouter

from collector.api import family, members
from collector.api.admin import (
    agents,
    connections,
    envelope,
    findings,
    incidents,
    keys,
    recurrences,
    rules,
    services,
    statuspage,
    tenant,
    thresholds,
    tokens,
    webhooks,
)
from collector.api.admin import members as people
from collector.api.admin.statuspage import Reach
from collector.api.family import Dialect
from collector.api.keyring import Keyring
from collector.core.database import Database
from collector.core.families import Family
from collector.core.limits import Limiter
from collector.domain.webhooks.making import Outbound

PREFIX = "/api/v1/admin"
DOCUMENT = f"{PREFIX}/openapi.json"
ROUTERS: tuple[APIRouter, ...] = (
    people.router,
    keys.router,
    tokens.router,
    agents.router,
    connections.router,
    tenant.router,
    webhooks.router,
    rules.router,
    findings.router,
    thresholds.router,
    incidents.router,
    services.router,
    recurrences.router,
    statuspage.router,
)


def build(db: Database, keyring: Keyring, limiter: Limiter, outbound: Outbound, reach: Reach) -> Family:
    dialect = Dialect(
        name="admin",
        guard=members.guard(db, keyring, limiter, auth=frozenset(), free=frozenset({DOCUMENT})),
        render=envelope.problem,
        quota_headers=envelope.quota_headers,
        credential=members.CREDENTIAL,
    )
    return family.build(
        dialect,
        ROUTERS,
        title="Fieldpost: administration",
        db=db,
        document_url=DOCUMENT,
        parts={"outbound": outbound, "reach": reach},
    )
