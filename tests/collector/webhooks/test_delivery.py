"""Events reach a receiver over a real socket: signed, in order, at least once, whatever another receiver does."""

import asyncio
import shutil
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import select, update
from standardwebhooks import Webhook

from collector.core.database import Database
from collector.delivery.dispatcher import Dispatcher
from collector.domain.access.rules import Act
from collector.domain.activity.tables import activity_entry
from collector.domain.webhooks import changes, lanes, outbox, rules, store
from collector.domain.webhooks.outbox import Event
from collector.domain.webhooks.rules import sealed_for
from collector.domain.webhooks.tables import endpoint
from common.clock import utc_now
from tests.collector import builders
from tests.collector.webhooks.receiving import (
    Hook,
    Receiver,
    dispatching,
    drain,
    found,
    hook,
    receiver,
    vault_in,
)


def opened(number: int) -> Event:
    return Event("tuneops.ticket_created", {"id": number}, utc_now())


def act() -> Act:
    return Act("ana@example.com", utc_now())


async def tell(db: Database, tenant_id: int, *numbers: int) -> None:
    await db.write(outbox.emit, tenant_id, [opened(number) for number in numbers])


async def log_of(db: Database, made: Hook) -> list[store.Logged]:
    return await db.read(store.deliveries, made.tenant, made.id)


async def forward(db: Database) -> None:
    """Let the time of the next attempt have come."""
    await db.write(lambda conn: conn.execute(update(endpoint).values(due_at=utc_now(), ready_since=utc_now())))


def numbers(there: Receiver, secret: str) -> list[object]:
    return [body["data"]["id"] for body in there.opened(secret)]  # type: ignore[index]  # our own bodies


async def test_a_receiver_with_the_reference_library_gets_every_event_in_order(
    database: Database, tmp_path: Path
) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        made = await hook(database, tenant_id, there.url, vault)
        await tell(database, tenant_id, *range(100))
        await drain(dispatcher)
        assert numbers(there, made.secret) == list(range(100))
        assert len(set(there.ids)) == 100
        assert there.got[0][0]["content-type"] == "application/json"
        entries = await log_of(database, made)
        assert {entry.state for entry in entries} == {"delivered"}
        assert entries[0].attempts[0]["status"] == 204
        assert (await found(database, made)).pending == 0


async def test_a_failed_delivery_is_tried_again_with_the_same_id_and_what_follows_waits(
    database: Database, tmp_path: Path
) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        made = await hook(database, tenant_id, there.url, vault)
        there.answer = lambda _: web.Response(status=500, text="down for a while: whsec_x")
        await tell(database, tenant_id, 1, 2)
        await drain(dispatcher)
        await drain(dispatcher)
        assert len(there.got) == 1
        await forward(database)
        there.answer = lambda _: web.Response(status=200)
        await drain(dispatcher)
        assert numbers(there, made.secret) == [1, 1, 2]
        assert there.ids[0] == there.ids[1] != there.ids[2]
        tried = (await log_of(database, made))[1].attempts
        assert [(attempt["status"], attempt["error"]) for attempt in tried] == [(500, "HTTP 500: refused"), (200, "")]


async def test_a_dead_receiver_delays_nobody_else(database: Database, tmp_path: Path) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as dead, receiver() as well, dispatching(database, vault, dead.port, well.port) as dispatcher:
        dead.hangs = asyncio.Event()
        await hook(database, tenant_id, dead.url, vault)
        made = await hook(database, tenant_id, well.url, vault)
        await tell(database, tenant_id, *range(10))
        await dispatcher.turn()
        while len(well.got) < 10 or not dead.got:  # noqa: ASYNC110 - the receivers have no event for it
            await asyncio.sleep(0.01)
        assert len(dead.got) == 1
        dead.hangs.set()
        await dispatcher.settle()
        assert (await found(database, made)).pending == 0


async def test_what_was_sent_but_not_recorded_is_sent_again_by_another_process(
    database: Database, tmp_path: Path
) -> None:
    """As after kill -9: the lease runs out and somebody else takes the lane."""
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        made = await hook(database, tenant_id, there.url, vault)
        await tell(database, tenant_id, 1)
        long_ago = utc_now() - 2 * lanes.LEASE
        killed = await database.write(lanes.claim, "killed", long_ago + lanes.LEASE * 1.5, 1, 1)
        assert killed == []
        await database.write(lambda conn: conn.execute(update(endpoint).values(due_at=long_ago)))
        killed = await database.write(lanes.claim, "killed", long_ago, 1, 1)
        assert [lane.endpoint_id for lane in killed] == [made.id]
        await drain(dispatcher)
        assert numbers(there, made.secret) == [1]
        assert await database.read(lanes.load, killed[0], "killed", utc_now(), 1) is None


