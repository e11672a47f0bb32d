"""The link as an agent sees it: enrolment, batches, assignments, and every refusal."""

import gzip
from datetime import timedelta

import httpx
import msgspec
import pytest
from sqlalchemy import select

from collector.core.database import Database
from collector.domain.agents import store as agents
from collector.domain.results.tables import check_state, connection
from common import wire
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import Ack, EnrolReply, Kind, LinkError
from tests.collector import builders
from tests.collector.accounts import client_of, serving


async def refusal(answer: httpx.Response, status: int) -> str:
    """The code of an error, which must look as every error of the link."""
    assert answer.status_code == status, answer.text
    error = wire.decode(answer.content, LinkError)
    assert error.message
    assert abs(error.server_time - utc_now()) < timedelta(seconds=10)
    assert error.request_id == answer.headers["x-request-id"]
    return error.code


async def test_an_agent_enrols_sends_a_run_and_the_state_is_stored(database: Database) -> None:
    secret = await builders.token(database, await builders.tenant(database))
    key = PrivateKey.generate()
    async with serving(database) as app, client_of(app) as client:
        answer = await client.post("/agent/v1/enroll", content=wire.encode(builders.enrol_request(secret, key)))
        reply = wire.decode(answer.content, EnrolReply)
        assert answer.status_code == 200
        assert reply.state == "active"
        here = builders.AgentHere(0, reply.agent, key)
        now = utc_now()
        ack = await here.push(
            client,
            [
                (Kind.INVENTORY, now, builders.inventory("PROD")),
                (Kind.CATALOGUE, now, builders.catalogue("REDOLOG_SIZE")),
                (Kind.RUN, now, builders.run([builders.outcome(status="critical")], key="run_1", at=now)),
                (Kind.HEARTBEAT, now, builders.heartbeat()),
            ],
        )
    assert (ack.new, ack.dup, ack.rejected, ack.gaps, ack.acked) == (4, 0, (), (), ((1, 4),))
    row = await database.read(lambda conn: conn.execute(select(connection)).one())
    assert (row.name, row.host, row.port, row.score) == ("PROD", "10.0.1.10", 1521, 82)
    assert row.summary_text == "1 critical finding: Title of REDOLOG_SIZE"
    state = await database.read(lambda conn: conn.execute(select(check_state)).one())
    assert (state.check_id, state.status, state.run_key) == ("REDOLOG_SIZE", "critical", "run_1")


async def test_a_token_enrols_one_agent_and_the_same_agent_again(database: Database) -> None:
    secret = await builders.token(database, await builders.tenant(database))
    key = PrivateKey.generate()
    first = wire.encode(builders.enrol_request(secret, key))
    async with serving(database) as app, client_of(app) as client:
        one = await client.post("/agent/v1/enroll", content=first)
        again = await client.post("/agent/v1/enroll", content=first)
        other = await client.post(
            "/agent/v1/enroll", content=wire.encode(builders.enrol_request(secret, PrivateKey.generate()))
        )
    assert wire.decode(one.content, EnrolReply).agent == wire.decode(again.content, EnrolReply).agent
    assert await refusal(other, 401) == "invalid_token"


@pytest.mark.parametrize("secret", ["", "fpe_short", "fpe_" + "x" * 38, "tv_api_" + "0" * 38])
async def test_a_wrong_token_says_nothing_but_that(database: Database, secret: str) -> None:
    async with serving(database) as app, client_of(app) as client:
        request = builders.enrol_request(secret, PrivateKey.generate())
        answer = await client.post("/agent/v1/enroll", content=wire.encode(request))
    assert await refusal(answer, 401) == "invalid_token"


async def test_a_key_must_be_shown_to_be_held(database: Database) -> None:
    secret = await builders.token(database, await builders.tenant(database))
    request = builders.enrol_request(secret, PrivateKey.generate())
    stolen = msgspec.structs.replace(request, public_key=PrivateKey.generate().public.text)
    async with serving(database) as app, client_of(app) as client:
        answer = await client.post("/agent/v1/enroll", content=wire.encode(stolen))
        bad_key = msgspec.structs.replace(request, public_key="not base64!")
        malformed = await client.post("/agent/v1/enroll", content=wire.encode(bad_key))
    assert await refusal(answer, 401) == "bad_signature"
    assert await refusal(malformed, 400) == "malformed"


