"""The activity log: nothing is lost or changed unseen, and a page is right however it is asked for."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from collector.core.database import Database
from collector.domain.activity import chain, rules, store
from collector.domain.activity.store import Entry, Filter, Listed
from collector.domain.activity.verify import Trouble, Verdict, verify
from common.identity import PrivateKey
from tests.collector.builders import tenant

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)
KEY = PrivateKey.generate()


def entry(minutes: float = 0, action_type: str = "login", **properties: object) -> Entry:
    return Entry(action_type, properties or {"by": "ana@example.com"}, NOON + timedelta(minutes=minutes), "/login")


async def log_of(database: Database, tenant_id: int, entries: Sequence[Entry], *, chained: bool = True) -> None:
    await database.write(store.append, tenant_id, entries)
    while chained:
        chained = await database.write(chain.chain, NOON, 500) > 0


async def sign(database: Database, *, key: PrivateKey = KEY) -> int:
    return len(await database.write(chain.sign, NOON, key.public.text, key.sign))


async def verdict(database: Database, tenant_id: int) -> Verdict:
    return await database.read(verify, tenant_id, frozenset({KEY.public.text}))


async def change(database: Database, sql: str) -> None:
    def run(conn: Connection) -> None:
        conn.execute(text(sql))

    await database.write(run)


# --- lists ---------------------------------------------------------------------------------------------------------


async def test_what_is_appended_is_listed_at_once_newest_first(database: Database) -> None:
    tenant_id = await tenant(database)
    await log_of(database, tenant_id, [entry(1, "login", n=1), entry(0, "ticket_opened", n=2)], chained=False)
    total, rows = await database.read(store.page, tenant_id, Filter(), 0, 50)
    assert total == 2
    assert rows == [
        Listed(rows[0].id, "login", "/login", {"n": 1}, NOON + timedelta(minutes=1)),
        Listed(rows[1].id, "ticket_opened", "/login", {"n": 2}, NOON),
    ]


async def test_a_tenant_sees_its_own_entries_alone(database: Database) -> None:
    mine, other = await tenant(database), await tenant(database)
    await log_of(database, mine, [entry()])
    assert await database.read(store.page, other, Filter(), 0, 50) == (0, [])


async def test_nothing_is_appended_where_nothing_happened(database: Database) -> None:
    tenant_id = await tenant(database)
    await database.write(store.append, tenant_id, [])
    await database.write(chain.record, tenant_id, [])
    assert await database.read(store.page, tenant_id, Filter(), 0, 50) == (0, [])


MINUTES = st.one_of(st.none(), st.integers(min_value=-400, max_value=400).map(lambda number: number / 2))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    since=MINUTES,
    until=MINUTES,
    action_type=st.sampled_from([None, "login", "ticket_opened", "nothing"]),
    offset=st.integers(min_value=0, max_value=160),
    limit=st.integers(min_value=1, max_value=100),
)
@pytest.mark.parametrize("near", [0, 1_000])
async def test_a_page_is_what_sorting_everything_would_give(
    database: Database,
    *,
    near: int,
    since: float | None,
    until: float | None,
    action_type: str | None,
    offset: int,
    limit: int,
) -> None:
    tenant_id = await tenant(database)
    places = random.Random(7)
    entries = [
        entry(places.randrange(-600, 600) / 3, places.choice(["login", "ticket_opened"]), n=n) for n in range(150)
    ]
    await log_of(database, tenant_id, entries[:60])
    await database.write(chain.record, tenant_id, entries[60:110])
    await log_of(database, tenant_id, entries[110:], chained=False)
    wanted = Filter(
        action_type=action_type,
        since=None if since is None else NOON + timedelta(minutes=since),
        until=None if until is None else NOON + timedelta(minutes=until),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_NEAR", near)
        total, rows = await database.read(store.page, tenant_id, wanted, offset, limit)
    matching = [
        (each.occurred_at, n, each)
        for n, each in enumerate(entries)
        if (action_type is None or each.action_type == action_type)
        and (wanted.since is None or each.occurred_at >= wanted.since)
        and (wanted.until is None or each.occurred_at < wanted.until)
    ]
    expected = [each for _, _, each in sorted(matching, key=lambda found: found[:2], reverse=True)]
    assert total == len(expected)
    assert [row.properties for row in rows] == [each.properties for each in expected[offset : offset + limit]]


# --- the chain -----------------------------------------------------------------------------------------------------


async def test_every_entry_gets_one_place_in_the_chain(database: Database) -> None:
    tenant_id = await tenant(database)
    await log_of(database, tenant_id, [entry(n) for n in range(7)], chained=False)
    assert [await database.write(chain.chain, NOON, 3) for _ in range(4)] == [3, 3, 1, 0]
    await database.write(chain.record, tenant_id, [entry(n) for n in range(3)])
    links = await database.read(lambda conn: list(chain.links(conn, tenant_id, 0)))
    assert [link.position for link, _ in links] == list(range(1, 11))
    digest = rules.START
    for link, stored in links:
        digest = rules.follow(digest, link)
        assert stored == digest
    assert await verdict(database, tenant_id) == Verdict(entries=10, first=1, last=10, signed=0, waiting=0)


async def test_tenants_have_a_chain_each(database: Database) -> None:
    one, other = await tenant(database), await tenant(database)
    await log_of(database, one, [entry(), entry()], chained=False)
    await log_of(database, other, [entry()])
    assert (await verdict(database, one)).last == 2
    assert (await verdict(database, other)).last == 1


async def test_what_waits_for_the_chain_is_said(database: Database) -> None:
    tenant_id = await tenant(database)
    await log_of(database, tenant_id, [entry()], chained=False)
    assert await verdict(database, tenant_id) == Verdict(entries=0, first=1, last=0, signed=0, waiting=1)


async def test_a_checkpoint_signs_the_end_of_a_chain_that_has_moved(database: Database) -> None:
    tenant_id = await tenant(database)
    await log_of(database, tenant_id, [entry(), entry()])
    assert [await sign(database), await sign(database)] == [1, 0]
    await log_of(database, tenant_id, [entry()])
    assert await sign(database) == 1
    assert (await verdict(database, tenant_id)).signed == 3


TAMPERING = {
    'UPDATE activity_entry SET properties = \'{"by": "somebody else"}\' WHERE position = 2': "position 2: altered",
    "UPDATE activity_entry SET occurred_at = occurred_at + 1 WHERE position = 3": "position 3: altered",
    "UPDATE activity_entry SET page_path = NULL WHERE position = 3": "position 3: altered",
    "DELETE FROM activity_entry WHERE position = 2": "position 2: missing",
    "DELETE FROM activity_entry WHERE position = 1": "position 1: missing",
    "DELETE FROM activity_entry WHERE position = 4": "position 4: missing",
    "UPDATE activity_chain SET cut_position = 2": "position 2: no checkpoint where the chain was cut",
    "UPDATE activity_checkpoint SET signature = 'x..y'": "position 4: the checkpoint's signature does not fit",
    "UPDATE activity_checkpoint SET public_key = 'unknown'": "position 4: signed by a key that is not trusted here",
}


@pytest.mark.parametrize("tampering", TAMPERING)
async def test_tampering_is_found_where_it_was_done(database: Database, tampering: str) -> None:
    tenant_id = await tenant(database)
    await log_of(database, tenant_id, [entry(n) for n in range(4)])
    await sign(database)
    await change(database, tampering)
    with pytest.raises(Trouble, match=TAMPERING[tampering]):
        await verdict(database, tenant_id)


async def test_a_chain_that_was_shortened_is_found_by_its_checkpoint(database: Database) -> None:
    tenant_id = await tenant(database)
    await log_of(database, tenant_id, [entry(n) for n in range(4)])
    shorter = (await database.read(lambda conn: list(chain.links(conn, tenant_id, 0))))[2][1]
    await sign(database)
    await change(database, "DELETE FROM activity_entry WHERE position = 4")

    def forge(conn: Connection) -> None:
        conn.execute(text("UPDATE activity_chain SET position = 3, hash = :hash"), {"hash": shorter})

    await database.write(forge)
    with pytest.raises(Trouble, match="position 4: signed, but the chain ends before it"):
        await verdict(database, tenant_id)


# --- retention -----------------------------------------------------------------------------------------------------


async def test_retention_cuts_at_a_checkpoint_and_the_rest_still_verifies(database: Database) -> None:
    tenant_id = await tenant(database)
    await log_of(database, tenant_id, [entry(-n) for n in range(120, 110, -1)])
    await sign(database)
    await log_of(database, tenant_id, [entry(-90)])  # old enough, but nothing behind it is signed
    assert await database.write(chain.retire, NOON, 4) == 4
    assert (await verdict(database, tenant_id)).entries == 1
    assert [await database.write(chain.retire, NOON, 4) for _ in range(3)] == [4, 2, 0]
    assert await verdict(database, tenant_id) == Verdict(entries=1, first=11, last=11, signed=10, waiting=0)
    total, rows = await database.read(store.page, tenant_id, Filter(), 0, 50)
    assert (total, len(rows)) == (1, 1)


async def test_retention_keeps_everything_up_to_a_checkpoint_that_covers_a_newer_entry(database: Database) -> None:
    tenant_id = await tenant(database)
    await log_of(database, tenant_id, [entry(-60), entry(60), entry(-59)])
    await sign(database)
    await log_of(database, tenant_id, [entry(-58)])
    await sign(database)
    assert await database.write(chain.retire, NOON, 50) == 0
    assert await database.write(chain.retire, NOON + timedelta(hours=2), 50) == 4


async def test_forgetting_rests_once_it_is_through(database: Database) -> None:
    tenant_id = await tenant(database)
    await log_of(database, tenant_id, [entry(-n) for n in range(5)])
    await sign(database)
    forget = chain.forgetting(timedelta(days=1))
    later = NOON + timedelta(days=2)
    assert [await database.write(forget, later, 3) for _ in range(3)] == [3, 2, 0]
    await log_of(database, tenant_id, [entry(1)])
    await sign(database)
    assert await database.write(forget, later + timedelta(minutes=59), 3) == 0
    assert await database.write(forget, later + timedelta(hours=1), 3) == 1
