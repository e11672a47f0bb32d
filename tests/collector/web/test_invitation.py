"""Accepting an invitation in a browser."""

from collections.abc import AsyncIterator

import httpx
import pytest

from collector.core.database import Database
from collector.domain.access import people, sessions
from collector.domain.access.people import NewInvitation
from collector.domain.access.rules import Act
from collector.domain.tenants.store import NewMember
from common.clock import utc_now
from tests.collector.accounts import PASSWORD, account, client_of, serving, someone
from tests.collector.web.visiting import cookie_of

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
OURS = {"Sec-Fetch-Site": "same-origin"}
PAGE = "/ui/invitation"
NEW = "new@example.com"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def invited(database: Database) -> NewInvitation:
    tenant = (await account(database)).tenant
    return await database.write(people.invite, tenant, NEW, "dba", Act("tests", utc_now()))


async def send(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await client.post(PAGE, data={"name": "Nia Okoro", "password": PASSWORD, **form}, headers=OURS)


async def test_who_was_invited_is_a_member_and_signed_in(client: httpx.AsyncClient, invited: NewInvitation) -> None:
    assert "Accept an invitation" in (await client.get(PAGE)).text
    answer = await send(client, token=invited.secret)
    assert answer.headers["location"] == "/ui"
    page = (await client.get("/ui/account")).text
    assert NEW in page
    assert "dba" in page


async def test_an_invitation_is_good_once(client: httpx.AsyncClient, invited: NewInvitation) -> None:
    await send(client, token=invited.secret)
    again = await send(client, token=invited.secret)
    assert again.status_code == 422
    assert "not known, used, or past its end" in again.text


@pytest.mark.parametrize("token", ["fpi_nonsense", "fpi_é", "x" * 300, ""])
async def test_what_is_no_invitation_is_refused(client: httpx.AsyncClient, invited: NewInvitation, token: str) -> None:
    assert invited.email == NEW
    answer = await send(client, token=token)
    assert answer.status_code == 422
    assert 'value="Nia Okoro"' in answer.text


async def test_a_bad_password_is_said_and_the_rest_stays(client: httpx.AsyncClient, invited: NewInvitation) -> None:
    answer = await send(client, token=invited.secret, password="short")
    assert answer.status_code == 422
    assert "12 to 256" in answer.text
    assert invited.secret in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_somebody_with_an_account_gives_its_password(
    client: httpx.AsyncClient, database: Database, invited: NewInvitation
) -> None:
    await someone(database, (await account(database)).tenant, email=NEW)
    wrong = await send(client, token=invited.secret, password="another password of mine")
    assert (wrong.status_code, "Email or password is not right." in wrong.text) == (422, True)
    assert (await send(client, token=invited.secret)).status_code == 303


async def test_an_invitation_gives_no_password_to_somebody_who_has_none(
    client: httpx.AsyncClient, database: Database, invited: NewInvitation
) -> None:
    """Who invites can read the invitation: with it, an admin of one tenant became a member of another one."""
    elsewhere = (await account(database)).tenant
    member = NewMember(name="Nia", email=NEW, role="owner")
    await database.write(people.add, elsewhere, member, Act("tests", utc_now()))
    for answer in (
        await send(client, token=invited.secret),
        await client.post("/api/auth/invitation", json={"token": invited.secret, "name": "N", "password": PASSWORD}),
    ):
        assert "sign in to it first" in answer.text
    assert await database.read(sessions.password_of, NEW) is None


async def test_who_is_signed_in_accepts_without_a_password(
    client: httpx.AsyncClient, database: Database, invited: NewInvitation
) -> None:
    elsewhere = (await account(database)).tenant
    member = NewMember(name="Nia", email=NEW, role="viewer")
    await database.write(people.add, elsewhere, member, Act("tests", utc_now()))
    client.cookies.set("fieldpost", await cookie_of(database, elsewhere, NEW))
    assert f"Not needed if the invitation is for {NEW}" in (await client.get(PAGE)).text
    answer = await client.post(PAGE, data={"token": invited.secret, "name": "Nia"}, headers=OURS)
    assert answer.headers["location"] == "/ui"
    assert len(await database.read(sessions.memberships, NEW)) == 2


async def test_who_is_signed_in_as_another_proves_who_was_invited(
    database: Database, client: httpx.AsyncClient, invited: NewInvitation
) -> None:
    other = await someone(database, (await account(database)).tenant)
    client.cookies.set("fieldpost", await cookie_of(database, other.tenant, other.email))
    answer = await client.post(PAGE, data={"token": invited.secret, "name": "Nia"}, headers=OURS)
    assert (answer.status_code, "12 to 256" in answer.text) == (422, True)
