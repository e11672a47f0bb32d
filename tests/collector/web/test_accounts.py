"""AWS accounts as members see them: linking, changing, moving, verifying, scanning and letting go."""

import pytest

from collector.core.database import Database
from collector.domain.accounts import intake, store
from collector.domain.assignments import store as assignments
from common.clock import utc_now
from common.wire_aws import Verification
from tests.collector import accounts, builders
from tests.collector.api.tuner.aws import ACCOUNT
from tests.collector.web import advice
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])

PATH = "/ui/accounts"
ONE = f"{PATH}/{ACCOUNT}"
NEW = {
    "account_id": advice.OTHER,
    "name": "Development",
    "role_arn": f"arn:aws:iam::{advice.OTHER}:role/fieldpost",
    "external_id": "4f2f9c0d1e",
    "regions": "eu-west-1,us-east-1 eu-west-1",
    "scan_hours": "12",
}


async def seen(db: Database, agent: str) -> None:
    """The agent has just been heard of."""
    await db.write(_seen, agent)


def _seen(conn: object, agent: str) -> None:
    from sqlalchemy import Connection, text  # noqa: PLC0415 - this test alone reaches past the domain

    assert isinstance(conn, Connection)
    conn.execute(text("UPDATE agent SET last_seen_at = :now WHERE id = :agent"), {"now": _micros(), "agent": agent})


def _micros() -> int:
    return int(utc_now().timestamp() * 1_000_000)


async def linked_here(db: Database) -> tuple[int, str]:
    tenant = (await accounts.account(db)).tenant
    return tenant, await advice.account(db, tenant, *advice.mixed())


async def test_the_list_shows_state_last_scan_and_what_could_be_saved(database: Database) -> None:
    tenant, _ = await linked_here(database)
    failed = advice.linked(tenant, None, advice.OTHER, "Development", status="FAILED", reason="the role trusts nobody")
    await database.write(store.save, tenant, failed)
    async with visiting(database, tenant=tenant, role="viewer") as member:
        text = await member.page(PATH)
        assert "632.04 USD" in text
        assert "the role trusts nobody" in text
        assert "none yet" in text
        assert "Link an account" not in text
        assert (await member.page(f"{PATH}?part=rows")).count("<tr>") == 3


async def test_an_empty_list_leads_to_the_form(database: Database) -> None:
    async with visiting(database, role="admin") as member:
        text = await member.page(PATH)
        assert "No AWS account is linked yet" in text
        assert f'href="{PATH}/link"' in text


async def test_an_account_is_linked_with_an_external_id_of_its_own(database: Database) -> None:
    tenant = (await accounts.account(database)).tenant
    agent = (await builders.agent(database, tenant)).id
    async with visiting(database, tenant=tenant, role="admin") as member:
        first, second = await member.page(f"{PATH}/link"), await member.page(f"{PATH}/link")
        assert first != second
        assert "fieldpost-agent aws trust" in first
        answer = await member.send(f"{PATH}/link", {**NEW, "agent_id": agent})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}/{advice.OTHER}")
        made = await database.read(store.find, tenant, advice.OTHER)
        assert made is not None
        assert (made.regions, made.scan_hours, made.agent_id) == (["eu-west-1", "us-east-1"], 12, agent)
        text = await member.page(f"{PATH}/{advice.OTHER}")
        assert "The agent is asked to verify the account" in text
        assert "4f2f9c0d1e" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account_id": "12"}, "12-digit string"),
        ({"role_arn": "arn:aws:iam::123456789012:role/x"}, "expected a role of the account"),
        ({"role_arn": "role"}, "the ARN of a role"),
        ({"regions": "eu-west-1 mars"}, "an AWS region"),
        ({"regions": " , "}, "expected 1 to 40"),
        ({"external_id": "with blank"}, "2 to 1224 letters"),
        ({"scan_hours": "0"}, "greater than or equal to 1"),
        ({"agent_id": "agt_nobody"}, "not there or not active"),
        ({"name": ""}, "missing"),
    ],
)
async def test_a_form_that_cannot_be_used_keeps_what_was_typed(
    database: Database, changes: dict[str, str], said: str
) -> None:
    async with visiting(database, role="admin") as member:
        answer = await member.send(f"{PATH}/link", {**NEW, **changes})
        assert answer.status_code == 422
        assert said in answer.text
        assert changes.get("external_id", "4f2f9c0d1e") in answer.text


