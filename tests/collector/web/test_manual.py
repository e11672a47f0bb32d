"""The manual in the browser: open to everybody, every page of `docs/`, found by words, nothing of it raw HTML."""

import re
from html import unescape
from pathlib import Path

import httpx
import pytest

from collector.core.database import Database
from collector.web.manual import library
from tests.collector import accounts
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
DOCS = Path(__file__).parents[3] / "docs"
NAMES = sorted(path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md"))


async def test_everybody_can_read_every_page_and_no_link_or_anchor_leads_nowhere(database: Database) -> None:
    async with accounts.serving(database) as app, accounts.client_of(app) as client:
        texts = {name: (await client.get(f"/ui/manual/{name}")).text for name in NAMES if name != library.INDEX}
        texts[library.INDEX] = (await client.get("/ui/manual")).text
        for name, text in texts.items():
            assert '<article class="prose">' in text, name
            await _leads_somewhere(client, name, text, texts)


async def _leads_somewhere(client: httpx.AsyncClient, name: str, text: str, texts: dict[str, str]) -> None:
    (article,) = re.findall(r'<article class="prose">.*?</article>', text, re.DOTALL)
    for target in re.findall(r'<a href="([^"]*)"', article):
        path, _, anchor = unescape(target).partition("#")
        page = path.removeprefix("/ui/manual").strip("/") or (library.INDEX if path else name)
        assert page in texts, (name, target)
        assert not anchor or f'id="{anchor}"' in texts[page], (name, target)
    for picture in re.findall(r'<img src="([^"]*)"', article):
        answer = await client.get(picture)
        assert answer.headers["content-type"] == "image/svg+xml", (name, picture)


async def test_passages_are_found_by_words(database: Database) -> None:
    async with accounts.serving(database) as app, accounts.client_of(app) as client:
        page = (await client.get("/ui/manual?q=webhook-id+signature")).text
        assert 'href="/ui/manual/webhooks#checking-the-signature"' in page
        assert "<mark>signature</mark>" in page
        part = (await client.get("/ui/manual?q=no-such-words-anywhere&part=found")).text
        assert "No passage says all of these words" in part
        assert "<html" not in part
        assert "<script>x" not in (await client.get("/ui/manual?q=<script>x</script>")).text
        assert (await client.get("/ui/manual?q=" + "(" * 300)).status_code == 200


@pytest.mark.parametrize("name", ["none", "../README", "%2e%2e/README", "images/../tls.md", "README", "tls.md"])
async def test_what_is_no_page_is_missing(database: Database, name: str) -> None:
    async with accounts.serving(database) as app, accounts.client_of(app) as client:
        assert (await client.get(f"/ui/manual/{name}")).status_code in {303, 404}


async def test_a_member_finds_it_in_the_menu(database: Database) -> None:
    async with visiting(database, role="viewer") as visitor:
        page = await visitor.page("/ui/manual/metrics")
        assert '<a href="/ui/manual" aria-current="page">' in page