async def test_replicas_share_the_work_and_nothing_comes_twice_or_out_of_order(
    database: Database, database_url: str, store_name: str, tmp_path: Path
) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    other = Database.open(database_url) if store_name == "postgres" else database
    async with (
        receiver() as there,
        dispatching(database, vault, there.port) as one,
        dispatching(other, vault, there.port) as two,
    ):
        hooks = [await hook(database, tenant_id, f"{there.url}?{number}", vault) for number in range(6)]
        for number in range(20):
            await asyncio.gather(tell(database, tenant_id, number), one.turn(), two.turn())
        await asyncio.gather(one.settle(), two.settle())
        await asyncio.gather(drain(one), drain(two))
        pending = [(await found(database, made)).pending for made in hooks]
        assert pending == [0] * 6
        assert len(there.got) == 120
        for made in hooks:
            entries = await log_of(database, made)
            assert [len(entry.attempts) for entry in entries] == [1] * 20
            sent = [entry.attempts[0]["at"] for entry in reversed(entries)]
            assert sent == sorted(sent)
            assert {entry.event_id for entry in entries} == set(there.ids)
    if other is not database:
        await other.close()


@pytest.mark.parametrize("asked", ["7200", "date", "soon", "9" * 400], ids=["seconds", "date", "words", "nonsense"])
async def test_a_receiver_may_say_when_it_wants_to_be_asked_again(
    database: Database, tmp_path: Path, asked: str
) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        made = await hook(database, tenant_id, there.url, vault)
        said = format_datetime(utc_now() + timedelta(hours=2), usegmt=True) if asked == "date" else asked
        there.answer = lambda _: web.Response(status=429, headers={"Retry-After": said})
        await tell(database, tenant_id, 1)
        before = utc_now()
        await drain(dispatcher)
        waits = (await found(database, made)).due_at - before
        heard = timedelta(hours=1) < waits < timedelta(hours=3)
        assert heard or (asked in {"soon", "9" * 400} and waits < timedelta(minutes=1))


async def test_an_attempt_that_outlasts_its_lease_is_not_begun_anew_beside_itself(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "LEASE", timedelta(0))
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        there.hangs = asyncio.Event()
        made = await hook(database, tenant_id, there.url, vault)
        await tell(database, tenant_id, 1, 2)
        await dispatcher.turn()
        while not there.got:  # noqa: ASYNC110 - the receiver has no event for it
            await asyncio.sleep(0.01)
        await dispatcher.turn()
        there.hangs.set()
        await dispatcher.settle()
        assert numbers(there, made.secret) == [1, 2]


async def test_two_processes_never_serve_one_lane_at_once(database: Database, tmp_path: Path) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        made = await hook(database, tenant_id, there.url, vault)
        other = Dispatcher(database, dispatcher._senders, every=0.01)
        await tell(database, tenant_id, *range(50))
        await asyncio.gather(drain(dispatcher), drain(other))
        assert numbers(there, made.secret) == list(range(50))


async def test_a_body_that_is_refused_for_good_makes_way_after_a_few_tries(database: Database, tmp_path: Path) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        made = await hook(database, tenant_id, there.url, vault)
        await tell(database, tenant_id, 1)
        there.answer = lambda _: web.Response(status=422)
        for _ in range(4):
            await forward(database)
            await drain(dispatcher)
        assert [entry.state for entry in await log_of(database, made)] == ["dead"]
        there.answer = lambda _: web.Response(status=200)
        await tell(database, tenant_id, 2)
        await drain(dispatcher)
        assert numbers(there, made.secret) == [1, 1, 1, 1, 2]
        assert await database.write(lambda conn: changes.replay(conn, tenant_id, _get(conn, made), act())) == 1
        await drain(dispatcher)
        assert numbers(there, made.secret)[-1] == 1
        assert {entry.state for entry in await log_of(database, made)} == {"delivered"}


def _get(conn: object, made: Hook) -> store.Listed:
    return changes.get(conn, made.tenant, made.id)  # type: ignore[arg-type]  # the gateway hands over its connection


