"""Figures of tenants: all of them, those of which there is none too, and nothing of another tenant."""

from dataclasses import replace

from collector.core.database import Database
from collector.domain.accounts import store as accounts
from collector.domain.figures import store
from collector.domain.figures.rules import FAMILIES
from collector.domain.tenants import store as tenants
from tests.collector import builders
from tests.collector.api.tuner.aws import finding
from tests.collector.web import advice


async def figures(db: Database, tenant: int) -> dict[tuple[str, str], float]:
    slug = await db.read(tenants.slug_of, tenant)
    return {(one.family, one.of): one.value for one in await db.read(store.figures) if one.tenant == slug}


async def test_a_tenant_with_nothing_has_every_figure_at_nought(database: Database) -> None:
    tenant = await builders.tenant(database)
    found = await figures(database, tenant)
    assert {family for family, _ in found} == {one.name for one in FAMILIES}
    assert set(found.values()) == {0}


async def test_what_a_tenant_has_is_counted_apart_from_others(database: Database) -> None:
    mine, other = await builders.tenant(database), await builders.tenant(database)
    await advice.account(database, mine, finding(), finding("vol-1", None), finding("vol-2", 4.64))
    failed = replace(advice.linked(mine, None, advice.OTHER), status="FAILED")
    await database.write(accounts.save, mine, failed)
    found = await figures(database, mine)
    assert found["recommendations_open", ""] == 3
    assert found["recommendations_unpriced", ""] == 1
    assert found["recommendations_savings_usd", ""] == 20.0
    assert (found["aws_accounts", "active"], found["aws_accounts", "failed"]) == (1, 1)
    assert found["agents", "reporting"] == 1
    assert set((await figures(database, other)).values()) == {0}
