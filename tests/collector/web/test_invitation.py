"""Accepting an invitation in a browser."""

from collections.abc import AsyncIterator

import httpx
import pytest

from collector.core.database import Database
from collector.domain.access import people
from collector.domain.access.people import NewInvitation
from collector.domain.access.rules import Act
from common.clock import utc_now
from tests.collector.accounts import PASSWORD, account, client_of, serving, someone

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
