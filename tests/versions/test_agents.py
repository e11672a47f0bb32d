"""Agents of the two versions before, of this one and of the next talk to this collector, and nothing is lost."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import Connection, func, insert, select, update

from collector.core.database import Database
from collector.domain.agents.tables import agent, agent_key, enrolment_token
from collector.domain.results.tables import connection, unknown_record
from common import tokens
from common.clock import utc_now
from common.wire import Ack, Assignment, EnrolReply, LinkError, decode
from tests.collector import builders
from tests.collector.accounts import client_of, serving
from tests.collector.builders import AgentHere
from tests.versions.recorded import VERSIONS, Batch, Speaker, corpus

NEXT = "next"


def as_sent(batches: Sequence[Batch]) -> Sequence[Batch]:
    return batches


def as_the_next_version_would(batches: Sequence[Batch]) -> Sequence[Batch]:
    """More in every object, more records, of kinds that nobody here knows, and a header that says more."""
    return [_of_tomorrow(batch) for batch in batches]


def _of_tomorrow(batch: Batch) -> Batch:
    """Its new records come between the others: numbers are doubled to make room for them."""
    records = [
        record
        for one in batch.records
        for record in (
            _more({**one, "seq": one["seq"] * 2}),
            {"seq": one["seq"] * 2 + 1, "kind": "moon_phase", "at": one["at"], "body": {"phase": "waxing"}, "by": []},
        )
    ]
    seqs = [record["seq"] for record in records]
    return batch.with_records(records, first=min(seqs), last=max(seqs), protocol_minor=1, weather={"sun": True})


_FREE_FORM = {"facts", "metadata", "gaps", "arguments", "tags"}


def _more(value: Any) -> Any:
    """The same with a field of tomorrow in every object that has named fields."""
    if isinstance(value, list):
        return [_more(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: item if key in _FREE_FORM else _more(item) for key, item in value.items()}
    return {**kept, "of_tomorrow": {"list": [1], "text": "new"}}


def test_the_window_of_versions_is_recorded() -> None:
    assert VERSIONS == ("0.5", "0.6", "0.7", "0.8")


@pytest.mark.parametrize(
    ("version", "change"),
    [*((version, as_sent) for version in VERSIONS), (VERSIONS[-1], as_the_next_version_would)],
    ids=[*VERSIONS, NEXT],
)
async def test_everything_that_they_say_is_stored(
    database: Database, version: str, change: Callable[[Sequence[Batch]], Sequence[Batch]]
) -> None:
    tenant = await builders.tenant(database)
    async with serving(database) as app, client_of(app) as client:
        for speaker in corpus(version).speakers:
            await database.write(_known, tenant, speaker)
            here = AgentHere(tenant, speaker.id, speaker.key)
            for batch in change(speaker.batches):
                ack = await _sent(client, here, batch)
                strange = sum(record["kind"] == "moon_phase" for record in batch.records)
                assert (ack.new, ack.dup, ack.rejected, ack.unknown) == (batch.about["count"], 0, (), strange)
                acked = {seq for first, last in ack.acked for seq in range(first, last + 1)}
                assert acked >= {record["seq"] for record in batch.records}
    listed = await database.read(lambda conn: set(conn.execute(select(connection.c.key)).scalars()))
    assert listed == {one["key"] for speaker in corpus(version).speakers for one in _inventory(speaker)}
    kept = await database.read(lambda conn: list(conn.execute(select(unknown_record.c.body)).scalars()))
    assert [json.loads(body) for body in kept] == [{"phase": "waxing"}] * len(kept)
    assert bool(kept) == (change is as_the_next_version_would)


def _known(conn: Connection, tenant: int, speaker: Speaker) -> None:
    """As if it had enrolled here under the id that its batches say."""
    now = utc_now()
    new = {"name": speaker.request["name"], "hostname": "", "version": "", "state": "active", "enrolled_by": ""}
    conn.execute(insert(agent), {"tenant_id": tenant, "id": speaker.id, "enrolled_at": now, **new})
    public = speaker.key.public
    key = {"key_id": public.key_id, "public_key": public.text, "created_at": now}
    conn.execute(insert(agent_key), {"tenant_id": tenant, "agent_id": speaker.id, **key})


async def _sent(client: httpx.AsyncClient, here: AgentHere, batch: Batch) -> Ack:
    signature = batch.signature or here.key.sign(batch.header.encode())
    answer = await here.send(client, batch.body, signature)
    assert answer.status_code == 200, answer.text
    return decode(answer.content, Ack)


def _inventory(speaker: Speaker) -> Sequence[dict[str, Any]]:
    """Its connections as it listed them last."""
    said = [record["body"] for batch in speaker.batches for record in batch.records if record["kind"] == "inventory"]
    last: list[dict[str, Any]] = said[-1]["connections"] if said else []
    return last


@pytest.mark.parametrize("more", [False, True], ids=["as sent", NEXT])
@pytest.mark.parametrize("version", VERSIONS)
async def test_they_can_enrol(database: Database, version: str, *, more: bool) -> None:
    tenant = await builders.tenant(database)
    async with serving(database) as app, client_of(app) as client:
        for speaker in corpus(version).speakers:
            token = speaker.request["token"]
            await builders.token(database, tenant)
            await database.write(_use_instead, token)
            answer = await client.post("/agent/v1/enroll", json=_more(speaker.request) if more else speaker.request)
            assert answer.status_code == 200, answer.text
            assert decode(answer.content, EnrolReply).state == "active"


def _use_instead(conn: Connection, token: str) -> None:
    """Give the newest token the secret that was given out then."""
    newest = select(func.max(enrolment_token.c.created_at)).scalar_subquery()
    changed = update(enrolment_token).where(enrolment_token.c.created_at == newest)
    conn.execute(changed.values(digest=tokens.digest(token)))


async def test_a_protocol_that_is_not_spoken_here_is_refused_by_its_number_and_nothing_is_taken(
    database: Database,
) -> None:
    tenant = await builders.tenant(database)
    speaker = corpus(VERSIONS[-1]).speakers[0]
    await database.write(_known, tenant, speaker)
    async with serving(database) as app, client_of(app) as client:
        here = AgentHere(tenant, speaker.id, speaker.key)
        batch = speaker.batches[0].with_records(speaker.batches[0].records, protocol=2)
        answer = await here.send(client, batch.body, here.key.sign(batch.header.encode()))
        assert answer.status_code == 426
        said = decode(answer.content, LinkError)
        assert (said.code, said.message) == ("protocol", "protocol: 2; this collector speaks 1")
        assert (await _sent(client, here, speaker.batches[0])).dup == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_this_agent_understands_what_collectors_of_those_versions_want(version: str) -> None:
    for document in corpus(version).assignments:
        told = json.loads(document)
        understood = json.loads(msgspec.json.encode(decode(document.encode(), Assignment)))
        assert understood == told


def test_this_agent_understands_what_a_collector_of_the_next_version_wants() -> None:
    """Fields that it does not know are as if they were not there; a job of another kind is a job, to be refused."""
    documents = corpus(VERSIONS[-1]).assignments
    assert any(json.loads(document).get("schedules") for document in documents)
    for document in documents:
        wanted = _more(json.loads(document))
        strange = {"job": "job_1", "kind": "moon", "lease": "l", "deadline": "2030-01-01T00:00:00Z", "arguments": {}}
        wanted["jobs"] = [*wanted.get("jobs", []), {**strange, "of_tomorrow": 1}]
        now = decode(document.encode(), Assignment)
        then = decode(json.dumps(wanted).encode(), Assignment)
        assert then.jobs[-1].kind == "moon"
        assert msgspec.structs.replace(then, jobs=then.jobs[:-1]) == now
