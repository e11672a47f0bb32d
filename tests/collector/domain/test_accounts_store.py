"""Tenants, members and keys in both stores."""

from datetime import UTC, datetime, timedelta

import pytest

from collector.core.database import Database
from collector.core.problems import Refusal
from collector.domain.access import store as access
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import ListedTenant, NewMember, NewTenant
from common import tokens
from common.clock import utc_now

NOW = datetime(2026, 5, 14, 3, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


async def tenant(db: Database, slug: str = "acme") -> ListedTenant:
    return await db.write(tenants.add, NewTenant(slug=slug, name="Acme", plan="business"), NOW)


async def test_a_tenant_is_found_by_its_slug(database: Database) -> None:
    made = await tenant(database)
    assert await database.read(tenants.find, "acme") == made
    assert await database.read(tenants.find, "other") is None
    assert await database.read(tenants.tenants) == [made]


async def test_a_slug_is_given_once(database: Database) -> None:
    await tenant(database)
    with pytest.raises(Refusal, match="'acme'; a tenant of this name exists already"):
        await tenant(database)


async def test_a_plan_is_changed_with_its_limit(database: Database) -> None:
    made = await tenant(database)
    await database.write(tenants.change_plan, made.id, "enterprise", 500)
    changed = await database.read(tenants.get, "acme")
    assert (changed.plan, changed.rate_limit) == ("enterprise", 500)


async def test_a_missing_tenant_is_named(database: Database) -> None:
    with pytest.raises(Refusal, match="'nobody'; there is no such tenant"):
        await database.read(tenants.get, "nobody")


async def test_members_belong_to_one_tenant(database: Database) -> None:
    one, two = await tenant(database), await tenant(database, "beta")
    new = NewMember(name="Ana", email="ana@example.com", role="owner")
    made = await database.write(tenants.add_member, one.id, new, NOW)
    await database.write(tenants.add_member, two.id, new, NOW)
    assert await database.read(tenants.members, one.id) == [made]
    with pytest.raises(Refusal, match="has a member with that address already"):
        await database.write(tenants.add_member, one.id, new, NOW)


async def test_only_the_digest_of_a_key_is_stored(database: Database) -> None:
    made = await tenant(database)
    key = await database.write(access.add_key, made.id, "Grafana", NOW)
    assert tokens.well_formed(tokens.API_KEY, key.secret)
    found = await database.read(access.key_by_digest, tokens.digest(key.secret), utc_now())
    assert found == (made.id, key.id, key.secret[7:15], "business", None, None)
    (listed,) = await database.read(access.keys, made.id)
    assert key.secret not in repr(listed)


async def test_a_revoked_key_is_listed_but_no_longer_found(database: Database) -> None:
    made = await tenant(database)
    key = await database.write(access.add_key, made.id, "Grafana", NOW)
    revoked = await database.write(access.revoke_key, made.id, key.secret[7:15], LATER)
    again = await database.write(access.revoke_key, made.id, key.id, LATER + timedelta(days=1))
    assert revoked.revoked_at == again.revoked_at == LATER
    assert await database.read(access.key_by_digest, tokens.digest(key.secret), utc_now()) is None
    assert [row.revoked_at for row in await database.read(access.keys, made.id)] == [LATER]


async def test_another_tenants_key_cannot_be_revoked(database: Database) -> None:
    one, two = await tenant(database), await tenant(database, "beta")
    key = await database.write(access.add_key, one.id, "Grafana", NOW)
    with pytest.raises(Refusal, match="expected the id or prefix of one key of this tenant"):
        await database.write(access.revoke_key, two.id, key.id, LATER)
    assert await database.read(access.key_by_digest, tokens.digest(key.secret), utc_now()) is not None


async def test_the_last_use_is_kept(database: Database) -> None:
    made = await tenant(database)
    key = await database.write(access.add_key, made.id, "Grafana", NOW)
    await database.write(access.key_used, made.id, key.id, LATER)
    assert [row.last_used_at for row in await database.read(access.keys, made.id)] == [LATER]
