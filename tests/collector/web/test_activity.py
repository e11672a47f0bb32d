"""The activity log as members see it: filtered, searched, taken along, and proven."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from collector.core.database import Database
from collector.domain.activity import chain, store
from collector.domain.activity.store import Entry, Filter, Search
from collector.web import proving
from tests.collector import accounts
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])

PATH = "/ui/activity"
NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)


def entry(n: int) -> Entry:
    kind = "login" if n % 2 else "ticket_opened"
    return Entry(
        kind,
        {"by": f"user{n % 3}@example.com", "note": f"Größe_{n}%", "nested": {"n": n}},
        NOON + timedelta(minutes=n),
        "/x",
    )


async def log_of(db: Database, count: int) -> int:
    tenant = (await accounts.account(db)).tenant
    await db.write(store.append, tenant, [entry(n) for n in range(count)])
    while await db.write(chain.chain, NOON, 500):
        pass
    return tenant


async def test_the_log_is_shown_newest_first_and_in_pages(database: Database) -> None:
    tenant = await log_of(database, 60)
    async with visiting(database, tenant=tenant, role="viewer") as member:
        text = await member.page(PATH)
        assert text.count('data-label="Action"') == 50
        assert text.index("Größe_59%") < text.index("Größe_58%")
        assert "Page 1 of 2" in text
        assert "{&#34;n&#34;:59}" in text
        assert "Größe_0%" in await member.page(f"{PATH}?page=2")


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("action=ticket_opened", 30),
        ("by=user1", 20),
        ("by=ser1", 0),
        ("text=größe_5", 11),
        ("text=_7%25", 1),
        ("text=TICKET", 30),
        ("since=2026-05-14T12:50:00Z&until=2026-05-14", 10),
        ("until=2026-05-14T12:09", 10),
        ("until=2026-05-13", 0),
        ("action=login&by=user1&text=größe", 10),
    ],
)
async def test_filters_narrow_the_page_and_both_exports_alike(database: Database, query: str, number: int) -> None:
    tenant = await log_of(database, 60)
    async with visiting(database, tenant=tenant) as member:
        assert (await member.page(f"{PATH}?{query}")).count('data-label="Action"') == number
        rows = list(csv.DictReader(io.StringIO(await member.page(f"{PATH}/export.csv?{query}"))))
        lines = [json.loads(line) for line in (await member.page(f"{PATH}/export.jsonl?{query}")).splitlines()]
        assert (len(rows), len(lines)) == (number, number)
        assert [row["id"] for row in rows] == [str(line["id"]) for line in lines]


@pytest.mark.parametrize("query", ["action=No%20such", "since=yesterday", "page=0", "before_id=-1", "colour=red"])
async def test_a_filter_that_makes_no_sense_is_refused(database: Database, query: str) -> None:
    async with visiting(database) as member:
        await member.page(f"{PATH}?{query}", status=400)


async def test_a_search_goes_on_where_it_left_off(database: Database) -> None:
    tenant = await log_of(database, 120)
    async with visiting(database, tenant=tenant) as member:
        seen: list[str] = []
        where = f"{PATH}?text=größe"
        while where:
            text = await member.page(where)
            seen += text.split("<dt>Entry</dt><dd>")[1:]
            where = text.partition('id="older" rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        assert len({one.partition("<")[0] for one in seen}) == 120


async def test_a_search_looks_at_a_bounded_number_of_entries(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await log_of(database, 60)
    monkeypatch.setattr(store, "_EDGE", store._EDGE.offset(9))
    found = await database.read(store.search, tenant, Filter(), Search(text="größe_5"), 50)
    assert [row.properties["note"] for row in found.rows] == [f"Größe_{n}%" for n in range(59, 49, -1)]
    assert found.next == (NOON + timedelta(minutes=50), 0)
    older = await database.read(store.search, tenant, Filter(), Search(text="größe_5", before=found.next), 50)
    assert older.rows == []


async def test_another_tenants_log_is_not_shown(database: Database) -> None:
    await log_of(database, 3)
    async with visiting(database) as stranger:
        for url in (PATH, f"{PATH}?text=größe", f"{PATH}/export.csv", f"{PATH}/export.jsonl", f"{PATH}/proof"):
            assert "Größe" not in await stranger.page(url)


async def test_a_chain_that_holds_says_from_where_to_where(database: Database) -> None:
    tenant = await log_of(database, 5)
    async with visiting(database, tenant=tenant) as member:
        text = await member.page(f"{PATH}/proof")
        assert "The log holds" in text
        assert "position 1, " in text
        assert "2026-05-14 12:00 UTC" in text
        assert "nothing yet: the end of the chain is signed every hour" in text


async def test_an_entry_that_was_altered_is_named(database: Database) -> None:
    tenant = await log_of(database, 5)

    def alter(conn: Connection) -> None:
        conn.execute(text("UPDATE activity_entry SET properties = '{}' WHERE position = 3"))

    await database.write(alter)
    async with visiting(database, tenant=tenant) as member:
        said = await member.page(f"{PATH}/proof")
        assert "The log does not hold" in said
        assert "position 3: altered" in said


async def test_a_chain_that_is_too_long_for_a_page_is_left_to_the_command(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await log_of(database, 5)
    monkeypatch.setattr(proving, "WAIT_S", 0.0)
    async with visiting(database, tenant=tenant) as member:
        said = await member.page(f"{PATH}/proof")
        assert "Too long for a page" in said
        assert "fieldpost-collector activity verify --tenant" in said


async def test_proofs_are_limited(database: Database) -> None:
    async with visiting(database) as member:
        for _ in range(6):
            await member.page(f"{PATH}/proof")
        await member.page(f"{PATH}/proof", status=429)
