"""A change for all agents of a tenant: the same documents as if each had been made alone."""

from datetime import timedelta

from sqlalchemy import select

from collector.core.database import Database
from collector.domain.accounts import store as accounts
from collector.domain.assignments import store
from collector.domain.assignments.store import NewJob, Override
from collector.domain.results.decode import Decoded, Known
from collector.domain.results.ingest import ingest
from collector.domain.results.received import Source
from collector.domain.results.tables import connection
from common.clock import utc_now
from tests.collector import builders
from tests.collector.builders import T0
from tests.collector.web.advice import linked

ACCOUNT = "123456789012"
ALL = Override(check="USED", origin="tenant", interval_s=600)
TAG = Override(check="USED", origin="tag", scope="test", enabled=False)


async def test_who_has_something_alone_keeps_it_and_all_get_what_is_for_all(database: Database) -> None:
    tenant = await builders.tenant(database)
    plain, busy, cloud, special = [(await builders.agent(database, tenant)).id for _ in range(4)]
    scope = await _give(database, tenant, busy, cloud, special)
    place = Override(check="FREE", origin="connection", scope=scope, interval_s=900)
    for change in (ALL, TAG, place):
        await database.write(store.put_override, tenant, change, T0)
    documents = {one: await database.read(store.document, tenant, one) for one in (plain, busy, cloud, special)}
    for_all = {("USED", "tenant"), ("USED", "tag")}
    assert {(one.check, one.origin) for one in documents[plain].checks} == for_all
    assert {(one.check, one.origin) for one in documents[special].checks} == {*for_all, ("FREE", "connection")}
    assert [job.kind for job in documents[busy].jobs] == ["check"]
    assert [account.account for account in documents[cloud].accounts] == [ACCOUNT]
    for one, document in documents.items():
        await database.write(store.rebuild, tenant, one, utc_now())
        assert await database.read(store.document, tenant, one) == document, "alone it comes out the same"
    await database.write(store.remove_override, tenant, ALL, T0)
    await database.write(store.remove_override, tenant, TAG, T0)
    assert (await database.read(store.document, tenant, plain)).checks == ()


async def test_an_agent_that_gave_something_up_keeps_its_number(database: Database) -> None:
    tenant = await builders.tenant(database)
    one = (await builders.agent(database, tenant)).id
    await database.write(store.fence, tenant, one, T0)
    await database.write(store.put_override, tenant, ALL, T0)
    assert (await database.read(store.version, tenant, one)).endswith("-1")


async def test_of_another_tenant_nothing_changes(database: Database) -> None:
    tenant, other = await builders.tenant(database), await builders.tenant(database)
    theirs = (await builders.agent(database, other)).id
    before = await database.read(store.version, other, theirs)
    await database.write(store.put_override, tenant, ALL, T0)
    assert await database.read(store.version, other, theirs) == before


async def _give(database: Database, tenant: int, busy: str, cloud: str, special: str) -> str:
    """A job, an account and a connection; the id of the connection."""
    job = NewJob(kind="check", target="db", deadline=utc_now() + timedelta(hours=1))
    await database.write(store.add_job, tenant, busy, job, T0)
    await database.write(accounts.save, tenant, linked(tenant, cloud, account=ACCOUNT))
    said = Decoded((Known(1, T0, builders.inventory("DB")),), (), ())
    await database.write(ingest, Source(tenant, special, "epoch", "live"), said, T0)
    return str(await database.read(lambda conn: conn.execute(select(connection.c.id)).scalar_one()))
