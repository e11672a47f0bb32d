"""Pages for everybody: all that is public, nothing that is not, kept by caches and made once for a crowd."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from collector.domain.statuspage import store
from common.clock import utc_now
from tests.collector import builders
from tests.collector.accounts import client_of
from tests.collector.api.public.making import SECRETS, Site, enable, incident, say
from tests.collector.web.statuspage.making import large

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
PAGES = ("", "?part=now", "/maintenance", "/history/{month}", "/incidents/{outage}", "/subscribe")


def paths(acme: Site) -> list[str]:
    return [f"/status/{acme.slug}{one}".format(month=f"{utc_now():%Y-%m}", outage=acme.outage) for one in PAGES]


async def test_the_first_page_says_all_at_first_sight(http: httpx.AsyncClient, acme: Site) -> None:
    answer = await http.get(f"/status/{acme.slug}")
    assert answer.status_code == 200
    page = answer.text
    assert "<title>Degraded performance · Acme</title>" in page
    for text in ("How we are doing", "1 of 1 service affected", "Slow", "We are looking into it.", "Upgrade", "Web"):
        assert text in page
    assert page.count('<svg class="bars"') == 1


async def test_nothing_that_is_internal_is_on_any_page(http: httpx.AsyncClient, acme: Site) -> None:
    for path in paths(acme):
        answer = await http.get(path)
        assert answer.status_code == 200, path
        text = answer.text.lower().replace("hidden-text", "").replace("aria-hidden", "")
        assert not [word for word in SECRETS if word in text], path


async def test_pages_carry_a_strict_policy_and_may_be_kept(http: httpx.AsyncClient, acme: Site) -> None:
    for path in paths(acme):
        answer = await http.get(path)
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert not re.search(r"<script>|\son\w+=|\sstyle=", answer.text)
        assert "set-cookie" not in answer.headers
        if path.endswith("/subscribe"):
            assert answer.headers["cache-control"] == "no-store"
            continue
        assert answer.headers["cache-control"] == "public, max-age=15"
        again = await http.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304, path


async def test_what_is_not_public_is_missing_word_for_word(
    http: httpx.AsyncClient, acme: Site, database: Database
) -> None:
    hidden = await incident(database, acme.tenant, [acme.web], utc_now(), visibility="internal")
    other = await builders.tenant(database)
    await enable(database, other, enabled=False)
    slug = (await database.read(store.page, other)).slug  # type: ignore[union-attr]  # it was just made
    answers = [
        await http.get(path)
        for path in (
            f"/status/{acme.slug}/incidents/{hidden}",
            f"/status/{acme.slug}/incidents/999999",
            f"/status/{acme.slug}/incidents/x",
            f"/status/{acme.slug}/history/2026-99",
            f"/status/{slug}",
            f"/status/{slug}/incidents/{acme.outage}",
            "/status/nobody",
            "/status",
            "/status/-/0000000000000000/app.css",
        )
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


async def test_a_crowd_gets_a_page_that_was_made_once(acme: Site, database: Database, tmp_path: Path) -> None:
    app = create_app(
        Settings(state_dir=tmp_path, status_page_fresh_s=60, status_page_requests_per_minute=1000), database
    )
    async with client_of(app) as http:
        first = await asyncio.gather(*(http.get(f"/status/{acme.slug}") for _ in range(100)))
        await say(database, acme.tenant, acme.outage, "It is over soon.")
        later = await http.get(f"/status/{acme.slug}")
    assert {answer.text for answer in (*first, later)} == {first[0].text}
    await app.shut_down()


async def test_packed_and_plain_say_the_same(acme: Site, database: Database, tmp_path: Path) -> None:
    app = create_app(Settings(state_dir=tmp_path, status_page_fresh_s=60), database)
    async with client_of(app) as http:
        packed = await http.get(f"/status/{acme.slug}")
        plain = await http.get(f"/status/{acme.slug}", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    await app.shut_down()


async def test_one_address_is_limited_with_a_page_that_says_so(acme: Site, database: Database, tmp_path: Path) -> None:
    app = create_app(Settings(state_dir=tmp_path, status_page_requests_per_minute=3), database)
    async with client_of(app) as http:
        answers = [await http.get(f"/status/{acme.slug}") for _ in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "<h1>Too Many Requests</h1>" in answers[-1].text
    await app.shut_down()


async def test_styles_and_scripts_come_from_below_the_status_pages(http: httpx.AsyncClient, acme: Site) -> None:
    page = (await http.get(f"/status/{acme.slug}")).text
    found = re.findall(r'(?:src|href)="(/[^"]+\.(?:css|js|svg))"', page)
    assert found
    for url in found:
        assert url.startswith("/status/"), url
        assert (await http.get(url)).status_code == 200


async def test_a_month_has_what_began_in_it(http: httpx.AsyncClient, acme: Site, database: Database) -> None:
    last = utc_now().replace(day=1) - timedelta(days=3)
    for number in range(55):
        began = last - timedelta(minutes=number)
        await incident(
            database, acme.tenant, [acme.web], began, title=f"Old {number:02}", resolved_at=last, status="resolved"
        )
    path = f"/status/{acme.slug}/history/{last:%Y-%m}"
    first, second = (await http.get(path)).text, (await http.get(f"{path}?page=2")).text
    assert "55 incidents" in first
    assert ("Old 00" in first, "Old 54" in first) == (True, False)
    assert ("Old 00" in second, "Old 54" in second) == (False, True)
    assert "Slow" not in first
    assert (await http.get(f"{path}?page=0")).status_code == 400


async def test_a_form_subscribes_and_says_what_is_wrong(http: httpx.AsyncClient, acme: Site) -> None:
    target, ours = f"/status/{acme.slug}/subscribe", {"Sec-Fetch-Site": "same-origin"}
    wrong = await http.post(target, data={"email": "ana@", "events": "incidents", "services": "web"}, headers=ours)
    assert wrong.status_code == 422
    assert 'value="ana@"' in wrong.text
    assert 'value="web" checked' in wrong.text
    hidden = await http.post(target, data={"email": "ana@example.com", "services": "hidden"}, headers=ours)
    assert hidden.status_code == 422
    assert "Secret" not in hidden.text
    asked = await http.post(target, data={"email": "ana@example.com", "events": "incidents"}, headers=ours)
    assert (asked.status_code, "Look into your mail" in asked.text) == (200, True)
    assert (await http.post(target, data={"email": "ana@example.com"})).status_code == 403


async def test_a_page_without_mails_offers_none(acme: Site, database: Database, tmp_path: Path) -> None:
    app = create_app(Settings(state_dir=tmp_path), database)
    async with client_of(app) as http:
        assert "/subscribe" not in (await http.get(f"/status/{acme.slug}")).text
        assert (await http.get(f"/status/{acme.slug}/subscribe")).status_code == 404
    await app.shut_down()


async def test_what_people_write_stays_text(http: httpx.AsyncClient, acme: Site, database: Database) -> None:
    evil = "<script>alert(1)</script>"
    number = await incident(database, acme.tenant, [acme.web], utc_now(), title=evil)
    await say(database, acme.tenant, number, f"{evil}\n{evil}")
    for path in (f"/status/{acme.slug}", f"/status/{acme.slug}/incidents/{number}"):
        text = (await http.get(path)).text
        assert evil not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>" in text


async def test_a_page_with_200_services_is_small(http: httpx.AsyncClient, database: Database) -> None:
    slug = await large(database)
    async with http.stream("GET", f"/status/{slug}") as answer:
        packed = b"".join([part async for part in answer.aiter_raw()])
    assert len(packed) < 60_000
