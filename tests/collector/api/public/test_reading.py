"""Everybody can read a page that is enabled, from any site and out of any cache, and nothing that is internal."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from common.clock import utc_now
from tests.collector import builders
from tests.collector.accounts import client_of
from tests.collector.api.public.making import SECRETS, Site, enable, incident

READS = (
    "summary",
    "services",
    "services/web/uptime",
    "services/web/days",
    "incidents",
    "incidents/{outage}",
    "maintenance",
    "feed.atom",
    "badge.svg",
    "badge/web.svg",
    "badge/web.svg?show=uptime30d",
)


async def test_the_summary_says_how_everything_is(http: httpx.AsyncClient, acme: Site) -> None:
    answer = await http.get(f"{acme.path}/summary")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["page"] == {"slug": acme.slug, "title": "Acme", "description": "How we are doing"}
    assert (body["status"], body["status_text"]) == ("degraded_performance", "Degraded performance")
    [web] = body["services"]
    assert (web["slug"], web["name"], web["status"]) == ("web", "Web", "degraded_performance")
    [outage] = body["incidents"]
    assert outage["services"] == [{"slug": "web", "name": "Web", "impact": "degraded_performance"}]
    assert [said["message"] for said in outage["updates"]] == ["We are looking into it."]
    [window] = body["maintenance"]
    assert (window["title"], window["status"]) == ("Upgrade", "scheduled")
    assert window["services"] == [{"slug": "web", "name": "Web"}]


async def test_nothing_that_is_internal_is_in_any_answer(http: httpx.AsyncClient, acme: Site) -> None:
    for path in READS:
        answer = await http.get(f"{acme.path}/{path.format(outage=acme.outage)}")
        assert answer.status_code == 200, path
        text = answer.text.lower()
        assert not [word for word in SECRETS if word in text], (path, text)


@pytest.mark.parametrize("path", READS)
async def test_reads_can_be_kept_and_asked_for_again(http: httpx.AsyncClient, acme: Site, path: str) -> None:
    target = f"{acme.path}/{path.format(outage=acme.outage)}"
    answer = await http.get(target)
    assert answer.headers["cache-control"] == "public, max-age=15"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = await http.get(target, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) in {(304, b""), (200, again.content)}
    if "uptime" not in path and "days" not in path:  # which change with every second
        assert again.status_code == 304
    head = await http.head(target)
    assert (head.status_code, head.content) == (200, b"")


async def test_what_is_not_public_is_missing_word_for_word(
    http: httpx.AsyncClient, acme: Site, database: Database
) -> None:
    hidden = await incident(database, acme.tenant, [acme.web], utc_now(), visibility="internal")
    other = await builders.tenant(database)
    bodies = set()
    for path in (
        f"{acme.path}/services/hidden/uptime",
        f"{acme.path}/services/hidden/days",
        f"{acme.path}/services/none/days",
        f"{acme.path}/incidents/{hidden}",
        f"{acme.path}/incidents/999999",
        f"{acme.path}/incidents/x",
        f"{acme.path}/badge/hidden.svg",
        f"{acme.path}/badge/hidden.svg?show=uptime30d",
        f"{acme.path}/nothing",
        "/status/api/nobody/summary",
        "/status/api",
        f"/status/api/{other}/summary",
    ):
        answer = await http.get(path)
        assert answer.status_code == 404, path
        bodies.add(answer.content)
    assert len(bodies) == 1


async def test_a_disabled_page_is_missing(http: httpx.AsyncClient, acme: Site, database: Database) -> None:
    await enable(database, acme.tenant, enabled=False)
    missing = await http.get("/status/api/nobody/summary")
    for path in READS:
        answer = await http.get(f"{acme.path}/{path.format(outage=acme.outage)}")
        assert (answer.status_code, answer.content) == (404, missing.content)
    answer = await http.post(f"{acme.path}/subscriptions", json={"email": "a@example.com"})
    assert (answer.status_code, answer.content) == (404, missing.content)


async def test_incidents_are_listed_newest_first_with_old_ones_that_go_on(
    http: httpx.AsyncClient, acme: Site, database: Database
) -> None:
    now = utc_now()
    old = await incident(database, acme.tenant, [acme.web], now - timedelta(days=200), title="Old and open")
    over = {"status": "resolved", "resolved_at": now - timedelta(days=10)}
    recent = await incident(database, acme.tenant, [acme.web], now - timedelta(days=10), **over)
    gone = {"status": "resolved", "resolved_at": now - timedelta(days=199)}
    await incident(database, acme.tenant, [acme.web], now - timedelta(days=200), title="Long ago", **gone)
    body = (await http.get(f"{acme.path}/incidents")).json()
    assert [one["id"] for one in body["incidents"]] == [acme.outage, recent, old]
    assert (body["total"], body["limit"], body["offset"]) == (3, 50, 0)
    for offset, wanted in enumerate(([acme.outage, recent], [recent, old], [old], [])):
        page = (await http.get(f"{acme.path}/incidents", params={"limit": 2, "offset": offset})).json()
        assert [one["id"] for one in page["incidents"]] == wanted
        assert page["total"] == 3


async def test_ninety_days_and_three_windows(http: httpx.AsyncClient, acme: Site) -> None:
    body = (await http.get(f"{acme.path}/services/web/days")).json()
    assert len(body["days"]) == 90
    assert body["days"][-1]["date"] == f"{utc_now():%Y-%m-%d}"
    assert body["days"][0] == {"date": body["days"][0]["date"], "status": None, "uptime": None}
    assert body["days"][-5]["uptime"] == 100.0
    uptime = (await http.get(f"{acme.path}/services/web/uptime")).json()
    assert (uptime["service"], uptime["uptime_24h"], set(uptime["windows"])) == ("web", 100.0, {"24h", "7d", "30d"})
    assert uptime["windows"]["24h"]["seconds"]["degraded_performance"] in range(3599, 3700)


async def test_wrong_parameters_are_named(http: httpx.AsyncClient, acme: Site) -> None:
    for query, field in (("limit=0", "limit"), ("offset=-1", "offset"), ("limit=1&limit=2", "limit")):
        answer = await http.get(f"{acme.path}/incidents?{query}")
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(f"{field}: ")
    answer = await http.get(f"{acme.path}/badge/web.svg?show=everything")
    assert (answer.status_code, answer.json()["error"].partition(":")[0]) == (400, "show")
    assert (await http.post(f"{acme.path}/summary")).status_code == 405


async def test_one_address_is_limited_and_others_are_not(database: Database, acme: Site, tmp_path: Path) -> None:
    app = create_app(Settings(state_dir=tmp_path, status_page_requests_per_minute=3), database)
    async with client_of(app) as one, client_of(app, address="192.0.2.7") as other:
        answers = [await one.get(f"{acme.path}/summary") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert (await other.get(f"{acme.path}/summary")).status_code == 200
        assert (await one.get("/api/v1/health")).status_code == 401  # other families count for themselves
    await app.shut_down()


async def test_an_answer_is_given_again_for_a_moment(database: Database, acme: Site, tmp_path: Path) -> None:
    app = create_app(Settings(state_dir=tmp_path, status_page_fresh_s=60), database)
    async with client_of(app) as http:
        before = await http.get(f"{acme.path}/incidents")
        await incident(database, acme.tenant, [acme.web], utc_now(), title="News")
        again = await http.get(f"{acme.path}/incidents")
        assert again.content == before.content
        assert again.headers["x-request-id"] != before.headers["x-request-id"]
        assert (await http.get(f"{acme.path}/incidents?limit=10")).json()["total"] == 2
    await app.shut_down()
