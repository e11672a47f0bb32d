"""The set-up of a new collector: by code, once, whoever is first."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from collector.app import create_app
from collector.core import setup_code
from collector.core.database import Database
from collector.core.problems import Refusal
from collector.core.settings import Settings
from collector.domain.access import founding
from collector.domain.access.founding import FoundedAlready, Founding
from collector.domain.access.rules import Act
from collector.domain.tenants import store
from collector.domain.tenants.store import NewMember, NewTenant
from collector.web.pages.setup import slug_of
from common.clock import utc_now
from tests.collector.accounts import account, client_of

OURS = {"Sec-Fetch-Site": "same-origin"}
SETUP = "/ui/setup"
only_sqlite = pytest.mark.parametrize("store_name", ["sqlite"])
FORM = {
    "organisation": "Acme & Söhne GmbH",
    "name": "Ana Lima",
    "email": "Ana@Example.com",
    "password": "correct horse battery",
    "password_again": "correct horse battery",
}


@pytest.fixture
async def client(database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(state_dir=tmp_path), database)
    async with client_of(app) as client:
        yield client
    await app.shut_down()


@pytest.fixture
def code(tmp_path: Path) -> str:
    setup_code.ensure(tmp_path / "setup-code")
    return (tmp_path / "setup-code").read_text().strip()


async def send(client: httpx.AsyncClient, **changed: str) -> httpx.Response:
    return await client.post(SETUP, data={**FORM, **changed}, headers=OURS)


def test_the_code_is_in_a_file_of_its_owner_and_stays_over_a_restart(tmp_path: Path, code: str) -> None:
    path = tmp_path / "setup-code"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(code.replace("-", "")) == 26
    setup_code.ensure(path)
    assert path.read_text().strip() == code
    assert setup_code.matches(path, f" {code.upper()} ")
    assert not setup_code.matches(path, "")
    setup_code.ensure(tmp_path / "one", b"shared by replicas, 32 bytes of it")
    setup_code.ensure(tmp_path / "other", b"shared by replicas, 32 bytes of it")
    assert setup_code.matches(tmp_path / "one", (tmp_path / "other").read_text()), "whichever of them is asked"
    assert not setup_code.matches(path, (tmp_path / "one").read_text())
    assert not setup_code.matches(tmp_path / "none", "")


@only_sqlite
async def test_whoever_knows_the_code_becomes_the_owner_and_is_signed_in(
    client: httpx.AsyncClient, database: Database, tmp_path: Path, code: str
) -> None:
    assert (await client.get("/ui/sign-in")).headers["location"] == SETUP
    assert str(tmp_path / "setup-code") in (await client.get(SETUP)).text
    done = await send(client, code=code.upper())
    assert (done.status_code, done.headers["location"]) == (303, "/ui"), done.text
    page = (await client.get("/ui/account")).text
    assert "ana@example.com" in page
    assert "acme-s-hne-gmbh" in page
    made = (await database.read(store.tenants))[0]
    assert (made.name, made.plan) == ("Acme & Söhne GmbH", "enterprise")
    assert [one.role for one in await database.read(store.members, made.id)] == ["owner"]
    assert not (tmp_path / "setup-code").exists()
    assert (await client.get(SETUP)).status_code == 404
    assert (await send(client, code=code)).status_code == 404


@only_sqlite
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"code": "wrong"}, "not the code in that file"),
        ({"organisation": " "}, "missing; expected a value"),
        ({"slug": "No Slug!"}, "expected 1 to 63 lower-case letters"),
        ({"email": "nobody"}, "expected an address such as"),
        ({"password": "short", "password_again": "short"}, "expected 12 to 256"),
        ({"password_again": "another one altogether"}, "expected the same password"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_stays(
    client: httpx.AsyncClient, database: Database, code: str, changed: dict[str, str], said: str
) -> None:
    answer = await send(client, **{"code": code, **changed})
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="Ana Lima"' in answer.text
    assert code not in answer.text
    assert FORM["password"] not in answer.text
    assert await database.read(founding.is_new)


@only_sqlite
async def test_a_collector_with_a_tenant_has_no_set_up(
    client: httpx.AsyncClient, database: Database, code: str
) -> None:
    await account(database)
    assert (await client.get(SETUP)).status_code == 404
    assert (await send(client, code=code)).status_code == 404
    assert (await client.get("/ui/sign-in")).status_code == 200


async def test_of_two_who_are_first_one_makes_the_tenant(database: Database) -> None:
    def new(number: int) -> Founding:
        return Founding(
            tenant=NewTenant(slug=f"t{number}", name=f"T{number}", plan="enterprise"),
            owner=NewMember(name="Ana", email=f"ana{number}@example.com", role="owner"),
            password_hash="x",
        )

    act = Act("tests", utc_now())
    tries = [database.write(founding.found, new(number), act) for number in range(4)]
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(end, FoundedAlready) for end in ends) == 3
    assert len(await database.read(store.tenants)) == 1
    assert issubclass(FoundedAlready, Refusal)


@pytest.mark.parametrize(
    ("name", "slug"), [("Acme", "acme"), ("  ACME & Co. ", "acme-co"), ("株式会社", "main"), ("x" * 80, "x" * 63)]
)
def test_a_short_name_follows_from_the_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug
