"""A copy of a page: complete, without a script, and every link in it leads somewhere in it."""

import io
import posixpath
import re
import zipfile
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from collector.core.database import Database
from collector.domain.statuspage import store, whole
from collector.web.statuspage import exporting
from common.clock import utc_now
from tests.collector.api.public.making import SECRETS, Site, enable, incident
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])


async def copied(database: Database, tenant: int) -> dict[str, bytes]:
    page, now = await database.read(store.page, tenant), utc_now()
    assert page is not None
    found = await database.read(whole.gather, page, exporting.spans(now), now)
    return dict(exporting.files(found))


async def test_every_link_leads_to_a_file(database: Database, acme: Site) -> None:
    old = utc_now() - timedelta(days=150)
    await incident(database, acme.tenant, [acme.web], old, title="Long ago", resolved_at=old, status="resolved")
    files = await copied(database, acme.tenant)
    pages = {path: content.decode() for path, content in files.items() if path.endswith(".html")}
    assert {"index.html", "maintenance.html", f"history/{utc_now():%Y-%m}.html"} <= set(pages)
    assert sum(path.startswith("history/") for path in pages) == exporting.MONTHS
    for path, text in pages.items():
        assert "<script" not in text
        for link in re.findall(r'(?:href|src)="([^"#]+)"', text):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
            assert target in files, (path, link)
    links = re.findall(rb'<link rel="(?:alternate|self)" href="([^"]+)"', files["feed.atom"])
    assert links
    assert all(link.decode() in files for link in links)


async def test_nothing_that_is_internal_is_in_a_copy(database: Database, acme: Site) -> None:
    for path, content in (await copied(database, acme.tenant)).items():
        text = content.decode().lower().replace("hidden-text", "").replace("aria-hidden", "")
        if not path.endswith(".css"):
            assert not [word for word in SECRETS if word in text], path


async def test_a_member_takes_it_along_from_settings(database: Database, acme: Site) -> None:
    async with visiting(database, tenant=acme.tenant, role="viewer") as visitor:
        answer: httpx.Response = await visitor.client.get("/ui/settings/status-page.zip")
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert f"{acme.slug}-status/index.html" in archive.namelist()
        await enable(database, acme.tenant, enabled=False)
        assert (await visitor.client.get("/ui/settings/status-page.zip")).status_code == 409


def test_months_that_are_copied_do_not_lead_out_of_the_copy(store_name: str) -> None:
    assert store_name
    found = exporting.months(datetime(2026, 1, 31, tzinfo=UTC))
    assert [found[0].name, found[-1].name, found[-1].before] == ["2026-01", "2025-02", ""]
