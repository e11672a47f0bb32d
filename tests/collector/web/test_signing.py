"""Signing in and out as a browser does it: cookies, where it leads, what ends a session."""

from collections.abc import AsyncIterator
from datetime import timedelta
from http.cookies import SimpleCookie

import httpx
import pytest

from collector.core.database import Database
from collector.domain.access import browsers, people
from collector.domain.access.browsers import IDLE, LONGEST
from collector.domain.access.people import Change
from collector.domain.access.rules import Act
from collector.web.rendering import is_ours
from common import tokens
from common.clock import utc_now
from tests.collector.accounts import PASSWORD, Someone, account, client_of, serving, someone
from tests.collector.web.visiting import cookie_of, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
SIGN_IN = "/ui/sign-in"
OURS = {"Sec-Fetch-Site": "same-origin"}

TRICKS = [
    "https://evil.example/ui",
    "//evil.example/ui",
    "/\\evil.example",
    "\\\\evil.example",
    "/ui\\..\\..\\evil",
    "/uievil",
    "/ui.evil.example",
    "/ui@evil.example",
    "javascript:alert(1)",
    "/ui/\r\nSet-Cookie: a=b",
    "/ui/\tx",
    " /ui",
    "ui/fleet",
    "/UI/fleet",
    "http:/ui",
    "///ui",
    "",
]


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def ana(database: Database) -> Someone:
    return await someone(database, (await account(database)).tenant)


async def sign_in(client: httpx.AsyncClient, who: Someone, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await client.post(SIGN_IN, data={"email": who.email, "password": password, **more}, headers=OURS)


def cookies_of(answer: httpx.Response) -> SimpleCookie:
    found = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        found.load(line)
    return found


async def test_a_password_opens_a_session_whose_cookie_scripts_cannot_read(
    client: httpx.AsyncClient, ana: Someone
) -> None:
    answer = await sign_in(client, ana, next="/ui/account?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/account?x=1")
    cookie = cookies_of(answer)["fieldpost"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "lax", "/", "")
    assert int(cookie["max-age"]) == LONGEST.total_seconds()
    assert ana.email in (await client.get("/ui/account")).text


async def test_behind_tls_the_cookie_is_bound_to_this_host_and_to_tls(database: Database, ana: Someone) -> None:
    async with serving(database) as app:
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="https://collector.test") as client:
            cookie = cookies_of(await sign_in(client, ana))["__Host-fieldpost"]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


async def test_behind_tls_a_cookie_that_a_sibling_host_may_have_set_opens_nothing(
    database: Database, client: httpx.AsyncClient, ana: Someone
) -> None:
    secret = cookies_of(await sign_in(client, ana))["fieldpost"].value
    async with serving(database) as app:
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="https://collector.test") as behind:
            tossed = await behind.get("/ui/account", headers={"cookie": f"fieldpost={secret}"})
            ours = await behind.get("/ui/account", headers={"cookie": f"__Host-fieldpost={secret}"})
    assert (tossed.status_code, ours.status_code) == (303, 200)


@pytest.mark.parametrize("target", TRICKS)
async def test_nobody_is_sent_to_another_place_than_ours(client: httpx.AsyncClient, ana: Someone, target: str) -> None:
    answer = await sign_in(client, ana, next=target)
    assert answer.headers["location"] == "/ui"
    assert not is_ours(target)
    there = await client.get(SIGN_IN, params={"next": target})
    assert there.headers["location"] == "/ui"


async def test_a_wrong_password_is_said_on_the_page_which_keeps_the_address_alone(
    client: httpx.AsyncClient, ana: Someone
) -> None:
    answer = await sign_in(client, ana, "not the password", next="/ui/alerts")
    assert answer.status_code == 422
    assert "Email or password is not right." in answer.text
    assert f'value="{ana.email}"' in answer.text
    assert 'value="/ui/alerts"' in answer.text
    assert "not the password" not in answer.text
    nobody = await client.post(SIGN_IN, data={"email": "no@example.com", "password": PASSWORD}, headers=OURS)
    assert "Email or password is not right." in nobody.text
    empty = await client.post(SIGN_IN, data={"email": ""}, headers=OURS)
    assert "missing; expected a value" in empty.text


async def test_the_sixth_try_of_a_minute_is_refused_on_the_page(client: httpx.AsyncClient, ana: Someone) -> None:
    answers = [await sign_in(client, ana, "not the password") for _ in range(6)]
    assert [one.status_code for one in answers] == [422] * 5 + [429]
    assert "try again in" in answers[-1].text
    programs = {"email": ana.email, "password": PASSWORD}
    assert (await client.post("/api/auth/login", json=programs)).status_code == 429  # they are counted together


async def test_signing_in_ends_the_session_that_was_there_and_takes_no_secret_from_outside(
    client: httpx.AsyncClient, database: Database, ana: Someone
) -> None:
    planted = await cookie_of(database, ana.tenant, ana.email)
    client.cookies.set("fieldpost", planted)
    answer = await sign_in(client, ana)
    assert cookies_of(answer)["fieldpost"].value != planted
    assert await database.read(browsers.visiting, tokens.digest(planted), utc_now()) is None


