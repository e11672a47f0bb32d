"""Single sign-on against a certified provider on loopback, by the very requests that a browser makes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from collector.domain.access import browsers, people, sessions, single_sign_on
from collector.domain.access.people import Change
from collector.domain.access.rules import Act
from collector.domain.access.single_sign_on import Identity, Newcomers
from collector.domain.tenants import store as tenants
from collector.web.provider import BACK
from common.clock import utc_now
from tests.collector.accounts import BASE_URL, Someone, account, client_of, someone
from tests.standins.oidc.running import CLIENT, SECRET, Issuer, Person, running

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("store_name", ["sqlite"])]

START, SIGN_IN = "/ui/sign-in/single-sign-on", "/ui/sign-in"
ANA, NEW, UNSURE = "ana@example.com", "new@example.com", "unsure@example.com"
PEOPLE = (Person(ANA), Person(NEW, "Nia Okoro"), Person(UNSURE, "Una", verified=False))


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running(PEOPLE, [BASE_URL + BACK]) as started:
        yield started


@pytest.fixture
async def ana(database: Database) -> Someone:
    return await someone(database, (await account(database)).tenant, "dba", email=ANA)


@asynccontextmanager
async def collector(
    database: Database, folder: Path, issuer: str, *, secret: str = SECRET, **more: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a screen before a collector that trusts this provider."""
    (folder / "client-secret").write_text(secret + "\n")
    settings = Settings(
        state_dir=folder,
        oidc_issuer=issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret_file=folder / "client-secret",
        oidc_name="Example ID",
        **more,
    )
    app = create_app(settings, database)
    async with client_of(app) as client:
        yield client
    await app.shut_down()


async def through(
    client: httpx.AsyncClient, issuer: Issuer, email: str, *, wanted: str = "/ui/account"
) -> httpx.Response:
    there = await client.get(START, params={"next": wanted})
    assert there.status_code == 303, there.text
    return await client.get(issuer.log_in(there.headers["location"], email).removeprefix(BASE_URL))


async def test_a_member_signs_in_at_the_provider(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone
) -> None:
    async with collector(database, tmp_path, issuer.issuer) as client:
        assert "Sign in with Example ID" in (await client.get(SIGN_IN)).text
        answer = await through(client, issuer, ANA, wanted="/ui/account?x=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/ui/account?x=1")
        assert "single sign-on" in (await client.get("/ui/account")).text
    listed = await database.read(browsers.sessions, ana.tenant, utc_now())
    assert [(one.member_id, one.method) for one in listed] == [(ana.id, "single_sign_on")]


async def test_the_question_carries_state_nonce_and_challenge(
    database: Database, tmp_path: Path, issuer: Issuer
) -> None:
    async with collector(database, tmp_path, issuer.issuer) as client:
        first, second = [await client.get(START) for _ in range(2)]
    asked = [parse_qs(urlsplit(one.headers["location"]).query) for one in (first, second)]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[0][name][0]) >= 43
        assert asked[0][name] != asked[1][name]
    assert asked[0]["code_challenge_method"] == ["S256"]
    assert asked[0]["redirect_uri"] == [BASE_URL + BACK]
    assert "samesite=lax" in first.headers["set-cookie"].lower()
    assert "httponly" in first.headers["set-cookie"].lower()


async def test_the_address_may_be_in_the_token_and_the_secret_in_the_form(
    database: Database, tmp_path: Path, ana: Someone
) -> None:
    with running(PEOPLE, [BASE_URL + BACK], method="client_secret_post", conform=False) as issuer:
        async with collector(database, tmp_path, issuer.issuer) as client:
            assert (await through(client, issuer, ANA)).status_code == 303
    assert ana.tenant


async def test_whom_no_tenant_knows_is_told_so(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone
) -> None:
    async with collector(database, tmp_path, issuer.issuer) as client:
        answer = await through(client, issuer, NEW)
        assert answer.status_code == 403
        assert "new@example.com is no active member of any tenant here" in answer.text
        assert "fieldpost" not in client.cookies
    assert [one.email for one in await database.read(tenants.members, ana.tenant)] == [ANA]


async def test_a_newcomer_becomes_a_member_where_that_is_wanted(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone
) -> None:
    async with collector(database, tmp_path, issuer.issuer, oidc_role="viewer", oidc_tenant=ana.slug) as client:
        assert (await through(client, issuer, NEW)).status_code == 303
    found = await database.read(people.by_email, ana.tenant, NEW)
    assert (found.name, found.role) == ("Nia Okoro", "viewer")


