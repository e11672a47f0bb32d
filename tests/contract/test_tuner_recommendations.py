"""Recommendations have the shape that the tuner document shows."""

import httpx

from collector.core.database import Database
from collector.edge import Edge
from tests.collector.accounts import client_of
from tests.collector.api.tuner.aws import ACCOUNT, API, estate, finding
from tests.contract.tuner_documented import DECISIONS, RECOMMENDATION, RECOMMENDATIONS, deviations


def enveloped(answer: httpx.Response) -> object:
    body = answer.json()
    assert set(body) == {"success", "data", "error", "timestamp"}
    assert (body["success"], body["error"]) == (True, None), body
    return body["data"]


async def test_the_list_and_one_of_it_are_as_documented(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        await here.scan(finding())
        path = f"{API}/recommendations?accountId={ACCOUNT}&category=Cleaner&minSavings=10"
        data = enveloped(await client.get(path, headers=here.headers))
        assert deviations(RECOMMENDATIONS, data) == []
        (row,) = data["recommendations"]  # type: ignore[index]  # as was just seen
        one = enveloped(await client.get(f"{API}/recommendations/{row['id']}", headers=here.headers))
    assert deviations(RECOMMENDATION, one) == []
    documented = {key: value for key, value in RECOMMENDATION.items() if key not in {"id", "createdAt", "updatedAt"}}
    assert {key: one[key] for key in documented} == documented | {"metadata": one["metadata"]}  # type: ignore[index]


async def test_decisions_are_answered_as_documented(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        await here.scan(finding("snap-1"), finding("snap-2"), finding("snap-3"))
        listed = await client.get(f"{API}/recommendations?accountId={ACCOUNT}", headers=here.headers)
        ids = [row["id"] for row in listed.json()["data"]["recommendations"]]
        for rec_id, (verb, body, example) in zip(ids, DECISIONS, strict=True):
            answer = await client.post(f"{API}/recommendations/{rec_id}/{verb}", json=body, headers=here.headers)
            assert (answer.status_code, deviations(example, enveloped(answer))) == (200, [])