async def test_an_agent_that_waits_for_approval_is_unknown_until_then(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    secret = await builders.token(database, tenant_id, requires_approval=True)
    key = PrivateKey.generate()
    async with serving(database) as app, client_of(app) as client:
        answer = await client.post("/agent/v1/enroll", content=wire.encode(builders.enrol_request(secret, key)))
        reply = wire.decode(answer.content, EnrolReply)
        assert reply.state == "pending"
        here = builders.AgentHere(tenant_id, reply.agent, key)
        path = "/agent/v1/assignment"
        before = await client.get(path, headers=here.headers("GET", path))
        await database.write(agents.approve, tenant_id, reply.agent)
        after = await client.get(path, headers=here.headers("GET", path))
    assert await refusal(before, 401) == "unknown_agent"
    assert after.status_code == 200


async def test_each_class_of_disbelief_has_its_own_word(database: Database) -> None:
    here = await builders.agent(database)
    stranger = builders.AgentHere(here.tenant, "agt_none", PrivateKey.generate())
    other_key = builders.AgentHere(here.tenant, here.id, PrivateKey.generate())
    path = "/agent/v1/assignment"
    async with serving(database) as app, client_of(app) as client:

        async def code(headers: dict[str, str]) -> str:
            return await refusal(await client.get(path, headers=headers), 401)

        assert await code({}) == "bad_signature"
        assert await code({"Authorization": "Bearer x.y.z"}) == "bad_signature"
        assert await code(here.headers("POST", path)) == "bad_signature"
        assert await code(stranger.headers("GET", path)) == "unknown_agent"
        assert await code(other_key.headers("GET", path)) == "key_unknown"
        late = utc_now() - timedelta(minutes=10)
        assert await code(here.headers("GET", path, now=late)) == "clock_skew"
        await database.write(agents.revoke, here.tenant, here.id, utc_now())
        assert await code(here.headers("GET", path)) == "revoked"


async def test_who_cannot_prove_who_he_is_may_not_try_for_ever(database: Database) -> None:
    async with serving(database) as app, client_of(app) as client:
        codes = [(await client.get("/agent/v1/assignment")).status_code for _ in range(62)]
        last = await client.get("/agent/v1/assignment")
    assert codes[:60] == [401] * 60
    assert codes[60:] == [429, 429]
    assert int(last.headers["retry-after"]) >= 1


async def test_a_batch_that_is_sent_again_changes_nothing(database: Database) -> None:
    here = await builders.agent(database)
    line = wire.record_line(1, Kind.HEARTBEAT, utc_now(), builders.heartbeat())
    body, signature = here.batch([line], seqs=[1])
    async with serving(database) as app, client_of(app) as client:
        first = wire.decode((await here.send(client, body, signature)).content, Ack)
        second = wire.decode((await here.send(client, body, signature)).content, Ack)
    assert (first.new, first.dup) == (1, 0)
    assert (second.new, second.dup, second.acked) == (0, 1, ((1, 1),))


async def test_a_malformed_record_is_rejected_alone_and_again_when_it_comes_again(database: Database) -> None:
    here = await builders.agent(database)
    now = utc_now()
    lines = [
        wire.record_line(1, Kind.HEARTBEAT, now, builders.heartbeat()),
        wire.record_line(2, Kind.RUN, now, {"run": "r", "connection": 7}),
        b'{"seq":3,"kind":"run","at":',
        wire.record_line(4, Kind.RUN, now, builders.run([builders.outcome(line="nul \0")], key="run_1")),
        wire.record_line(5, "sunspots", now, {"count": 4}),
    ]
    body, signature = here.batch(lines, seqs=range(1, 6))
    async with serving(database) as app, client_of(app) as client:
        acks = [wire.decode((await here.send(client, body, signature)).content, Ack) for _ in range(2)]
    for ack in acks:
        assert [rejection.seq for rejection in ack.rejected] == [2, 3, 4]
        assert {rejection.code for rejection in ack.rejected} == {"malformed"}
        assert "connection" in ack.rejected[0].detail
        assert ack.acked == ((1, 5),)
        assert ack.unknown == 1
    assert (acks[0].new, acks[0].dup) == (2, 0)
    assert (acks[1].new, acks[1].dup) == (0, 5)


async def test_holes_are_reported_until_they_are_filled_or_explained(database: Database) -> None:
    here = await builders.agent(database)
    now = utc_now()
    async with serving(database) as app, client_of(app) as client:
        ack = await here.push(client, [(Kind.HEARTBEAT, now, builders.heartbeat())], first=8)
        assert ack.gaps == ((1, 7),)
        ack = await here.push(client, [(Kind.HEARTBEAT, now, builders.heartbeat())], first=3)
        assert ack.gaps == ((1, 2), (4, 7))
        gap = wire.Gap(stream="live", first=1, last=2, reason="spool_full", count=2)
        ack = await here.push(client, [(Kind.GAP, now, gap)], first=9)
        assert ack.gaps == ((4, 7),)
        ack = await here.push(client, [(Kind.HEARTBEAT, now, builders.heartbeat())] * 4, first=4)
        assert ack.gaps == ()


async def test_every_bad_batch_has_its_own_answer(database: Database) -> None:
    here = await builders.agent(database)
    line = wire.record_line(1, Kind.HEARTBEAT, utc_now(), builders.heartbeat())
    body, signature = here.batch([line], seqs=[1])
    header, _, payload = gzip.decompress(body).partition(b"\n")
    async with serving(database) as app, client_of(app) as client:

        async def code(packed: bytes, signed: str, status: int) -> str:
            return await refusal(await here.send(client, packed, signed), status)

        assert await code(b"not gzip", signature, 400) == "malformed"
        assert await code(body[:-9], signature, 400) == "malformed"
        assert await code(gzip.compress(b"\n"), signature, 400) == "malformed"
        assert await code(gzip.compress(header + b"\n" + payload + b"x\n"), signature, 422) == "digest"
        assert await code(body, "e30..AAAA", 422) == "signature"
        assert await code(body, "", 422) == "signature"
        assert await code(body, PrivateKey.generate().sign(header), 422) == "signature"
        future = header.replace(b'"protocol":1', b'"protocol":9')
        assert await code(gzip.compress(future + b"\n" + payload), signature, 426) == "protocol"
        other, other_signature = here.batch([line], seqs=[1], agent="agt_other")
        assert await code(other, other_signature, 401) == "bad_signature"
        twice, twice_signature = here.batch([line, line], seqs=[1, 2])
        assert await code(twice, twice_signature, 400) == "malformed"
        stray, stray_signature = here.batch([line], seqs=[5])
        assert await code(stray, stray_signature, 400) == "malformed"
        assert await code(gzip.compress(b"0" * (9 << 20)), signature, 413) == "too_large"
        assert await code(b"0" * ((1 << 20) + 1), signature, 413) == "too_large"
        nothing = await client.post(
            "/agent/v1/batches", content=body, headers=here.headers("POST", "/agent/v1/batches")
        )
        assert await refusal(nothing, 415) == "media_type"
        whole = await here.send(client, body, signature)
        assert whole.status_code == 200


async def test_unknown_paths_and_methods_are_refused_in_the_words_of_the_link(database: Database) -> None:
    async with serving(database) as app, client_of(app) as client:
        assert await refusal(await client.get("/agent/v1/nothing"), 404) == "not_found"
        answer = await client.get("/agent/v1/batches")
        assert await refusal(answer, 405) == "method_not_allowed"
        assert answer.headers["allow"] == "POST"
        assert await refusal(await client.get("/agent/v1/ca"), 404) == "not_found"
