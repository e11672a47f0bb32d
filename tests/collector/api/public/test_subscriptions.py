"""Subscribing: nobody learns who is subscribed, links open a form, and only its button does anything."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from collector.core.vault import Vault
from collector.domain.statuspage import rules, subscribers
from collector.domain.statuspage.links import ABOUT, Links
from collector.domain.statuspage.tables import status_mail, subscriber
from common.clock import utc_now
from tests.collector import builders
from tests.collector.accounts import client_of
from tests.collector.api.public.making import Site, enable


@pytest.fixture
def links(settings: Settings) -> Links:
    return Links(Vault.of_file(settings.vault_path).derive(ABOUT))


async def row(db: Database, tenant: int, email: str = "ana@example.com") -> object:
    wanted = select(subscriber).where(subscriber.c.tenant_id == tenant, subscriber.c.email == email)
    return await db.read(lambda conn: conn.execute(wanted).one_or_none())


async def mails(db: Database) -> int:
    return len(await db.read(lambda conn: conn.execute(select(status_mail.c.id)).all()))


async def ask(http: httpx.AsyncClient, acme: Site, email: str = "ana@example.com", **wishes: object) -> httpx.Response:
    return await http.post(f"{acme.path}/subscriptions", json={"email": email, **wishes})


async def token_of(db: Database, acme: Site, links: Links, email: str = "ana@example.com") -> str:
    found = await row(db, acme.tenant, email)
    return links.confirm(acme.tenant, found.id, found.asked_at)  # type: ignore[attr-defined]  # a row


async def test_a_link_opens_a_form_and_its_button_subscribes(
    http: httpx.AsyncClient, acme: Site, database: Database, links: Links
) -> None:
    assert (await ask(http, acme, services=["web"], events=["incidents"])).status_code == 202
    assert await mails(database) == 1
    old = f"{acme.path}/subscriptions/confirm?token={await token_of(database, acme, links)}"
    target = (await http.get(old)).headers["location"]
    assert target.startswith(f"/status/{acme.slug}/confirm?")
    for _ in range(2):  # a scanner, then a person
        form = await http.get(target)
        assert form.status_code == 200
        assert '<form method="post"' in form.text
        assert form.headers["cache-control"] == "no-store"
    assert (await row(database, acme.tenant)).state == "pending"  # type: ignore[attr-defined]  # a row
    done = await http.post(target)
    assert (done.status_code, "You are subscribed." in done.text) == (200, True)
    found = await row(database, acme.tenant)
    assert (found.state, found.services, found.events) == ("confirmed", [acme.web], ["incidents"])  # type: ignore[attr-defined]  # likewise
    assert (await http.post(target)).status_code == 200  # a second press does no harm
    assert (await http.post(old)).json() == {"message": "You are subscribed."}


async def test_whoever_asks_hears_the_same(
    http: httpx.AsyncClient, acme: Site, database: Database, links: Links
) -> None:
    first = await ask(http, acme)
    await http.post(f"{acme.path}/subscriptions/confirm?token={await token_of(database, acme, links)}")
    subscribed = await ask(http, acme)
    other = await ask(http, acme, "ben@example.com")
    assert first.content == subscribed.content == other.content
    assert {answer.status_code for answer in (first, subscribed, other)} == {202}
    assert await mails(database) == 2  # who is subscribed already is not asked again


async def test_other_wishes_hold_from_a_new_confirmation_on(
    http: httpx.AsyncClient, acme: Site, database: Database, links: Links
) -> None:
    await ask(http, acme)
    await http.post(f"{acme.path}/subscriptions/confirm?token={await token_of(database, acme, links)}")
    later = utc_now() + rules.ASK_AGAIN_AFTER
    wishes = rules.Wishes((), ("maintenance",))
    await database.write(subscribers.ask, acme.tenant, "ana@example.com", wishes, later)
    found = await row(database, acme.tenant)
    assert (found.state, found.events) == ("confirmed", ["incidents", "maintenance"])  # type: ignore[attr-defined]  # a row
    token = await token_of(database, acme, links)
    assert await database.write(subscribers.confirm, acme.tenant, token, links, later)
    assert (await row(database, acme.tenant)).events == ["maintenance"]  # type: ignore[attr-defined]  # likewise


async def test_an_address_is_not_asked_again_and_again(acme: Site, database: Database) -> None:
    wishes, now = rules.Wishes((), rules.EVENT_KINDS), utc_now()
    asked = []
    for minutes in range(0, 120, 5):
        await database.write(subscribers.ask, acme.tenant, "ana@example.com", wishes, now + timedelta(minutes=minutes))
        asked.append((await row(database, acme.tenant)).asked)  # type: ignore[attr-defined]  # a row
    assert asked[:5] == [1, 1, 2, 2, 3]
    assert asked[-1] == rules.MOST_ASKED
    assert await mails(database) == 1  # what has not left yet is asked once


async def test_a_flood_of_made_up_addresses_shuts_nobody_out(
    acme: Site, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_PENDING", 3)
    wishes, now = rules.Wishes((), rules.EVENT_KINDS), utc_now()
    addresses = ["a@example.com", "b@example.com", "c@example.com", "ana@example.com"]
    for address in addresses:
        await database.write(subscribers.ask, acme.tenant, address, wishes, now)
    assert [await row(database, acme.tenant, one) is not None for one in addresses] == [False, True, True, True]
    assert await mails(database) == 3


async def test_links_that_are_void_do_nothing(
    http: httpx.AsyncClient, acme: Site, database: Database, links: Links
) -> None:
    await ask(http, acme)
    token = await token_of(database, acme, links)
    other = await builders.tenant(database)
    await enable(database, other)
    number, _, code = token.partition(".")
    other_code = ("A" if code[0] != "A" else "B") + code[1:]
    void = ("", "x", "é" * 10, f"{number}.{other_code}", f"sub_none.{code}", links.unsubscribe(acme.tenant, number))
    for bad in (*void, links.confirm(other, number, utc_now())):
        for method in ("GET", "POST"):
            answer = await http.request(method, f"/status/{acme.slug}/confirm", params={"token": bad})
            assert (answer.status_code, "not valid" in answer.text) == (404, True), bad
    late = utc_now() + rules.LINK_GOOD_FOR
    assert not await database.write(subscribers.confirm, acme.tenant, token, links, late)
    await database.write(subscribers.ask, acme.tenant, "ana@example.com", rules.Wishes((), ("incidents",)), late)
    assert (await http.post(f"{acme.path}/subscriptions/confirm?token={token}")).status_code == 404
    assert (await row(database, acme.tenant)).state == "pending"  # type: ignore[attr-defined]  # a row


async def test_one_click_unsubscribes_and_forgets(
    http: httpx.AsyncClient, acme: Site, database: Database, links: Links
) -> None:
    await ask(http, acme)
    found = await row(database, acme.tenant)
    target = f"/status/{acme.slug}/unsubscribe?token={links.unsubscribe(acme.tenant, found.id)}"  # type: ignore[attr-defined]  # a row
    assert '<form method="post"' in (await http.get(target)).text
    assert await row(database, acme.tenant) is not None
    for _ in range(2):
        done = await http.post(target, data={"List-Unsubscribe": "One-Click"})
        assert (done.status_code, "no more mails" in done.text) == (200, True)
    assert await row(database, acme.tenant) is None
    assert await mails(database) == 0
    bad = target[:-1] + ("A" if target[-1] != "A" else "B")
    assert (await http.post(bad)).status_code == 404


async def test_what_cannot_be_subscribed_is_named(http: httpx.AsyncClient, acme: Site) -> None:
    for body, field in (
        ({"email": "nobody"}, "email"),
        ({"email": "x,ana@example.com"}, "email"),
        ({"email": "<ana@example.com>"}, "email"),
        ({"email": "(x)ana@example.com"}, "email"),
        ({"email": "\u00fc@example.com"}, "email"),
        ({"email": "a@b.example", "services": ["hidden"]}, "services"),
        ({"email": "a@b.example", "services": "web"}, "services"),
        ({"email": "a@b.example", "events": ["parties"]}, "events"),
        ({}, "email"),
    ):
        answer = await http.post(f"{acme.path}/subscriptions", json=body)
        assert (answer.status_code, answer.json()["error"].partition(":")[0]) == (400, field)
    assert (await http.post(f"{acme.path}/subscriptions", content=b"{")).status_code == 400


async def test_asking_is_limited_by_address_of_the_client(http: httpx.AsyncClient, acme: Site) -> None:
    answers = [await ask(http, acme, f"a{number}@example.com") for number in range(12)]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429] * 2
    assert (await http.get(f"{acme.path}/summary")).status_code == 200


@pytest.mark.parametrize("missing", ["smtp_host", "status_page_url"])
async def test_without_mail_or_an_address_nobody_can_subscribe(
    acme: Site, database: Database, tmp_path: Path, missing: str
) -> None:
    given = {"smtp_host": "127.0.0.1", "status_page_url": "https://status.example", missing: ""}
    app = create_app(Settings(state_dir=tmp_path, **given), database)  # type: ignore[arg-type]  # settings by name
    async with client_of(app) as http:
        answer = await ask(http, acme)
    assert (answer.status_code, answer.json()["error"]) == (503, "This page sends no mails")
    await app.shut_down()


async def test_those_who_never_confirm_and_those_whom_nothing_reaches_are_forgotten(
    acme: Site, database: Database
) -> None:
    now, wishes = utc_now(), rules.Wishes((), rules.EVENT_KINDS)
    for name in ("ana", "ben", "cleo"):
        await database.write(subscribers.ask, acme.tenant, f"{name}@example.com", wishes, now)
    lost = update(subscriber).where(subscriber.c.email == "ben@example.com")
    lost = lost.values(state="quarantined", quarantined_at=now)
    well = update(subscriber).where(subscriber.c.email == "cleo@example.com").values(state="confirmed")
    await database.write(lambda conn: (conn.execute(lost), conn.execute(well)))
    assert await database.write(subscribers.forget, now + timedelta(days=6), 50) == 0
    assert await database.write(subscribers.forget, now + timedelta(days=8), 50) == 1
    assert await row(database, acme.tenant) is None
    assert await database.write(subscribers.forget, now + timedelta(days=31), 50) == 1
    assert await row(database, acme.tenant, "ben@example.com") is None
    assert await row(database, acme.tenant, "cleo@example.com") is not None
