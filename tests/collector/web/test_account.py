"""One's own account: password, sessions, tenants."""

import pytest

from collector.core.database import Database
from collector.domain.access import browsers, people, sessions
from collector.domain.access.rules import Act
from collector.domain.tenants import store
from collector.domain.tenants.store import NewMember
from collector.web.browser_names import short
from collector.web.pages.account import MOST
from common import tokens
from common.clock import utc_now
from tests.collector.accounts import PASSWORD, account, client_of, serving, someone
from tests.collector.web.visiting import cookie_of, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
PAGE = "/ui/account"
NEW = "another good passphrase"


async def test_everybody_has_a_page_of_their_own(database: Database) -> None:
    async with visiting(database, role="viewer") as ben:
        page = await ben.page(PAGE)
    assert ben.email in page
    assert "This browser" in page
    assert "Set up a second factor" in page


async def test_changing_the_password_ends_the_other_sessions(database: Database) -> None:
    async with visiting(database) as ana:
        other = tokens.digest(await cookie_of(database, ana.tenant, ana.email))
        form = {"password": PASSWORD, "new_password": NEW, "new_password_again": NEW}
        answer = await ana.send(f"{PAGE}/password", form)
        assert answer.headers["location"] == PAGE
        assert "The password is changed" in await ana.page(PAGE)
        assert await database.read(browsers.visiting, other, utc_now()) is None


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"password": "wrong", "new_password": NEW, "new_password_again": NEW}, "not the present password"),
        ({"password": PASSWORD, "new_password": "short", "new_password_again": "short"}, "expected 12 to 256"),
        ({"password": PASSWORD, "new_password": NEW, "new_password_again": "x"}, "expected the same password"),
        ({}, "missing; expected a value"),
    ],
)
async def test_a_password_that_cannot_be_changed_is_told(database: Database, form: dict[str, str], said: str) -> None:
    async with visiting(database) as ana:
        answer = await ana.send(f"{PAGE}/password", form)
        assert answer.status_code == 422
        assert said in answer.text
        assert NEW not in answer.text


async def test_one_session_is_ended_and_then_all_others(database: Database) -> None:
    async with visiting(database) as ana:
        for _ in range(3):
            await cookie_of(database, ana.tenant, ana.email)
        listed = await database.read(browsers.sessions, ana.tenant, utc_now())
        own = await database.read(browsers.visiting, tokens.digest(ana.client.cookies["fieldpost"]), utc_now())
        assert own
        other = next(one for one in listed if one.id != own.session_id)
        assert (await ana.send(f"{PAGE}/sessions/end", {"session": other.id})).status_code == 303
        assert len(await database.read(browsers.sessions, ana.tenant, utc_now())) == 3
        await ana.send(f"{PAGE}/sessions/end-others")
        assert "Ended 2 other sessions." in await ana.page(PAGE)
        assert len(await database.read(browsers.sessions, ana.tenant, utc_now())) == 1


async def test_of_many_sessions_the_last_used_are_shown(database: Database) -> None:
    async with visiting(database) as ana:
        for _ in range(MOST + 4):
            await cookie_of(database, ana.tenant, ana.email)
        page = await ana.page(PAGE)
    assert page.count('data-label="From"') == MOST
    assert "And 5 older sessions" in page
    assert page.count("This browser") == 1


async def test_logins_of_programs_are_listed_and_ended(database: Database) -> None:
    ana = await someone(database, (await account(database)).tenant)
    async with serving(database) as app, client_of(app) as client:
        headers = await ana.log_on(client)
        client.cookies.set("fieldpost", await cookie_of(database, ana.tenant, ana.email))
        assert "API login" in (await client.get(PAGE)).text
        listed = await database.read(sessions.sessions, ana.tenant, utc_now())
        ours = {"Sec-Fetch-Site": "same-origin"}
        await client.post(f"{PAGE}/sessions/end", data={"session": listed[0].id}, headers=ours)
        assert (await client.get("/api/v1/admin/tenant", headers=headers)).status_code == 401


async def test_sessions_of_others_cannot_be_ended(database: Database) -> None:
    async with visiting(database) as ana:
        colleague = await someone(database, ana.tenant)
        stranger = await someone(database, (await account(database)).tenant)
        for who in (colleague, stranger):
            await cookie_of(database, who.tenant, who.email)
            listed = await database.read(browsers.sessions, who.tenant, utc_now())
            theirs = next(one for one in listed if one.member_id == who.id)
            assert (await ana.send(f"{PAGE}/sessions/end", {"session": theirs.id})).status_code == 404
            assert theirs in await database.read(browsers.sessions, who.tenant, utc_now())


async def test_a_member_of_two_tenants_changes_between_them(database: Database) -> None:
    async with visiting(database) as ana:
        other, stranger = (await account(database)).tenant, (await account(database)).tenant
        new = NewMember(name="Ana", email=ana.email, role="viewer")
        await database.write(people.add, other, new, Act("tests", utc_now()))
        assert "Change tenant" in await ana.page(PAGE)
        before = tokens.digest(ana.client.cookies["fieldpost"])
        assert (await ana.send(f"{PAGE}/tenant", {"tenant": str(stranger)})).status_code == 404
        assert (await ana.send(f"{PAGE}/tenant", {"tenant": str(other)})).status_code == 303
        assert await database.read(store.slug_of, other) in await ana.page(PAGE)
        assert await database.read(browsers.visiting, before, utc_now()) is None


async def test_who_has_no_password_is_not_asked_for_one(database: Database) -> None:
    tenant = (await account(database)).tenant
    new = NewMember(name="Sol", email="sol@example.com", role="viewer")
    await database.write(people.add, tenant, new, Act("tests", utc_now()))
    async with serving(database) as app, client_of(app) as client:
        client.cookies.set("fieldpost", await cookie_of(database, tenant, new.email))
        page = (await client.get(PAGE)).text
        assert "Present password" not in page
        assert "single sign-on alone" in page
        ours = {"Sec-Fetch-Site": "same-origin"}
        begun = await client.post(f"{PAGE}/second-factor/begin", headers=ours)
        assert begun.headers["location"] == PAGE


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1", "Safari on iOS"),
        ("curl/8.5.0", "curl"),
        ("", "unknown browser"),
        ("something else of a considerable length, indeed", "something else of a considerable length,"),
    ],
)
def test_browsers_have_names(agent: str, name: str, store_name: str) -> None:
    assert short(agent) == name
    assert store_name
