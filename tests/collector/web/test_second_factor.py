"""A second factor: set up, asked for at every door, good once, and off again."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pyotp
import pytest

from collector.core.database import Database
from collector.core.problems import Refusal
from collector.core.vault import Vault
from collector.domain.access import factors, people, sessions
from collector.domain.access.factors import DRIFT, LOCKED_FOR, MOST_FAILURES, STEP_SECONDS
from collector.domain.access.rules import Act
from collector.edge import Edge
from collector.web.pages.second_factor import picture
from common.clock import utc_now
from tests.collector.accounts import PASSWORD, Someone, account, client_of, serving, someone
from tests.collector.web.visiting import Visiting, cookie_of

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
OURS = {"Sec-Fetch-Site": "same-origin"}
PAGE = "/ui/account/second-factor"
SIGN_IN, CODE = "/ui/sign-in", "/ui/sign-in/code"
VAULT = Vault(b"v" * 32)
SLOW_S = 5.0


@pytest.fixture
async def app(database: Database) -> AsyncIterator[Edge]:
    async with serving(database) as app:
        yield app


@pytest.fixture
async def ana(database: Database) -> Someone:
    return await someone(database, (await account(database)).tenant)


@pytest.fixture
async def browser(app: Edge, database: Database, ana: Someone) -> AsyncIterator[Visiting]:
    async with client_of(app) as client:
        client.cookies.set("fieldpost", await cookie_of(database, ana.tenant, ana.email))
        yield Visiting(ana.tenant, ana.email, client)


def now_code(secret: str, *, ahead: int = 0) -> str:
    """The present code or, since each is good once, one that the clock's drift allows."""
    return pyotp.TOTP(secret).at(utc_now(), counter_offset=ahead)


async def set_up(browser: Visiting) -> tuple[str, list[str]]:
    """The secret and the recovery codes of a factor that was just turned on."""
    left = STEP_SECONDS - time.time() % STEP_SECONDS
    if left < SLOW_S:  # the code of the step before must still be that when it has arrived
        await asyncio.sleep(left)
    assert (await browser.send(f"{PAGE}/begin")).headers["location"] == PAGE
    found = re.search(r"<code>([A-Z2-7 ]{32,})</code>", await browser.page(PAGE))
    assert found
    secret = found[1].replace(" ", "")
    done = await browser.send(PAGE, {"code": now_code(secret, ahead=-1), "password": PASSWORD})
    assert done.status_code == 200, done.text
    assert done.headers["cache-control"] == "no-store"
    return secret, re.findall(r"[2-9a-z]{4}(?:-[2-9a-z]{4}){3}", done.text)


async def enter(client: httpx.AsyncClient, who: Someone) -> httpx.Response:
    return await client.post(
        SIGN_IN, data={"email": who.email, "password": PASSWORD, "next": "/ui/account"}, headers=OURS
    )


async def send_code(client: httpx.AsyncClient, code: str) -> httpx.Response:
    return await client.post(CODE, data={"code": code}, headers=OURS)


async def test_the_password_alone_lets_nobody_in_any_more(app: Edge, browser: Visiting, ana: Someone) -> None:
    secret, codes = await set_up(browser)
    assert len(set(codes)) == 10
    async with client_of(app, address="192.0.2.7") as client:
        assert (await enter(client, ana)).headers["location"] == CODE
        assert "fieldpost" not in client.cookies
        assert (await client.get("/ui/account")).headers["location"].startswith(SIGN_IN)
        assert "Second factor" in (await client.get(CODE)).text
        wrong = await send_code(client, "000000")
        assert (wrong.status_code, "The code is not right" in wrong.text) == (422, True)
        code = now_code(secret)
        good = await send_code(client, f"{code[:3]} {code[3:]}")
        assert good.headers["location"] == "/ui/account"
        assert "password and second factor" in (await client.get("/ui/account")).text
        assert (await send_code(client, now_code(secret, ahead=1))).headers["location"] == SIGN_IN  # the step is over


