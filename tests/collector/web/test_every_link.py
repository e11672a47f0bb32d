"""Whatever a page links to is there: a walk through all pages of a tenant that has some of everything."""

from collections import Counter
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.incidents import changes, opening
from collector.domain.incidents.rules import Wanted
from common.clock import utc_now
from tests.collector import accounts
from tests.collector.services.making import add_service, add_work
from tests.collector.web import advice, databases, scheduling
from tests.collector.web.visiting import Visiting, visiting

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("store_name", ["sqlite"])]
VARIANTS = 4
NEEDS_TLS = "/agent/v1/ca"
"""So many queries of one path are followed."""
OF_A_KIND = 3
"""So many things of one kind are looked at: paths that differ in an id alone."""
MOST = 400
SECTIONS = frozenset(
    f"/ui/{name}"
    for name in (
        *("fleet", "tickets", "alerts", "recommendations", "schedules", "accounts", "services", "incidents"),
        *("maintenance", "agents", "report", "activity", "settings", "docs", "manual", "account"),
    )
)


class Links(HTMLParser):
    """Where a page leads, and where its regions renew themselves from."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name == "hx-get" or (name in {"href", "src"} and tag in {"a", "link", "script", "img"})):
                self.found.append(urljoin(self.base, value).partition("#")[0])


async def some_of_everything(db: Database) -> int:
    tenant, now = (await accounts.account(db)).tenant, utc_now()
    estate = await databases.estate(db, tenant)
    await databases.remember(db, tenant, estate.bad, days=8)
    await advice.account(db, tenant, *advice.mixed(), number="210987654321", name="Data")
    await scheduling.link(db, tenant)
    kept = await scheduling.schedule(db, tenant)
    await scheduling.looked(db, tenant, kept, scheduling.instances(3))
    services = [await add_service(db, tenant, now - timedelta(days=9), name=name) for name in ("Shop", "Pay slips")]
    await add_work(db, tenant, services, (now, now + timedelta(hours=1)), title="Patch", actual_end=None)
    act = Act("ana@example.com", now)
    wanted = Wanted(title="Card payments fail", services=dict.fromkeys(services), started_at=now, severity="degraded")
    await db.write(changes.create, tenant, wanted, act)
    await db.write(opening.add, tenant, "prod", "public", act)
    return tenant


async def test_no_link_of_any_page_leads_nowhere(database: Database) -> None:
    tenant = await some_of_everything(database)
    async with visiting(database, tenant=tenant) as visitor:
        broken, seen = await _walk(visitor)
    assert not broken, "\n".join(broken)
    assert {path for path in SECTIONS if path not in seen} == set()
    assert len(seen) > len(SECTIONS) * 2


async def _walk(visitor: Visiting) -> tuple[list[str], set[str]]:
    ahead, known, broken = ["/ui/fleet"], {"/ui/fleet"}, []
    seen: set[str] = set()
    kinds: Counter[str] = Counter()
    while ahead and len(seen) < MOST:
        url = ahead.pop(0)
        answer = await visitor.client.get(url, follow_redirects=True)
        seen.add(urlsplit(url).path)
        if answer.status_code != 200 and url != NEEDS_TLS:  # the application alone has no certificate
            broken.append(f"{url}: {answer.status_code}, from a link of {_origins.get(url, 'the start')}")
            continue
        if "html" not in answer.headers["content-type"]:
            continue
        page = Links(str(answer.url))
        page.feed(answer.text)
        for target in dict.fromkeys(page.found):
            parts = urlsplit(target)
            if parts.netloc != answer.url.netloc.decode():
                broken.append(f"{url} leads out: {target}")
                continue
            wanted = parts.path + (f"?{parts.query}" if parts.query else "")
            kind = _kind(parts.path)
            if wanted in known or kinds[parts.path] >= VARIANTS or kinds[kind] >= OF_A_KIND * VARIANTS:
                continue
            known.add(wanted)
            kinds.update({parts.path, kind})
            _origins[wanted] = url
            ahead.append(wanted)
    return broken, seen


def _kind(path: str) -> str:
    return "/".join("*" if any(character.isdigit() for character in part) else part for part in path.split("/"))


_origins: dict[str, str] = {}
