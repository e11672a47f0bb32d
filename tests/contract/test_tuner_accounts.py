"""Linked accounts have the shape that the tuner document shows."""

from collector.core.database import Database
from collector.edge import Edge
from tests.collector.accounts import client_of
from tests.collector.api.tuner.aws import API, estate, finding
from tests.contract.test_tuner_recommendations import enveloped
from tests.contract.tuner_documented import ACCOUNTS, LINKED, NEW_ACCOUNT, UNLINKED, deviations


async def test_accounts_are_answered_as_documented(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        await here.scan(finding())
        listed = enveloped(await client.get(f"{API}/accounts", headers=here.headers))
        assert deviations(ACCOUNTS, listed, extensions={"agentId", "scanHours"}) == []
        made = await client.post(f"{API}/accounts", json=NEW_ACCOUNT, headers=here.headers)
        assert made.status_code == 201
        assert deviations(LINKED, enveloped(made), extensions={"reason"}) == []
        gone = enveloped(await client.delete(f"{API}/accounts/987654321098", headers=here.headers))
    assert gone == UNLINKED | {"accountId": "987654321098"}
