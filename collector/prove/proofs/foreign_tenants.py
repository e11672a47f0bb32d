"""P11: everything that can be asked, asked about what belongs to another tenant: as if that were not there."""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from fastapi.routing import APIRoute
from sqlalchemy import Connection, Table, select

from collector.core.database import Database
from collector.domain.access.rules import ROLES, Act
from collector.domain.statuspage import changes, subscribers
from collector.domain.statuspage.rules import Terms as PageTerms
from collector.domain.statuspage.rules import Wishes
from collector.domain.tables import metadata
from collector.prove import stores
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs import _belongings
from collector.prove.proofs._belongings import ACCOUNT, Maker
from collector.prove.proofs._desk import Desk, Reply, opened
from collector.prove.proofs._estate import BY, House
from collector.prove.proofs._findings import Findings
from collector.prove.proofs._walk import OWN_SLUG, Asked, Route, Walk, unlike, walk
from collector.prove.proofs._wordings import BODIES, FORMS
from collector.prove.proofs.malformed import DOCUMENTS, operations_of
from collector.web.pages import ROUTERS
from common.clock import utc_now

_ALLOWED = frozenset({401, 403, 404})
_SLUGS = (OWN_SLUG, "globex")
_PEOPLE = 6
_SETTLE_S = 1.5
_TIME = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?")
_REQUEST = re.compile(rb"req_[0-9a-z]+")
_QUIET: Mapping[str, object] = {"sweep_s": 300, "delivery_poll_s": 60}
"""What a collector does by itself may change rows; it is not what is looked at."""


@dataclass(slots=True)
class Walker:
    """Somebody of the first tenant, as whom everything is asked."""

    desk: Desk
    findings: Findings
    counts: Counter[str] = field(default_factory=Counter)
    turn: Iterator[int] = field(default_factory=count)

    async def try_one(self, asked: Asked, name: str, bearer: str, cookie: str) -> None:
        body = BODIES.get(f"{asked.route.method} {asked.route.template}")
        answers = [await self._ask(asked.route, path, body, bearer, cookie) for path in (asked.path, asked.nobodys)]
        theirs, nobodys = answers
        self.counts["calls"] += 2
        self.counts[f"answered_{theirs.status}"] += 1
        where = f"{asked.route.method} {asked.path} as {name}"
        self.findings.expect(theirs.status in _ALLOWED, f"{where}: answered {theirs.status}")
        ids = [one for pair in asked.ids for one in pair]
        same = theirs.status == nobodys.status and _plain(theirs, *ids) == _plain(nobodys, *ids)
        self.findings.expect(same, f"{where}: told apart from what nobody has ({theirs.status}, {nobodys.status})")

    async def _ask(self, route: Route, path: str, body: object, bearer: str, cookie: str) -> Reply:
        if cookie:
            form = FORMS.get(route.template, {}) if route.method == "POST" else None
            return await self.desk.ask(route.method, path, cookie=cookie, form=form)
        return await self.desk.ask(route.method, path, bearer=bearer, json=None if route.method == "GET" else body)


async def run(terms: Terms) -> Verdict:
    findings = Findings()
    async with opened(terms, "sqlite", slugs=_SLUGS, people=_PEOPLE, settings=_QUIET, before=_subscribed) as desk:
        mine, other = desk.houses
        theirs = await _belongings.made(terms, desk, other)
        await _belongings.watched(terms, desk, mine)
        walker = Walker(desk, findings)
        way = walk([one async for one in _routes(desk)], theirs.ids)
        before = await _settled(desk.url, other.id)
        for asked in way.asked:
            for name, bearer, cookie in _credentials(mine, asked.route, next(walker.turn), quick=terms.quick):
                await walker.try_one(asked, name, bearer, cookie)
        await _by_query(walker, mine, theirs)
        after = await _settled(desk.url, other.id)
        await _by_headers(walker, mine, other)
        for table in sorted(before):
            findings.expect(
                before[table] == after[table], f"rows of the other tenant in {table} are not what they were"
            )
    return _verdict(findings, walker, way, theirs, tables=len(before))


def _verdict(findings: Findings, walker: Walker, way: Walk, theirs: Maker, *, tables: int) -> Verdict:
    counts = {
        "routes_with_ids": len({one.route for one in way.asked}),
        "routes_without_ids": way.without_id,
        "without_object": len(way.without_object),
        **walker.counts,
        "tables_compared": tables,
        "faults": len(findings),
    }
    did = (
        "asked as one tenant, with every scope and role, for every operation and page that names a thing, about "
        "things of another tenant and about things that nobody has; and with its filters, ETags and idempotency keys"
    )
    without = f"not tried for want of an object: {', '.join(way.without_object)}" if way.without_object else ""
    missing = f"; could not be made: {', '.join(theirs.missing)}" if theirs.missing else ""
    return findings.verdict(did, counts, limit=without + missing)


async def _routes(desk: Desk) -> AsyncIterator[Route]:
    """All that the documents say, and all pages and forms."""
    for family in DOCUMENTS:
        for one in await operations_of(desk, family):
            yield Route(family, one.method, one.path)
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                for method in sorted(route.methods or ()):
                    yield Route("web", method, route.path)


