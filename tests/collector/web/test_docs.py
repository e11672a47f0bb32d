"""The reference of the API: open to everybody, made of the documents, and without anything of a tenant."""

import json
import re
from html import unescape

import httpx
import pytest

from collector.core.database import Database
from collector.web.reference.families import FAMILIES
from tests.collector import accounts
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
_METHODS = {"get", "post", "put", "patch", "delete"}


async def test_everybody_can_read_it_and_every_operation_is_there(database: Database) -> None:
    async with accounts.serving(database) as app, accounts.client_of(app) as client:
        index = await client.get("/ui/docs")
        assert index.status_code == 200
        for family in FAMILIES:
            assert f'href="/ui/docs/{family.name}"' in index.text
            document = (await client.get(family.document)).json()
            page = await client.get(f"/ui/docs/{family.name}")
            assert page.status_code == 200
            _has_all_of(page.text, document)
            assert len(page.content) < 400_000
            assert "collector.invalid" not in page.text
            assert "http://collector.test" in page.text


def _has_all_of(page: str, document: dict[str, dict[str, dict[str, dict[str, str]]]]) -> None:
    wanted = {one["operationId"] for path in document["paths"].values() for m, one in path.items() if m in _METHODS}
    assert wanted
    anchors = re.findall(r'<details class="op" id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors)) == len(wanted)


async def test_what_is_looked_for_is_unfolded_when_it_is_little(database: Database) -> None:
    async with accounts.serving(database) as app, accounts.client_of(app) as client:
        page = (await client.get("/ui/docs/status?q=id}/resolve")).text
        assert page.count('class="op"') == page.count("<details open ") == 1
        part = (await client.get("/ui/docs/status?q=nothing-of-the-kind&part=operations")).text
        assert "No operation says all of these words" in part
        assert "<html" not in part
        assert "<script>" not in (await client.get("/ui/docs/status?q=<script>x</script>")).text


@pytest.mark.parametrize("host", ['x"><script>alert(1)</script>', "a b", "-" * 400 + "/x"])
async def test_an_address_that_is_none_is_not_repeated(database: Database, host: str) -> None:
    async with accounts.serving(database) as app, accounts.client_of(app) as client:
        page = await client.get("/ui/docs/health", headers={"Host": host})
        assert "https://collector.example.com/api/v1" in page.text
        assert host not in page.text


async def test_unknown_families_are_missing(database: Database) -> None:
    async with accounts.serving(database) as app, accounts.client_of(app) as client:
        for name in ("none", "web", "agents", "%2e%2e"):
            assert (await client.get(f"/ui/docs/{name}")).status_code in {303, 404}


async def test_a_member_finds_it_in_the_menu(database: Database) -> None:
    async with visiting(database, role="viewer") as visitor:
        page = await visitor.page("/ui/docs/tuner")
        assert '<a href="/ui/docs" aria-current="page">' in page


async def test_examples_of_bodies_are_json_and_curl_lines_name_this_collector(database: Database) -> None:
    async with accounts.serving(database) as app, accounts.client_of(app) as client:
        page = (await client.get("/ui/docs/status")).text
    bodies = [unescape(one) for one in re.findall(r"-d (?:&#39;)(.*?)(?:&#39;) ", page, re.DOTALL)]
    assert bodies
    for body in bodies:
        assert json.loads(body.replace("'\"'\"'", "'"))


async def test_the_key_has_a_field_that_no_form_sends(database: Database) -> None:
    async with accounts.serving(database) as app, accounts.client_of(app) as client:
        page = (await client.get("/ui/docs/health")).text
    [field] = re.findall(r'<input id="try-key"[^>]*>', page)
    assert "name=" not in field
    assert 'type="password"' in field
    assert 'autocomplete="off"' in field


async def test_the_first_request_works_with_a_key(database: Database) -> None:
    made = await accounts.account(database)
    async with accounts.serving(database) as app, accounts.client_of(app) as client:
        first = next(one for one in FAMILIES if one.name == "health").first
        answer: httpx.Response = await client.get(first, headers=made.headers)
        assert answer.status_code == 200
