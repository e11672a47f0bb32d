"""Recommendations, their refresh and the login have the shapes that the tuner document shows."""

from typing import Any

import httpx
import pytest

from collector.api.tuner import account_shapes, examples, shapes
from collector.core.database import Database
from collector.edge import Edge
from tests.collector.accounts import PASSWORD, account, client_of, someone
from tests.collector.api.tuner.aws import ACCOUNT, API, estate, finding
from tests.contract import tuner_documented as documented
from tests.contract.tuner_documented import DECISIONS, RECOMMENDATION, RECOMMENDATIONS, deviations


def enveloped(answer: httpx.Response) -> Any:
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
        (row,) = data["recommendations"]
        one = enveloped(await client.get(f"{API}/recommendations/{row['id']}", headers=here.headers))
    assert deviations(RECOMMENDATION, one) == []
    stated = {key: value for key, value in RECOMMENDATION.items() if key not in {"id", "createdAt", "updatedAt"}}
    assert {key: one[key] for key in stated} == stated | {"metadata": one["metadata"]}


async def test_decisions_are_answered_as_documented(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        await here.scan(finding("snap-1"), finding("snap-2"), finding("snap-3"))
        listed = await client.get(f"{API}/recommendations?accountId={ACCOUNT}", headers=here.headers)
        ids = [row["id"] for row in listed.json()["data"]["recommendations"]]
        for rec_id, (verb, body, example) in zip(ids, DECISIONS, strict=True):
            answer = await client.post(f"{API}/recommendations/{rec_id}/{verb}", json=body, headers=here.headers)
            assert (answer.status_code, deviations(example, enveloped(answer))) == (200, [])


async def test_a_refresh_is_accepted_as_documented(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        path = f"{API}/recommendations/refresh"
        answer = await client.post(path, json=documented.REFRESH, headers=here.headers)
    assert (answer.status_code, deviations(documented.QUEUED, enveloped(answer))) == (202, [])
    assert (answer.json()["data"]["status"], answer.json()["data"]["jobId"][:4]) == ("QUEUED", "job_")


async def test_a_login_is_answered_as_documented(app: Edge, database: Database) -> None:
    who = await someone(database, (await account(database)).tenant)
    async with client_of(app) as client:
        answer = await client.post(f"{API}/auth/login", json={"email": who.email, "password": PASSWORD})
    data = enveloped(answer)
    assert deviations(documented.LOGIN, data) == []
    assert (data["expiresIn"], data["tokenType"]) == (86400, "Bearer")


async def test_every_answer_fits_its_own_openapi_model(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        await here.scan(finding("snap-1"), finding("snap-2", None))
        base = f"{API}/recommendations"
        page = await client.get(f"{base}?accountId={ACCOUNT}", headers=here.headers)
        listed = shapes.Answer[shapes.Recommendations].model_validate_json(page.content)
        one = await client.get(f"{base}/{listed.data.recommendations[1].id}", headers=here.headers)
        assert shapes.Answer[shapes.Recommendation].model_validate_json(one.content).data.monthlySavings is None
        sums = await client.get(f"{base}/summary", headers=here.headers)
        shapes.Answer[shapes.Sums].model_validate_json(sums.content)
        bulk = {"ids": [listed.data.recommendations[0].id, "rec_none"], "action": "snooze", "snoozeDuration": 3}
        made = await client.post(f"{base}/bulk", json=bulk, headers=here.headers)
        shapes.Answer[shapes.Results].model_validate_json(made.content)
        queued = await client.post(f"{base}/refresh", json={"accountId": ACCOUNT}, headers=here.headers)
        shapes.Answer[shapes.Queued].model_validate_json(queued.content)
        job = await client.get(f"{API}/jobs/{queued.json()['data']['jobId']}", headers=here.headers)
        shapes.Answer[shapes.Job].model_validate_json(job.content)
        accounts = await client.get(f"{API}/accounts", headers=here.headers)
        shapes.Answer[account_shapes.Accounts].model_validate_json(accounts.content)
        account_id = f"{API}/accounts/{ACCOUNT}"
        single = await client.get(account_id, headers=here.headers)
        shapes.Answer[account_shapes.OneAccount].model_validate_json(single.content)
        changed = await client.put(account_id, json={"scanHours": 12}, headers=here.headers)
        shapes.Answer[account_shapes.Linked].model_validate_json(changed.content)
        missing = await client.get(f"{base}/rec_none", headers=here.headers)
        shapes.ErrorBody.model_validate_json(missing.content)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (examples.RECOMMENDATION, RECOMMENDATION),
        (examples.RECOMMENDATIONS, RECOMMENDATIONS),
        (examples.IMPLEMENTED, DECISIONS[0][2]),
        (examples.SNOOZED, DECISIONS[1][2]),
        (examples.DISMISSED, DECISIONS[2][2]),
        (examples.QUEUED, documented.QUEUED),
        (examples.TOKENS, documented.LOGIN),
        (examples.FAILURE["error"], documented.FAILURE),
        (account_shapes.ACCOUNTS, documented.ACCOUNTS),
        (account_shapes.LINKED, documented.LINKED),
        (account_shapes.UNLINKED, documented.UNLINKED),
    ],
)
def test_the_examples_of_openapi_are_the_documents_own(shown: object, printed: object) -> None:
    assert shown == printed