async def test_an_account_is_linked_once(database: Database) -> None:
    tenant, _ = await linked_here(database)
    again = {**NEW, "account_id": ACCOUNT, "role_arn": f"arn:aws:iam::{ACCOUNT}:role/fieldpost"}
    async with visiting(database, tenant=tenant) as member:
        answer = await member.send(f"{PATH}/link", again)
        assert answer.status_code == 422
        assert "is linked already" in answer.text


async def test_what_the_agent_could_prove_is_shown_right_by_right(database: Database) -> None:
    tenant, agent = await linked_here(database)
    said = Verification(
        account=ACCOUNT,
        at=utc_now(),
        verified=True,
        permissions={"ec2:DescribeInstances": True, "rds:DescribeDBInstances": False},
        missing=("rds:DescribeDBInstances",),
        warnings=("the role trusts anybody",),
    )
    await database.write(intake.apply, tenant, agent, [said])
    async with visiting(database, tenant=tenant, role="viewer") as member:
        text = await member.page(ONE)
        assert "1 of 2" in text
        assert "the role trusts anybody" in text
        assert text.index("rds:DescribeDBInstances</code>") < text.index("ec2:DescribeInstances</code>")
        assert "&#34;Action&#34;: [" in text
        assert "uuid-12345-abcde" not in text


async def test_an_agent_in_reach_is_asked_and_one_that_is_not_is_told_of(database: Database) -> None:
    tenant, agent = await linked_here(database)
    async with visiting(database, tenant=tenant) as member:
        answer = await member.send(f"{ONE}/verify")
        assert answer.status_code == 422
        assert "No agent is in reach" in answer.text
        await seen(database, agent)
        assert (await member.send(f"{ONE}/verify")).status_code == 303
        assert "The agent is asked to verify" in await member.page(f"{ONE}?part=state")


async def test_a_scan_is_asked_for_and_watched(database: Database) -> None:
    tenant, agent = await linked_here(database)
    async with visiting(database, tenant=tenant, role="dba") as member:
        where = (await member.send(f"{ONE}/scan")).headers["location"]
        job = where.partition("job=")[2]
        assert "The scan waits for the agent: 0 of 1 region" in await member.page(f"{where}&part=state")
        await database.write(assignments.advance, tenant, agent, job)
        assert "The scan" in await member.page(where)
        assert (await member.send(f"{ONE}/verify")).status_code == 403
        assert (await member.page(ONE)).count("Verify now") == 0


async def test_an_account_is_changed_moved_and_unlinked(database: Database) -> None:
    tenant, before = await linked_here(database)
    other = (await builders.agent(database, tenant)).id
    async with visiting(database, tenant=tenant) as member:
        assert "uuid-12345-abcde" in await member.page(f"{ONE}/edit")
        given = {
            "name": "Live",
            "role_arn": f"arn:aws:iam::{ACCOUNT}:role/new",
            "external_id": "abc",
            "regions": "eu-west-1",
        }
        assert (await member.send(f"{ONE}/edit", {**given, "regions": "x"})).status_code == 422
        assert (await member.send(f"{ONE}/edit", given)).headers["location"] == ONE
        assert (await member.send(f"{ONE}/move", {"agent_id": "agt_x"})).status_code == 422
        await member.send(f"{ONE}/move", {"agent_id": other})
        text = await member.page(ONE)
        assert "as soon as its agent so far has let go" in text
        assert "It moves from" in text
        await member.send(f"{ONE}/move", {"agent_id": other, "force": "yes"})
        moved = await database.read(store.find, tenant, ACCOUNT)
        assert moved is not None
        assert (moved.name, moved.agent_id, moved.agent_id == before) == ("Live", other, False)
        assert (await member.send(f"{ONE}/unlink")).headers["location"] == PATH
        assert "is unlinked" in await member.page(PATH)
        await member.page(ONE, status=404)


@pytest.mark.parametrize(
    "path", ["/link", f"/{ACCOUNT}/edit", f"/{ACCOUNT}/move", f"/{ACCOUNT}/verify", f"/{ACCOUNT}/unlink"]
)
async def test_who_may_not_link_changes_nothing(database: Database, path: str) -> None:
    tenant, _ = await linked_here(database)
    async with visiting(database, tenant=tenant, role="dba") as member:
        assert (await member.send(PATH + path)).status_code == 403
    async with visiting(database) as stranger:
        if path != "/link":
            assert (await stranger.send(PATH + path, {**NEW, "agent_id": "x"})).status_code in {404, 422}
            await stranger.page(ONE, status=404)
    assert await database.read(store.find, tenant, ACCOUNT) is not None