async def test_a_newcomer_has_no_password_that_somebody_set_before(database: Database, ana: Someone) -> None:
    """An admin of another tenant could claim an address, set its password, and wait for its owner to come."""
    act = Act("tests", utc_now())
    claimed = await someone(database, (await account(database)).tenant, email=NEW)
    await someone(database, claimed.tenant)
    await database.write(people.remove, claimed.tenant, claimed.id, act)
    who, newcomers = Identity(NEW, "Nia Okoro"), Newcomers("viewer", ana.slug)
    assert len(await database.write(single_sign_on.admitted, who, newcomers, act)) == 1
    assert await database.read(sessions.password_of, NEW) is None


async def test_a_suspended_member_stays_outside(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone
) -> None:
    change = Change(None, None, "suspended")
    await database.write(people.change, ana.tenant, ana.id, change, Act("tests", utc_now()))
    async with collector(database, tmp_path, issuer.issuer, oidc_role="viewer", oidc_tenant=ana.slug) as client:
        assert (await through(client, issuer, ANA)).status_code == 403


async def test_an_address_that_is_not_verified_proves_nothing(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone
) -> None:
    await someone(database, ana.tenant, email=UNSURE)
    async with collector(database, tmp_path, issuer.issuer) as client:
        answer = await through(client, issuer, UNSURE)
        assert answer.status_code == 502
        assert "email_verified" in answer.text


async def test_an_answer_is_good_once_and_in_the_browser_that_asked(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone
) -> None:
    assert ana.tenant
    async with collector(database, tmp_path, issuer.issuer) as client:
        there = await client.get(START)
        back = issuer.log_in(there.headers["location"], ANA).removeprefix(BASE_URL)
        cookie = client.cookies["fieldpost_step"]
        client.cookies.clear()
        assert (await client.get(back)).status_code == 403  # another browser
        client.cookies.set("fieldpost_step", cookie)
        assert (await client.get(back)).status_code == 303
        client.cookies.clear()
        client.cookies.set("fieldpost_step", cookie)
        assert (await client.get(back)).status_code == 403  # a second time


@pytest.mark.parametrize("change", ["state=x", "iss=http%3A%2F%2F127.0.0.1%3A1", "code=x"])
async def test_an_answer_that_was_altered_is_refused(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone, change: str
) -> None:
    assert ana.tenant
    async with collector(database, tmp_path, issuer.issuer) as client:
        there = await client.get(START)
        back = urlsplit(issuer.log_in(there.headers["location"], ANA))
        name = change.partition("=")[0]
        kept = [part for part in back.query.split("&") if not part.startswith(name + "=")]
        answer = await client.get(f"{back.path}?{'&'.join([*kept, change])}")
        assert answer.status_code in {403, 502}
        assert "fieldpost" not in client.cookies


async def test_who_cancels_at_the_provider_is_back_at_the_sign_in(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone
) -> None:
    assert ana.tenant
    async with collector(database, tmp_path, issuer.issuer) as client:
        there = await client.get(START)
        answer = await client.get(issuer.log_in(there.headers["location"]).removeprefix(BASE_URL))
    assert answer.status_code == 403
    assert "Example ID refused: access_denied." in answer.text


async def test_a_wrong_secret_is_told_and_never_shown(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone
) -> None:
    assert ana.tenant
    async with collector(database, tmp_path, issuer.issuer, secret="another secret") as client:
        answer = await through(client, issuer, ANA)
    assert answer.status_code == 502
    assert "invalid_client" in answer.text
    assert "another secret" not in answer.text


async def test_a_provider_that_is_away_or_another_is_told_on_the_sign_in_page(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone
) -> None:
    assert ana.tenant
    for wrong in ("http://127.0.0.1:9", issuer.issuer.replace("127.0.0.1", "localhost")):
        async with collector(database, tmp_path, wrong) as client:
            answer = await client.get(START)
            assert answer.status_code == 502
            assert "Signing in with Example ID did not work" in answer.text
            assert 'name="password"' in answer.text


async def test_a_person_in_two_tenants_chooses_one(
    database: Database, tmp_path: Path, issuer: Issuer, ana: Someone
) -> None:
    other = await someone(database, (await account(database)).tenant, "viewer", email=ANA)
    async with collector(database, tmp_path, issuer.issuer) as client:
        assert (await through(client, issuer, ANA)).headers["location"] == "/ui/sign-in/tenant"
        chosen = await client.post(
            "/ui/sign-in/tenant", data={"tenant": str(other.tenant)}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert chosen.headers["location"] == "/ui/account"
    assert ana.tenant


async def test_without_a_provider_there_is_no_such_page(database: Database, tmp_path: Path, ana: Someone) -> None:
    assert ana.tenant
    app = create_app(Settings(state_dir=tmp_path), database)
    async with client_of(app) as client:
        assert (await client.get(START)).status_code == 404
        assert (await client.get(BACK)).status_code == 404
        assert "single-sign-on" not in (await client.get(SIGN_IN)).text
    await app.shut_down()
