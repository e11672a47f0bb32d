"""API keys and tokens on their pages: shown once, replaced, revoked, and only for whoever may."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from collector.core.database import Database
from collector.domain.access import store, tokens
from collector.domain.activity import store as activity
from collector.web.pages.credentials import LONGEST, end_of, living_first
from common.clock import utc_now
from tests.collector.builders import T0
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
KEYS, TOKENS = "/ui/settings/keys", "/ui/settings/tokens"


async def test_a_key_is_shown_once_and_works(database: Database) -> None:
    async with visiting(database) as owner:
        made = await owner.send(KEYS, {"name": "Grafana <1>"})
        assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
        assert "Grafana &lt;1&gt;" in made.text
        [secret] = set(re.findall(r"tv_api_\w+", made.text))
        answer = await owner.client.get("/api/v1/health/connections", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 200
        assert secret not in await owner.page(KEYS)
        entries = await database.read(activity.page, owner.tenant, activity.Filter(), 0, 50)
        assert secret not in repr(entries)


@pytest.mark.parametrize(("grace", "still_good"), [("0", False), ("86400", True)])
async def test_a_replaced_key_ends_after_its_grace(database: Database, grace: str, *, still_good: bool) -> None:
    async with visiting(database) as owner:
        [old] = await database.read(store.keys, owner.tenant)
        assert "Revoke this key" in await owner.page(f"{KEYS}/{old.id}")
        made = await owner.send(f"{KEYS}/{old.id}/regenerate", {"grace": grace})
        assert re.search(r"tv_api_\w+", made.text)
        before, after = await database.read(store.keys, owner.tenant)
        assert (before.revoked_at is None, after.name) == (still_good, old.name)
        assert ("ends" if still_good else "revoked") in await owner.page(KEYS)


async def test_a_grace_that_is_not_offered_is_refused(database: Database) -> None:
    async with visiting(database) as owner:
        [old] = await database.read(store.keys, owner.tenant)
        assert (await owner.send(f"{KEYS}/{old.id}/regenerate", {"grace": "1"})).status_code == 400


async def test_a_revoked_key_stays_listed_and_is_neither_replaced_nor_revoked_again(database: Database) -> None:
    async with visiting(database) as owner:
        [key] = await database.read(store.keys, owner.tenant)
        for _ in range(2):
            assert (await owner.send(f"{KEYS}/{key.id}/revoke")).headers["location"] == KEYS
        assert "revoked" in await owner.page(KEYS)
        assert (await owner.send(f"{KEYS}/{key.id}/regenerate", {"grace": "0"})).status_code == 303
        assert len(await database.read(store.keys, owner.tenant)) == 1


async def test_a_token_is_made_with_scopes_and_an_end(database: Database) -> None:
    async with visiting(database) as owner:
        assert "There is no token yet." in await owner.page(TOKENS)
        until = utc_now().date() + timedelta(days=30)
        form: dict[str, str | list[str]] = {
            "name": "pipeline",
            "scopes": ["read:status", "write:incidents"],
            "until": until.isoformat(),
        }
        made = await owner.send(TOKENS, form)
        [secret] = set(re.findall(r"ops_\w+", made.text))
        assert made.headers["cache-control"] == "no-store"
        [known] = await database.read(tokens.listed, owner.tenant)
        assert known.expires_at == datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1)
        page = await owner.page(TOKENS)
        assert secret not in page
        assert "read:status, write:incidents" in page
        assert (await owner.send(f"{TOKENS}/{known.id}/revoke")).status_code == 303
        assert "revoked" in await owner.page(TOKENS)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "x"}, "expected one or more of read:status"),
        ({"name": "", "scopes": "read:status"}, "missing; expected a value"),
        ({"name": "x", "scopes": "rule:all"}, "expected one or more of read:status"),
        ({"name": "x", "scopes": "read:status", "until": "2001-01-01"}, "expected a day from today on"),
        ({"name": "x", "scopes": "read:status", "until": "soon"}, "Input should be a valid date"),
    ],
)
async def test_a_token_that_cannot_be_is_said_by_field(database: Database, form: dict[str, str], said: str) -> None:
    async with visiting(database) as owner:
        answer = await owner.send(TOKENS, form)
        assert answer.status_code == 422
        assert said in answer.text
        assert await database.read(tokens.listed, owner.tenant) == []


@pytest.mark.parametrize("role", ["admin", "dba", "viewer"])
async def test_nobody_but_owners_sees_or_makes_them(database: Database, role: str) -> None:
    async with visiting(database, role=role) as visitor:  # type: ignore[arg-type]  # a role each
        [key] = await database.read(store.keys, visitor.tenant)
        for url in (KEYS, TOKENS, f"{KEYS}/{key.id}"):
            await visitor.page(url, status=403)
        for url in (KEYS, TOKENS, f"{KEYS}/{key.id}/revoke", f"{KEYS}/{key.id}/regenerate"):
            assert (await visitor.send(url, {"name": "x"})).status_code == 403


async def test_another_tenants_are_not_there(database: Database) -> None:
    async with visiting(database) as owner, visiting(database) as stranger:
        [key] = await database.read(store.keys, owner.tenant)
        await stranger.page(f"{KEYS}/{key.id}", status=404)
        for url in (f"{KEYS}/{key.id}/revoke", f"{KEYS}/{key.id}/regenerate", f"{TOKENS}/tok_1/revoke"):
            assert (await stranger.send(url, {})).status_code == 404


def test_a_token_is_good_to_the_end_of_its_last_day(store_name: str) -> None:
    del store_name
    assert end_of(None, T0) is None
    assert end_of(T0.date(), T0) == datetime(2026, 5, 15, tzinfo=UTC)
    for wrong in (date(2026, 5, 13), (T0 + LONGEST).date() + timedelta(days=1)):
        with pytest.raises(ValueError, match="until"):
            end_of(wrong, T0)


def test_what_is_over_is_listed_last_and_the_newest_first(store_name: str) -> None:
    del store_name
    one = store.ListedKey("a", "a", "p", T0, None, None, None)
    over, ended = one._replace(id="b", revoked_at=T0), one._replace(id="c", expires_at=T0)
    assert [key.id for key in living_first([one, over, ended, one._replace(id="d")], T0)] == ["d", "a", "c", "b"]
