"""Services that are there by themselves: as long as their source is, called as it is, once each."""

from datetime import timedelta

import pytest
from msgspec import structs
from sqlalchemy import delete

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.accounts import changing, linking
from collector.domain.accounts.changing import Change
from collector.domain.accounts.linking import NewLink
from collector.domain.services import making, store
from collector.domain.services.store import Service
from collector.domain.services.tables import service
from common.clock import utc_now
from common.wire import ConnectionInfo, Inventory, Kind
from tests.collector import builders
from tests.collector.builders import T0
from tests.collector.domain.sending import Sender
from tests.collector.estate import info

ROLE = "arn:aws:iam::123456789012:role/fieldpost"
LINK = NewLink(
    account_id="123456789012", name="Prod", role_arn=ROLE, external_id="e" * 16, regions=("eu-west-1",), agent_id=None
)


async def sender(db: Database, tenant_id: int | None = None) -> Sender:
    return Sender(db, await builders.agent(db, tenant_id))


async def list_only(sent: Sender, minutes: int, *infos: ConnectionInfo) -> None:
    at = T0 + timedelta(minutes=minutes)
    await sent.send((Kind.INVENTORY, at, Inventory(tuple(infos))), now=at)


async def listed(db: Database, tenant_id: int) -> list[Service]:
    return await db.read(store.all_services, tenant_id)


async def test_a_listed_connection_is_an_internal_service(database: Database) -> None:
    sent = await sender(database)
    await list_only(sent, 0, structs.replace(info("prod", name="Prod ÄÖ 1"), tags=("pci", "eu")))
    (found,) = await listed(database, sent.here.tenant)
    assert (found.name, found.slug, found.kind, found.visibility) == (
        "Prod ÄÖ 1",
        "prod-ao-1",
        "connection",
        "internal",
    )
    assert (found.tags, found.since, found.source.partition("/")[0]) == (["pci", "eu"], T0, "connection")


async def test_names_and_tags_follow_the_source_and_the_slug_stays(database: Database) -> None:
    sent = await sender(database)
    await list_only(sent, 0, structs.replace(info("prod", name="Prod"), tags=("pci",)))
    (before,) = await listed(database, sent.here.tenant)
    own = before._replace(tags=["pci", "mine"], own_tags=["mine"])
    await database.write(store.save, sent.here.tenant, [own])
    await list_only(sent, 1, structs.replace(info("prod", name="Payments"), tags=("eu",)))
    (after,) = await listed(database, sent.here.tenant)
    assert (after.id, after.slug, after.name, after.tags) == (before.id, "prod", "Payments", ["eu", "mine"])
    assert after.updated_at == T0 + timedelta(minutes=1)
    await database.write(store.save, sent.here.tenant, [after._replace(name="By hand", named=True)])
    await list_only(sent, 2, structs.replace(info("prod", name="Other"), tags=("eu",)))
    (kept,) = await listed(database, sent.here.tenant)
    assert (kept.name, kept.updated_at) == ("By hand", after.updated_at)


async def test_what_is_removed_leaves_the_list_and_comes_back_as_the_same(database: Database) -> None:
    sent = await sender(database)
    await list_only(sent, 0, info("one"), info("two"))
    one, two = await listed(database, sent.here.tenant)
    await list_only(sent, 1, info("two"))
    assert await listed(database, sent.here.tenant) == [two]
    await list_only(sent, 2, info("one"), info("two"))
    back, _ = await listed(database, sent.here.tenant)
    assert (back.id, back.slug, back.since) == (one.id, one.slug, one.since)


async def test_what_only_ran_and_was_never_listed_is_no_service(database: Database) -> None:
    sent = await sender(database)
    await sent.visit(T0, builders.outcome())
    assert await listed(database, sent.here.tenant) == []


async def test_connections_of_one_name_get_slugs_of_their_own_and_only_in_their_tenant(database: Database) -> None:
    first = await sender(database)
    second = await sender(database, first.here.tenant)
    stranger = await sender(database)
    for sent in (first, second, stranger):
        await list_only(sent, 0, info("prod"), info("PROD"), info("prod-2"))
    slugs = sorted(one.slug for one in await listed(database, first.here.tenant))
    assert slugs == ["prod", "prod-2", "prod-2-2", "prod-2-3", "prod-3", "prod-4"]
    assert len(await listed(database, stranger.here.tenant)) == 3


async def test_a_linked_account_is_a_service_until_it_is_unlinked(database: Database) -> None:
    tenant_id, act = await builders.tenant(database), Act("tests", T0)
    await database.write(linking.link, tenant_id, LINK, act)
    (found,) = await listed(database, tenant_id)
    assert (found.kind, found.source, found.name, found.slug) == ("account", "account/123456789012", "Prod", "prod")
    await database.write(changing.change, tenant_id, "123456789012", Change(name="Shop"), act)
    (renamed,) = await listed(database, tenant_id)
    assert (renamed.id, renamed.name, renamed.slug) == (found.id, "Shop", "prod")
    await database.write(linking.unlink, tenant_id, "123456789012", act)
    assert await listed(database, tenant_id) == []
    await database.write(linking.link, tenant_id, LINK, act)
    assert [one.id for one in await listed(database, tenant_id)] == [found.id]


@pytest.mark.parametrize("slice_", [1, 50])
async def test_what_was_there_before_services_were_gets_one_in_slices(database: Database, slice_: int) -> None:
    sent = await sender(database)
    await list_only(sent, 0, info("one"), info("two"), info("three"))
    await list_only(sent, 1, info("one"), info("two"))
    await database.write(linking.link, sent.here.tenant, LINK, Act("tests", T0))
    await database.write(lambda conn: conn.execute(delete(service).where(service.c.tenant_id == sent.here.tenant)))
    look = making.fill()
    counts: list[int] = []
    while not counts or counts[-1]:
        counts.append(await database.write(look, utc_now(), slice_))
    assert sum(counts) == 3
    assert [one.name for one in await listed(database, sent.here.tenant)] == ["Prod", "one", "two"]
    assert await database.write(look, utc_now(), slice_) == 0