async def test_who_is_signed_in_already_goes_on(database: Database) -> None:
    async with visiting(database) as ana:
        answer = await ana.client.get(f"{SIGN_IN}?next=/ui/alerts")
        assert (answer.status_code, answer.headers["location"]) == (303, "/ui/alerts")


async def test_signing_out_ends_the_session_and_takes_the_cookie_back(database: Database) -> None:
    async with visiting(database) as ana:
        secret = ana.client.cookies["fieldpost"]
        answer = await ana.send("/ui/sign-out")
        assert answer.headers["location"] == SIGN_IN
        assert cookies_of(answer)["fieldpost"]["max-age"] == "0"
        assert await database.read(browsers.visiting, tokens.digest(secret), utc_now()) is None


@pytest.mark.parametrize("how", ["suspended", "removed", "password"])
async def test_a_session_ends_at_once_with_what_it_rests_on(database: Database, how: str) -> None:
    tenant = (await account(database)).tenant
    ben, act = await someone(database, tenant, "dba"), Act("tests", utc_now())
    await someone(database, tenant)
    digest = tokens.digest(await cookie_of(database, tenant, ben.email))
    assert await database.read(browsers.visiting, digest, utc_now())
    if how == "suspended":
        await database.write(people.change, tenant, ben.id, Change(None, None, "suspended"), act)
        await database.write(people.change, tenant, ben.id, Change(None, None, "active"), act)
    elif how == "removed":
        await database.write(people.remove, tenant, ben.id, act)
    else:
        await database.write(people.set_password, ben.email, "x", act)
    assert await database.read(browsers.visiting, digest, utc_now()) is None


async def test_a_session_ends_when_it_is_idle_for_too_long_or_too_old(database: Database, ana: Someone) -> None:
    digest, now = tokens.digest(await cookie_of(database, ana.tenant, ana.email)), utc_now()
    slack = timedelta(minutes=1)
    assert await database.read(browsers.visiting, digest, now + IDLE - slack)
    assert await database.read(browsers.visiting, digest, now + IDLE + slack) is None
    listed = (await database.read(browsers.sessions, ana.tenant, now))[0]
    at = now
    while at < now + LONGEST - slack:
        await database.write(browsers.seen, ana.tenant, listed.id, at)
        assert await database.read(browsers.visiting, digest, at)
        at += IDLE - slack
    await database.write(browsers.seen, ana.tenant, listed.id, now + LONGEST)
    assert await database.read(browsers.visiting, digest, now + LONGEST + slack) is None


async def test_sessions_that_are_over_are_forgotten(database: Database, ana: Someone) -> None:
    await cookie_of(database, ana.tenant, ana.email)
    assert await database.write(browsers.expired, utc_now(), 10) == 0
    assert await database.write(browsers.expired, utc_now() + LONGEST + timedelta(seconds=1), 10) == 1


async def test_a_person_in_two_tenants_chooses_after_the_password(
    client: httpx.AsyncClient, database: Database, ana: Someone
) -> None:
    other = await someone(database, (await account(database)).tenant, "viewer", email=ana.email)
    stranger = (await account(database)).tenant
    answer = await sign_in(client, ana, next="/ui/account")
    assert answer.headers["location"] == "/ui/sign-in/tenant"
    assert "fieldpost" not in client.cookies
    page = (await client.get("/ui/sign-in/tenant")).text
    assert other.slug in page
    assert ana.slug in page
    chosen = await client.post("/ui/sign-in/tenant", data={"tenant": str(other.tenant)}, headers=OURS)
    assert chosen.headers["location"] == "/ui/account"
    assert other.slug in (await client.get("/ui/account")).text
    again = await client.post("/ui/sign-in/tenant", data={"tenant": str(stranger)}, headers=OURS)
    assert again.headers["location"] == SIGN_IN  # the step was good once


async def test_a_tenant_of_others_cannot_be_chosen(client: httpx.AsyncClient, database: Database, ana: Someone) -> None:
    await someone(database, (await account(database)).tenant, "viewer", email=ana.email)
    stranger = (await account(database)).tenant
    await sign_in(client, ana)
    answer = await client.post("/ui/sign-in/tenant", data={"tenant": str(stranger)}, headers=OURS)
    assert answer.headers["location"] == SIGN_IN
    assert "fieldpost" not in client.cookies


async def test_the_steps_of_a_sign_in_begin_with_the_password(client: httpx.AsyncClient, ana: Someone) -> None:
    for path in ("/ui/sign-in/code", "/ui/sign-in/tenant"):
        assert (await client.get(path)).headers["location"] == SIGN_IN
    forged = {"fieldpost_step": "0" * 43}
    answer = await client.get("/ui/sign-in/code", headers={"Cookie": f"fieldpost_step={forged['fieldpost_step']}"})
    assert answer.headers["location"] == SIGN_IN
    assert ana.tenant


async def test_a_form_from_another_site_is_refused(client: httpx.AsyncClient, ana: Someone) -> None:
    form = {"email": ana.email, "password": PASSWORD}
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert (await client.post(SIGN_IN, data=form, headers=headers)).status_code == 403
