"""A client of the status document: a token, services of its tenant; and what belongs to somebody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from pydantic import BaseModel

from collector.api.status.shapes import ErrorBody
from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from collector.edge import Edge
from common.clock import iso, utc_now
from tests.collector import builders
from tests.collector.accounts import client_of
from tests.collector.services.making import add_service
from tests.collector.tokens import Holder, token
from tests.contract.status_documented import API, NEW_INCIDENT, NEW_WINDOW

PLENTY = 1_000_000
NOBODYS = 999_999_999
"""An id that nothing has."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One tenant's client; `service` is a public one that people made by hand."""

    app: Edge
    db: Database
    http: httpx.AsyncClient
    holder: Holder
    service: int

    @property
    def tenant(self) -> int:
        return self.holder.tenant

    async def ask(self, method: str, path: str, *, body: object = None, **asked: object) -> httpx.Response:
        sent = {} if body is None else {"json": body}
        return await self.http.request(method, API + path, params={k: str(v) for k, v in asked.items()}, **sent)  # type: ignore[arg-type]  # one keyword

    async def get(self, path: str, shape: type[BaseModel], **asked: object) -> dict[str, Any]:
        """What was read, after it was held against what the OpenAPI document says of it."""
        return held(await self.ask("GET", path, **asked), shape)

    async def incident(self, **changes: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "/incidents", body=self.new_incident(**changes))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def window(self, **changes: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "/maintenance", body=self.new_window(**changes))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def new_incident(self, **changes: Any) -> dict[str, object]:
        """The documented body, about a service of this tenant."""
        return {**NEW_INCIDENT, "service_ids": [self.service], **changes}

    def new_window(self, *, begins: timedelta = timedelta(days=1), **changes: Any) -> dict[str, object]:
        """The documented body likewise, some time from now: what is over cannot be scheduled."""
        start = utc_now().replace(microsecond=0) + begins
        times = {"scheduled_start": iso(start), "scheduled_end": iso(start + timedelta(hours=2))}
        return {**NEW_WINDOW, "service_ids": [self.service], **times, **changes}

    async def add_service(self, name: str, *, since: datetime | None = None, **changes: Any) -> int:
        return await add_service(self.db, self.tenant, since or utc_now(), name=name, **changes)


@asynccontextmanager
async def desk_of(db: Database, tenant: int, app: Edge) -> AsyncIterator[Desk]:
    holder = await token(db, tenant)
    service = await add_service(
        db, tenant, utc_now(), name="Main API", slug="main-api", visibility="public", tags=["prod", "customer-facing"]
    )
    async with client_of(app, **holder.headers) as http:
        yield Desk(app, db, http, holder, service)


@asynccontextmanager
async def unlimited(db: Database) -> AsyncIterator[Edge]:
    """The application, where no test reaches a limit by accident."""
    with TemporaryDirectory() as state:
        app = create_app(Settings(state_dir=Path(state), status_requests_per_minute=PLENTY), db)
        yield app
        await app.shut_down()


@asynccontextmanager
async def two_desks(db: Database) -> AsyncIterator[tuple[Desk, Desk]]:
    """Two tenants that know nothing of each other."""
    async with (
        unlimited(db) as app,
        desk_of(db, await builders.tenant(db), app) as one,
        desk_of(db, await builders.tenant(db), app) as other,
    ):
        yield one, other


def held(answer: httpx.Response, shape: type[BaseModel], *, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    shape.model_validate_json(answer.content)
    body: dict[str, Any] = answer.json()
    return body


def refused(answer: httpx.Response, status: int) -> str:
    """The text of an error in the documented shape."""
    body = held(answer, ErrorBody, status=status)
    assert set(body) <= ({"error", "allowed"} if status == 409 else {"error"})
    return str(body["error"])