async def test_an_endpoint_that_is_gone_or_fails_for_days_is_disabled_and_that_is_on_record(
    database: Database, tmp_path: Path
) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        gone = await hook(database, tenant_id, there.url, vault)
        there.answer = lambda _: web.Response(status=410)
        await tell(database, tenant_id, 1)
        await drain(dispatcher)
        assert (await found(database, gone)).state == "disabled"
        failing = await hook(database, tenant_id, there.url, vault)
        there.answer = lambda _: web.Response(status=503, headers={"Retry-After": "60"})
        await tell(database, tenant_id, 2)
        await drain(dispatcher)
        assert (await found(database, failing)).state == "enabled"
        since = utc_now() - timedelta(days=5)
        await database.write(lambda conn: conn.execute(update(endpoint).values(failing_since=since)))
        await forward(database)
        await drain(dispatcher)
        state = await found(database, failing)
        assert (state.state, state.pending) == ("disabled", 1)
        query = select(activity_entry.c.properties).where(activity_entry.c.action_type == "webhook_disabled")
        whys = [row["why"] for row in await database.read(lambda conn: conn.execute(query).scalars().all())]
        assert whys == ["it answered 410 Gone", "it failed for 5 days"]
        there.answer = lambda _: web.Response(status=200)
        await database.write(lambda conn: changes.resume(conn, tenant_id, _get(conn, failing), act()))
        await drain(dispatcher)
        assert (await found(database, failing)).pending == 0


async def test_a_paused_endpoint_gets_later_what_happened_meanwhile(database: Database, tmp_path: Path) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        made = await hook(database, tenant_id, there.url, vault)
        await database.write(lambda conn: changes.pause(conn, tenant_id, _get(conn, made), act()))
        await tell(database, tenant_id, 1, 2)
        await drain(dispatcher)
        assert there.got == []
        await database.write(lambda conn: changes.resume(conn, tenant_id, _get(conn, made), act()))
        await drain(dispatcher)
        assert numbers(there, made.secret) == [1, 2]


async def test_after_a_rotation_old_and_new_secret_are_valid_for_a_while(database: Database, tmp_path: Path) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        made = await hook(database, tenant_id, there.url, vault)
        fresh = rules.new_secret()
        sealed = vault.seal(fresh.encode(), about=sealed_for(made.id))
        await database.write(lambda conn: changes.rotate(conn, tenant_id, _get(conn, made), sealed, act()))
        await tell(database, tenant_id, 1)
        await drain(dispatcher)
        assert numbers(there, made.secret) == numbers(there, fresh) == [1]
        over = act().at - timedelta(seconds=1)
        await database.write(lambda conn: conn.execute(update(endpoint).values(old_secret_until=over)))
        await tell(database, tenant_id, 2)
        await drain(dispatcher)
        headers, body = there.got[-1]
        assert len(headers["webhook-signature"].split()) == 1
        assert Webhook(fresh).verify(body, headers)


async def test_a_test_delivery_shows_in_the_log(database: Database, tmp_path: Path) -> None:
    tenant_id, vault = await builders.tenant(database), vault_in(tmp_path)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        made = await hook(database, tenant_id, there.url, vault, events=())
        seq = await database.write(lambda conn: changes.test(conn, tenant_id, _get(conn, made), act()))
        await drain(dispatcher)
        [body] = there.opened(made.secret)
        assert (body["event"], body["api_version"]) == ("webhook.test", "v1")
        logged = await database.read(store.find_delivery, tenant_id, made.id, seq)
        assert logged is not None
        assert logged.state == "delivered"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda _: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "HTTP 302: a redirect"),
        (lambda _: web.Response(status=200, body=b"x" * 1_000_000), ""),
        (lambda request: request.transport.abort() or web.Response(), "the connection was closed without an answer"),
    ],
)
async def test_odd_answers_are_taken_for_what_they_are(
    sqlite_template: Path, tmp_path: Path, answer: object, error: str
) -> None:
    database, vault = Database.open(f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"), vault_in(tmp_path)
    tenant_id = await builders.tenant(database)
    async with receiver() as there, dispatching(database, vault, there.port) as dispatcher:
        there.answer = answer  # type: ignore[assignment]  # a function of the table above
        made = await hook(database, tenant_id, there.url, vault)
        await tell(database, tenant_id, 1)
        await drain(dispatcher)
        assert (await log_of(database, made))[0].attempts[-1]["error"].startswith(error)
    await database.close()
