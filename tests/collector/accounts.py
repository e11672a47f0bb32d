"""Tenants with keys, and a client that speaks to the whole application as a network client would."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from collector.app import create_app
from collector.core.database import Database
from collector.core.room import Shortage
from collector.core.settings import Settings
from collector.domain.access import passwords, people
from collector.domain.access import store as access
from collector.domain.access.rules import Act, Role
from collector.domain.tenants import store as tenants
from collector.domain.tenants.rules import Plan
from collector.domain.tenants.store import NewMember, NewTenant
from collector.edge import Edge
from common.clock import utc_now
from common.ids import random_text

BASE_URL = "http://collector.test"


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant and one of its keys."""

    tenant: int
    key_id: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


async def account(db: Database, *, plan: Plan = "enterprise", rate_limit: int | None = None) -> Account:
    slug = f"t-{random_text(8)}"
    new = NewTenant(slug=slug, name=slug.upper(), plan=plan, rate_limit=rate_limit)
    made = await db.write(tenants.add, new, utc_now())
    key = await db.write(access.add_key, made.id, "tests", utc_now())
    return Account(made.id, key.id, key.secret)


def client_of(app: Edge, *, address: str = "192.0.2.1", **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 40_000))
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers)


@asynccontextmanager
async def serving(db: Database, shortage: Callable[[], Shortage] = lambda: "none") -> AsyncIterator[Edge]:
    """The application with its lifespan."""
    with TemporaryDirectory() as state:
        app = create_app(Settings(state_dir=Path(state)), db, shortage=shortage)
        yield app
        await app.shut_down()


PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Someone:
    """A member who can log on."""

    tenant: int
    slug: str
    id: int
    email: str

    async def log_on(self, client: httpx.AsyncClient, password: str = PASSWORD) -> dict[str, str]:
        """The headers of a session of one's own."""
        answer = await client.post("/api/auth/login", json={"email": self.email, "password": password})
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['data']['accessToken']}"}


async def someone(db: Database, tenant: int, role: Role = "owner", *, email: str = "") -> Someone:
    """A new member of the tenant, with PASSWORD."""
    address, act = email or f"{random_text(8).lower()}@example.com", Act("tests", utc_now())
    made = await db.write(people.add, tenant, NewMember(name="Ana Lima", email=address, role=role), act)
    await db.write(people.set_password, address, HASHED, act)
    return Someone(tenant, await db.read(tenants.slug_of, tenant), made.id, address)


HASHED = passwords.hashed(PASSWORD)
