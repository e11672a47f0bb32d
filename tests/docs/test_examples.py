"""Every curl line of the API pages works, and is answered as the family's own OpenAPI document says."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import Connection, select

from agent.checks import known
from agent.watching import catalogue_entries
from collector.app import create_app
from collector.core import sequences
from collector.core.database import Database
from collector.core.settings import Settings
from collector.domain.access import store as access
from collector.domain.access import tokens
from collector.domain.access.rules import SCOPES, Act
from collector.domain.access.tokens import Wanted
from collector.domain.costs.tables import recommendation
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import NewTenant
from common.clock import utc_now
from common.wire import Catalogue, Kind
from tests.collector import accounts
from tests.collector.conftest import few_signing_keys, sqlite_template  # noqa: F401 - fixtures of these tests too
from tests.collector.server import listening
from tests.collector.web import advice, databases, scheduling
from tests.docs.examples import Answer, blocks, left_out, run
from tests.docs.generated import DOCS

pytestmark = pytest.mark.slow
PAGES = ("api-health", "api-status", "api-tuner", "api-admin", "uptime")
FAMILIES = ("health", "status", "tuner", "admin")
EMAIL = "ana@example.com"
NUMBERS: Mapping[sequences.Counted, int] = {"connection": 40, "service": 40, "incident": 2041, "maintenance": 812}
"""From where things are numbered, so that the examples name some that are there: PROD is the third connection."""


Variables = Mapping[str, str]
"""What a reader would fill in, by the names of the pages."""


class Furnished(NamedTuple):
    """A database with a tenant that has some of everything, and the documents of the families."""

    path: Path
    variables: Variables
    documents: Mapping[str, Any]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Furnished:  # noqa: F811 - a fixture
    """Made once; each page gets a copy of its own."""
    path = tmp_path_factory.mktemp("examples") / "collector.sqlite"
    shutil.copy(sqlite_template, path)
    return asyncio.run(_furnish(path))


async def _furnish(path: Path) -> Furnished:
    db = Database.open(f"sqlite:///{path}")
    variables = await furnish(db)
    async with accounts.serving(db) as app, accounts.client_of(app) as client:
        documents = {one: (await client.get(f"/api/v1/{one}/openapi.json")).json() for one in FAMILIES}
    await db.close()
    return Furnished(path, variables, documents)


async def furnish(db: Database) -> Variables:
    now = utc_now()
    await db.write(_number)
    tenant = (await db.write(tenants.add, NewTenant(slug="acme", name="Acme", plan="enterprise"), now)).id
    await _watch(db, tenant)
    await advice.account(db, tenant, *advice.mixed())
    await accounts.someone(db, tenant, "owner", email=EMAIL)
    key = await db.write(access.add_key, tenant, "grafana", now)
    token = await db.write(tokens.create, tenant, Wanted("examples", SCOPES, None), Act(EMAIL, now))
    found = await db.read(_recommendations, tenant)
    linked = await scheduling.link(db, tenant, "210987654321")
    kept = await scheduling.schedule(db, tenant, account_id=linked.account_id)
    await scheduling.looked(db, tenant, kept, scheduling.instances(3))
    return {"KEY": key.secret, "TOKEN": token.secret, "RECOMMENDATION": found, "SCHEDULE": kept.id}


async def _watch(db: Database, tenant: int) -> None:
    """Databases, and what the agent says of the checks that they had."""
    estate, now = await databases.estate(db, tenant), utc_now()
    assert estate.bad == 42
    entries = catalogue_entries(
        check for name, check in known().items() if name in {"TABLESPACE_USED_PCT", "DB_CONNECT"}
    )
    await estate.sender.send((Kind.CATALOGUE, now, Catalogue("real", 1, 1, tuple(entries))), now=now)


def _number(conn: Connection) -> None:
    for name, first in NUMBERS.items():
        sequences.take(conn, name, first - 1)


def _recommendations(conn: Connection, tenant: int) -> str:
    where = recommendation.c.tenant_id == tenant
    first: str = conn.execute(select(recommendation.c.id).where(where).limit(1)).scalar_one()
    return first


@pytest.mark.parametrize("name", PAGES)
async def test_the_examples_of_a_page_work(name: str, furnished: Furnished, tmp_path: Path) -> None:
    page = (DOCS / f"{name}.md").read_text()
    (tmp_path / "login.json").write_text(json.dumps({"email": EMAIL, "password": accounts.PASSWORD}))
    async with _serving(furnished.path, tmp_path) as client:
        known = {**furnished.variables, **await _session(client), "URL": _base(page, str(client.base_url))}
        answers = await asyncio.to_thread(run, blocks(page), known, tmp_path)
    assert len(answers) == sum(len(re.findall(r"\bcurl ", text)) for text in blocks(page))
    for answer in answers:
        assert answer.status // 100 == 2, (answer.method, answer.url, answer.status, answer.text[:400])
        check_shape(answer, furnished.documents)


@asynccontextmanager
async def _serving(furnished: Path, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    path = folder / "collector.sqlite"
    shutil.copy(furnished, path)
    db = Database.open(f"sqlite:///{path}")
    app = create_app(Settings(state_dir=folder), db)
    async with listening(app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    await db.close()


async def _session(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.post("/api/v1/auth/login", json={"email": EMAIL, "password": accounts.PASSWORD})
    data = answer.json()["data"]
    return {"ACCESS_TOKEN": data["accessToken"], "REFRESH_TOKEN": data["refreshToken"]}


def _base(page: str, url: str) -> str:
    found = re.search(r"URL=https://collector\.example\.com:8443(\S*)", page)
    return url.rstrip("/") + (found[1] if found else "")


def check_shape(answer: Answer, documents: Mapping[str, Any]) -> None:
    """The answer is what some family's document says of this path, method and status.

    The tuner family answers under several bases, of which its document names one.
    """
    if not answer.kind.startswith("application/json"):
        return
    path_of = answer.path.replace("/tuner/v1/api/", "/api/v1/")
    found = [
        (document, operation["responses"][str(answer.status)])
        for document in documents.values()
        for path, item in document["paths"].items()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), path_of)
        for method, operation in item.items()
        if method == answer.method.lower() and str(answer.status) in operation["responses"]
    ]
    assert found, f"no document knows {answer.method} {answer.path} {answer.status}"
    document, response = found[0]
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())


@pytest.mark.parametrize("name", PAGES)
def test_an_example_that_is_not_run_says_why(name: str) -> None:
    for note in left_out((DOCS / f"{name}.md").read_text()):
        assert len(note) > len("<!-- not run:  -->") + 10