async def test_a_code_is_good_once_and_a_recovery_code_too(app: Edge, browser: Visiting, ana: Someone) -> None:
    secret, codes = await set_up(browser)
    code = now_code(secret)
    for given, good in ((code, True), (code, False), (codes[0].upper(), True), (codes[0], False)):
        async with client_of(app, address=f"192.0.2.{20 + len(given)}") as client:
            await enter(client, ana)
            assert (await send_code(client, given)).status_code == (303 if good else 422)
    assert "9 recovery codes left" in await browser.page("/ui/account")


async def test_programs_send_the_code_beside_the_password(app: Edge, browser: Visiting, ana: Someone) -> None:
    secret, _ = await set_up(browser)
    async with client_of(app, address="192.0.2.8") as client:
        body = {"email": ana.email, "password": PASSWORD}
        without = await client.post("/api/auth/login", json=body)
        assert without.status_code == 401
        assert "send its code as `code`" in without.json()["error"]["message"]
        wrong = await client.post("/api/auth/login", json={**body, "code": "123456"})
        assert (wrong.status_code, "not right" in wrong.json()["error"]["message"]) == (401, True)
        unproven = await client.post("/api/auth/login", json={**body, "password": "x" * 12, "code": now_code(secret)})
        assert unproven.json()["error"]["message"] == "Email or password is not right."
        good = await client.post("/api/auth/login", json={**body, "code": now_code(secret)})
        assert good.status_code == 200


async def test_an_invitation_is_no_way_around_it(
    app: Edge, browser: Visiting, database: Database, ana: Someone
) -> None:
    secret, _ = await set_up(browser)
    other = (await account(database)).tenant
    act = Act("tests", utc_now())
    made = await database.write(people.invite, other, ana.email, "viewer", act)
    form = {"token": made.secret, "name": "Ana", "password": PASSWORD}
    async with client_of(app, address="192.0.2.9") as client:
        body = await client.post("/api/auth/invitation", json=form)
        assert body.status_code == 401
        asked = await client.post("/ui/invitation", data=form, headers=OURS)
        assert (asked.status_code, 'name="code"' in asked.text, made.secret in asked.text) == (422, True, True)
        done = await client.post("/ui/invitation", data={**form, "code": now_code(secret)}, headers=OURS)
        assert done.headers["location"] == "/ui"


async def test_setting_it_up_takes_the_password_and_the_right_code(browser: Visiting, database: Database) -> None:
    await browser.send(f"{PAGE}/begin")
    wrong = await browser.send(PAGE, {"code": "000000", "password": PASSWORD})
    assert (wrong.status_code, "not the code that the authenticator shows" in wrong.text) == (422, True)
    stolen = await browser.send(PAGE, {"code": "000000", "password": "not the password"})
    assert (stolen.status_code, "not the present password" in stolen.text) == (422, True)
    assert await database.read(factors.state, browser.email) is None


async def test_a_new_beginning_has_a_secret_of_its_own(browser: Visiting) -> None:
    await browser.send(f"{PAGE}/begin")
    first = await browser.page(PAGE)
    await browser.send(f"{PAGE}/begin")
    assert re.findall(r"<code>.*?</code>", first) != re.findall(r"<code>.*?</code>", await browser.page(PAGE))


async def test_it_is_turned_off_with_password_and_code_alone(browser: Visiting, database: Database) -> None:
    secret, _ = await set_up(browser)
    code = now_code(secret)
    for form in ({"password": "not the password", "code": code}, {"password": PASSWORD, "code": "000000"}):
        assert (await browser.send(f"{PAGE}/off", form)).status_code == 422
    assert (await browser.send(f"{PAGE}/off", {"password": PASSWORD, "code": code})).headers[
        "location"
    ] == "/ui/account"
    assert await database.read(factors.state, browser.email) is None


async def test_new_recovery_codes_replace_the_old_ones(browser: Visiting, database: Database) -> None:
    secret, old = await set_up(browser)
    done = await browser.send(f"{PAGE}/codes", {"password": PASSWORD, "code": now_code(secret)})
    fresh = re.findall(r"[2-9a-z]{4}(?:-[2-9a-z]{4}){3}", done.text)
    assert len(fresh) == 10
    assert not set(fresh) & set(old)
    state = await database.read(factors.state, browser.email)
    assert state is not None
    assert state.recovery_codes == 10