def _credentials(mine: House, route: Route, turn: int, *, quick: bool) -> Iterator[tuple[str, str, str]]:
    """As whom: name, bearer, cookie. A person's writes are limited, so they take turns."""
    if route.family == "health":
        yield "key", mine.key, ""
    elif route.family == "status":
        yield "token for all", mine.token, ""
        yield from ((f"token for {name}", secret, "") for name, secret in mine.scoped.items())
    elif route.family == "public":
        yield "nobody", "", ""
    else:
        for role in ("owner", "viewer") if quick else ROLES:
            one = mine.people[role][turn % _PEOPLE]
            yield role, *(("", one.cookie) if route.family == "web" else (one.access, ""))


# --- by query and by header ----------------------------------------------------------------------------------------


async def _by_query(walker: Walker, mine: House, theirs: Maker) -> None:
    """A filter by what is another's finds what a filter by nothing finds."""
    owner = mine.people["owner"][0]
    account, connection = ACCOUNT, theirs.ids["connections"]
    for path, bearer, one in (
        ("/api/v1/recommendations?accountId={}", owner.access, account),
        ("/api/v1/recommendations/summary?accountId={}", owner.access, account),
        ("/api/v1/scheduler/schedules?accountId={}", owner.access, account),
        ("/api/v1/scheduler/executions?accountId={}", owner.access, account),
        ("/api/v1/scheduler/overrides?accountId={}", owner.access, account),
        ("/api/v1/admin/findings?connectionId={}", owner.access, connection),
        ("/api/v1/tuneops/tickets?connection_id={}", mine.key, connection),
        ("/api/v1/activity?connection_id={}", mine.key, connection),
    ):
        nobodys = unlike(one)
        answers = [await walker.desk.ask("GET", path.format(value), bearer=bearer) for value in (one, nobodys)]
        same = answers[0].status == answers[1].status and _plain(answers[0], one) == _plain(answers[1], nobodys)
        walker.counts["filters"] += 1
        walker.findings.expect(same, f"GET {path.format(one)}: told apart from {nobodys}")


async def _by_headers(walker: Walker, mine: House, other: House) -> None:
    """A tag of another tenant's answer says nothing about ours, and its idempotency keys are not ours."""
    for path in ("/api/v1/incidents", "/api/v1/services", "/api/v1/maintenance"):
        tag = (await walker.desk.ask("GET", path, bearer=other.token)).headers.get("etag", '""')
        headers = {"If-None-Match": tag}
        answer = await walker.desk.ask("GET", path, bearer=mine.token, headers=headers)
        walker.counts["etags"] += 1
        walker.findings.expect(answer.status == 200, f"GET {path} with another tenant's tag: {answer.status}")  # noqa: PLR2004 - HTTP's
    headers = {"Idempotency-Key": "the same for both"}
    body = {"title": "Same"}
    for house, replayed in ((mine, False), (mine, True), (other, False)):
        answer = await walker.desk.ask("POST", "/api/v1/incidents", bearer=house.token, json=body, headers=headers)
        said = "idempotency-replayed" in answer.headers
        walker.findings.expect(said == replayed, f"idempotency key of {house.slug}: replayed is {said}")
    walker.counts["idempotency_keys"] += 1
    services = {"title": "Foreign", "service_ids": [other.service]}
    refused = await walker.desk.ask("POST", "/api/v1/incidents", bearer=mine.token, json=services)
    walker.findings.expect(refused.status == 400, f"an incident about another tenant's service: {refused.status}")  # noqa: PLR2004 - HTTP's


# --- what is compared ----------------------------------------------------------------------------------------------


def _plain(answer: Reply, *ids: str) -> bytes:
    """The body without what names the thing, and without what is every request's own."""
    content = _TIME.sub(b"TIME", _REQUEST.sub(b"REQUEST", answer.content))
    for one in ids:
        content = re.sub(rb"(?<![0-9A-Za-z])%s(?![0-9A-Za-z])" % re.escape(one.encode()), b"ID", content)
    return content


async def _settled(url: str, tenant_id: int) -> dict[str, str]:
    """A checksum of each table's rows of a tenant, once nothing moves any more."""
    before: dict[str, str] = {}
    while True:
        now = await asyncio.to_thread(stores.look, url, _checksums, tenant_id)
        if now == before:
            return now
        before = now
        await asyncio.sleep(_SETTLE_S)


def _checksums(conn: Connection, tenant_id: int) -> dict[str, str]:
    tables = [one for one in metadata.sorted_tables if "tenant_id" in one.c]
    return {one.name: _checksum(conn, tenant_id, one) for one in tables}


def _checksum(conn: Connection, tenant_id: int, table: Table) -> str:
    rows = conn.execute(select(table).where(table.c.tenant_id == tenant_id)).all()
    return hashlib.sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()


async def _subscribed(url: str, houses: Sequence[House]) -> None:
    """A subscriber of each status page."""
    db = Database.open(url)
    try:
        for house in houses:
            await db.write(_subscribe, house.id)
    finally:
        await db.close()


def _subscribe(conn: Connection, tenant_id: int) -> None:
    now = utc_now()
    changes.put(conn, tenant_id, PageTerms(enabled=True, title="", description=""), Act(BY, now))
    subscribers.ask(conn, tenant_id, "reader@example.com", Wishes((), ("incidents",)), now)
