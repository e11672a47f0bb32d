"""A role that anybody's agent could assume: seen by a real verification, and said wherever people look."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from agent.aws.child import verify_account
from agent.aws.messages import Target, VerifyRequest
from agent.cli import build
from collector import migrations
from collector.core.database import Database
from collector.domain.accounts import store as accounts
from collector.domain.activity import store as activity
from common.wire import Kind
from tests.collector.accounts import client_of, serving
from tests.collector.api.tuner.aws import API, T0, estate
from tests.collector.quiet import quiet  # noqa: F401 - a fixture
from tests.standins.aws.launch import Aws

pytestmark = pytest.mark.slow
OPEN = (
    "the role can be assumed without an external id: its trust policy lacks the condition on sts:ExternalId",
    "the role can be assumed with a wrong external id: its trust policy lacks the condition on sts:ExternalId",
)


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path / 'collector.sqlite'}")
    await opened.write(migrations.upgrade)
    yield opened
    await opened.close()


async def test_the_collector_shows_it_and_keeps_it_in_the_activity_log(as_agent: Aws, database: Database) -> None:
    said = as_agent.accounts[0]
    target = Target(said["account_id"], said["trusting_role_arn"], said["external_id"])
    found = (await verify_account(VerifyRequest(target, ("us-east-1",)))).verification
    assert found.warnings[:2] == OPEN
    async with serving(database) as edge, client_of(edge) as client:
        here = await estate(client, database)
        linked = accounts.Linked(
            tenant_id=here.tenant,
            account_id=said["account_id"],
            name="Trusting",
            role_arn=target.role_arn,
            external_id=target.external_id,
            regions=["us-east-1"],
            linked_at=T0,
            agent_id=here.agent.agent.id,
        )
        await database.write(accounts.save, here.tenant, linked)
        await here.agent.send((Kind.AWS_VERIFICATION, found), (Kind.AWS_VERIFICATION, found))
        answer = await client.get(f"{API}/accounts", headers=here.headers)
        rows = {row["accountId"]: row for row in answer.json()["data"]["accounts"]}
        one = await client.get(f"{API}/accounts/{said['account_id']}", headers=here.headers)
    assert rows[said["account_id"]]["status"] == "ACTIVE"
    assert tuple(rows[said["account_id"]]["warnings"][:2]) == OPEN
    assert tuple(one.json()["data"]["verification"]["warnings"][:2]) == OPEN
    _, entries = await database.read(activity.page, here.tenant, activity.Filter(), 0, 50)
    (entry,) = [row.properties for row in entries if row.action_type == "aws_account_verified"]
    assert entry["warnings"] == list(found.warnings)
    assert target.external_id not in json.dumps(entry)


def test_the_command_line_warns_of_it(as_agent: Aws, tmp_path: Path) -> None:
    said = as_agent.accounts[0]
    who = ["--account", said["account_id"], "--role-arn", said["trusting_role_arn"]]
    who += ["--external-id", said["external_id"], "--regions", "us-east-1", "--factors", "EBS_GP2_TO_GP3"]
    environment = {"FIELDPOST_STATE_DIR": str(tmp_path), "FIELDPOST_CONFIG_DIR": str(tmp_path)}
    done = CliRunner().invoke(build(["aws"]), ["aws", "verify", *who], env=environment)
    assert done.exit_code == 0, done.output
    for line in OPEN:
        assert f"warning: {line}" in done.output.splitlines()
    told = CliRunner().invoke(build(["aws"]), ["aws", "verify", *who, "--json"], env=environment)
    assert tuple(json.loads(told.stdout)["verification"]["warnings"][:2]) == OPEN