def test_the_picture_has_nothing_that_the_policy_forbids(store_name: str) -> None:
    drawn = str(picture("ana&co@example.com", pyotp.random_base32()))
    assert drawn.startswith("<svg ")
    assert "viewBox" in drawn  # else a smaller one would be cut off
    assert " style=" not in drawn
    assert "<script" not in drawn
    assert store_name


# --- the rules of codes, and what the store keeps of them


@pytest.fixture
async def secret(database: Database, ana: Someone) -> str:
    made = await database.write(factors.begin, ana.email, VAULT, utc_now())
    at = utc_now() - timedelta(hours=1)
    codes = await database.write(factors.confirm, ana.email, pyotp.TOTP(made).at(at), VAULT, Act("tests", at))
    assert len(codes) == 10
    return made


@pytest.mark.parametrize("steps", range(-3, 4))
async def test_a_clock_may_be_off_by_one_step(database: Database, ana: Someone, secret: str, steps: int) -> None:
    now = utc_now()
    code = pyotp.TOTP(secret).at(now, counter_offset=steps)
    outcome = await database.write(factors.prove, ana.email, code, VAULT, now)
    assert outcome == ("good" if abs(steps) <= DRIFT else "wrong")


async def test_an_older_code_is_not_good_after_a_newer_one(database: Database, ana: Someone, secret: str) -> None:
    now, made = utc_now(), pyotp.TOTP(secret)
    outcomes = [
        await database.write(factors.prove, ana.email, made.at(now, counter_offset=step), VAULT, now)
        for step in (0, -1, 0, 1, 1)
    ]
    assert outcomes == ["good", "wrong", "wrong", "good", "wrong"]


async def test_many_wrong_codes_lock_even_the_right_one_for_a_while(
    database: Database, ana: Someone, secret: str
) -> None:
    now = utc_now()
    for _ in range(MOST_FAILURES):
        assert await database.write(factors.prove, ana.email, "nothing", VAULT, now) == "wrong"
    right = pyotp.TOTP(secret).at(now)
    assert await database.write(factors.prove, ana.email, right, VAULT, now) == "locked"
    later = now + LOCKED_FOR + timedelta(seconds=STEP_SECONDS)
    assert await database.write(factors.prove, ana.email, pyotp.TOTP(secret).at(later), VAULT, later) == "good"


async def test_a_secret_is_sealed_and_codes_are_digests(
    database: Database, ana: Someone, secret: str, tmp_path: object
) -> None:
    del tmp_path

    def rows(conn: object) -> str:
        found = [
            *conn.exec_driver_sql("SELECT * FROM second_factor"),  # type: ignore[attr-defined]  # a connection
            *conn.exec_driver_sql("SELECT * FROM recovery_code"),  # type: ignore[attr-defined]  # likewise
        ]
        return repr([tuple(row) for row in found])

    assert secret not in await database.read(rows)
    assert await database.read(sessions.password_of, ana.email)


async def test_an_admin_resets_it_for_members_of_this_tenant_alone(
    database: Database, ana: Someone, secret: str
) -> None:
    assert secret
    act = Act("admin@example.com", utc_now())
    other = await someone(database, (await account(database)).tenant, email=ana.email)
    with pytest.raises(Refusal, match="belongs to other tenants too"):
        await database.write(factors.reset, ana.tenant, ana.id, act)
    await someone(database, other.tenant)
    await database.write(people.remove, other.tenant, other.id, act)
    assert await database.read(factors.on_among, [ana.email, "x@example.com"]) == {ana.email}
    await database.write(factors.reset, ana.tenant, ana.id, act)
    assert await database.read(factors.state, ana.email) is None
    with pytest.raises(Refusal, match="no second factor"):
        await database.write(factors.reset, ana.tenant, ana.id, act)
    with pytest.raises(people.NoSuchMember):
        await database.write(factors.reset, other.tenant, ana.id, act)
