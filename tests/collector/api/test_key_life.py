"""Keys of agents as the link sees them: two phases, retirement, a host that was rebuilt, machines that are parked."""

from datetime import timedelta

import httpx
import msgspec
import pytest
from sqlalchemy import Connection, select

from collector.core.database import Database
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity.tables import activity_entry
from collector.domain.agents import administration, alarms, instances, keys
from collector.domain.agents import store as agent_store
from collector.domain.agents.administration import Wanted
from collector.domain.agents.enrolment import enrol
from collector.domain.agents.tables import agent, agent_instance, agent_key
from collector.domain.alerts.tables import alert
from collector.domain.results.tables import connection, received_range
from common import wire
from common.clock import utc_now
from common.identity import Origin, PrivateKey
from common.wire import Ack, Assignment, EnrolReply, KeyOffer, KeyReply, Kind, LinkError
from tests.collector import builders
from tests.collector.accounts import client_of, serving
from tests.collector.builders import AgentHere

ASSIGNMENT = "/agent/v1/assignment"
KEYS = "/agent/v1/keys"
MINUTE = timedelta(minutes=1)


def with_key(here: AgentHere, key: PrivateKey) -> AgentHere:
    return AgentHere(here.tenant, here.id, key)


async def ask(client: httpx.AsyncClient, here: AgentHere, origin: Origin = Origin()) -> httpx.Response:  # noqa: B008
    return await client.get(ASSIGNMENT, headers=here.headers("GET", ASSIGNMENT, origin=origin))


async def offer(client: httpx.AsyncClient, here: AgentHere, new: PrivateKey, **changes: str) -> httpx.Response:
    proof = new.sign(f"{here.id} {new.public.text}".encode())
    body = msgspec.structs.replace(KeyOffer(new.public.text, proof), **changes)
    return await client.post(KEYS, content=wire.encode(body), headers=here.headers("POST", KEYS))


def code(answer: httpx.Response) -> str:
    return wire.decode(answer.content, LinkError).code


async def standing(db: Database, rule: str) -> list[str]:
    rows = await db.read(lambda conn: conn.execute(select(alert).where(alert.c.resolved_at.is_(None))).all())
    return [row.line for row in rows if row.rule == rule]


async def actions(db: Database) -> list[str]:
    return list(await db.read(lambda conn: conn.execute(select(activity_entry.c.action_type)).scalars().all()))


class TestTwoPhases:
    async def test_a_candidate_is_the_key_from_its_first_use_on(self, database: Database) -> None:
        here, new = await builders.agent(database), PrivateKey.generate()
        async with serving(database) as app, client_of(app) as client:
            reply = wire.decode((await offer(client, here, new)).content, KeyReply)
            assert (reply.key_id, reply.state) == (new.key_id, "candidate")
            assert (await ask(client, here)).status_code == 200, "the old one still works"
            assert (await ask(client, with_key(here, new))).status_code == 200
            assert code(await ask(client, here)) == "key_unknown"
            again = wire.decode((await offer(client, with_key(here, new), new)).content, KeyReply)
        assert again.state == "active"
        assert "agent_key_changed" in await actions(database)

    async def test_an_offer_may_be_repeated_and_a_later_one_takes_its_place(self, database: Database) -> None:
        here, first, second = await builders.agent(database), PrivateKey.generate(), PrivateKey.generate()
        async with serving(database) as app, client_of(app) as client:
            for _ in range(2):
                assert (await offer(client, here, first)).status_code == 200
            assert (await offer(client, here, second)).status_code == 200
            assert code(await ask(client, with_key(here, first))) == "key_unknown"
            assert (await ask(client, here)).status_code == 200
            assert (await ask(client, with_key(here, second))).status_code == 200

    async def test_a_key_is_only_taken_from_who_holds_it_and_only_once(self, database: Database) -> None:
        here, other, new = await builders.agent(database), await builders.agent(database), PrivateKey.generate()
        async with serving(database) as app, client_of(app) as client:
            stolen = await offer(client, here, new, public_key=PrivateKey.generate().public.text)
            assert (stolen.status_code, code(stolen)) == (401, "bad_signature")
            assert code(await offer(client, here, new, public_key="no key")) == "malformed"
            theirs = await offer(client, here, other.key)
            assert (theirs.status_code, code(theirs)) == (409, "key_in_use")
            assert (await offer(client, here, new)).status_code == 200
            assert (await ask(client, with_key(here, new))).status_code == 200
            back = await offer(client, with_key(here, new), here.key)
            assert (back.status_code, code(back)) == (409, "key_in_use"), "a retired key never comes back"

    async def test_a_batch_may_be_the_first_use(self, database: Database) -> None:
        here, new = await builders.agent(database), PrivateKey.generate()
        async with serving(database) as app, client_of(app) as client:
            await offer(client, here, new)
            ack = await with_key(here, new).push(client, [(Kind.HEARTBEAT, utc_now(), builders.heartbeat())])
            assert ack.new == 1
            assert code(await ask(client, here)) == "key_unknown"


class TestRetiredKeys:
    async def test_use_of_a_retired_key_alerts_once_and_ends_after_a_quiet_day(self, database: Database) -> None:
        here, new = await builders.agent(database), PrivateKey.generate()
        now = utc_now()
        async with serving(database) as app, client_of(app) as client:
            await offer(client, here, new)
            await ask(client, with_key(here, new))
            assert code(await ask(client, here)) == "key_unknown"
        assert await standing(database, "agent_key_reused") == [], "it may have been on its way"
        for minutes in (5, 5.5, 30):
            at = now + minutes * MINUTE
            await database.write(keys.note_reuse, here.tenant, here.id, here.key.key_id, at)
        assert len(await standing(database, "agent_key_reused")) == 1
        assert (await actions(database)).count("agent_key_reused") == 1
        key = await database.read(
            lambda conn: conn.execute(select(agent_key).where(agent_key.c.key_id == here.key.key_id)).one()
        )
        assert key.reused_at == now + 30 * MINUTE
        await database.write(alarms.settle(), now + timedelta(hours=20), 50)
        assert len(await standing(database, "agent_key_reused")) == 1
        await database.write(alarms.settle(), now + timedelta(hours=25), 50)
        assert await standing(database, "agent_key_reused") == []

    async def test_who_cannot_sign_with_a_retired_key_alerts_nobody(self, database: Database) -> None:
        here, new = await builders.agent(database), PrivateKey.generate()
        long_ago = utc_now() - timedelta(days=1)
        await database.write(keys.offer, here.tenant, here.id, new.public, long_ago)
        await database.write(keys.promote, here.tenant, here.id, new.key_id, long_ago)
        token = here.headers("GET", ASSIGNMENT)["Authorization"]
        forged = (
            token.rpartition(".")[0]
            + "."
            + with_key(here, new).headers("GET", ASSIGNMENT)["Authorization"].rpartition(".")[2]
        )
        async with serving(database) as app, client_of(app) as client:
            answer = await client.get(ASSIGNMENT, headers={"Authorization": forged})
            assert code(answer) == "bad_signature"
            assert await standing(database, "agent_key_reused") == []
            assert code(await ask(client, here)) == "key_unknown"
        assert len(await standing(database, "agent_key_reused")) == 1


class TestTheSameAgentAgain:
    async def token(self, db: Database, here: AgentHere) -> str:
        wanted = Wanted(1, timedelta(hours=1), requires_approval=False, agent_id=here.id)
        return (await db.write(administration.add_token, here.tenant, wanted, Act("cli", utc_now()))).secret

    async def test_a_rebuilt_host_keeps_its_connections_and_ends_its_old_keys(self, database: Database) -> None:
        here, new = await builders.agent(database), PrivateKey.generate()
        async with serving(database) as app, client_of(app) as client:
            await here.push(client, [(Kind.INVENTORY, utc_now(), builders.inventory("PROD"))])
            await ask(client, here, Origin("i1", "h1", "b1"))
            secret = await self.token(database, here)
            wanted = msgspec.structs.replace(builders.enrol_request(secret, new), hostname="db02", host="h2")
            answers = [await client.post("/agent/v1/enroll", content=wire.encode(wanted)) for _ in range(2)]
            replies = [wire.decode(answer.content, EnrolReply) for answer in answers]
            assert [(one.agent, one.again, one.state) for one in replies] == [(here.id, True, "active")] * 2
            assert replies[0].collector_key
            rebuilt = with_key(here, new)
            assert (await ask(client, rebuilt, Origin("i2", "h2", "b9"))).status_code == 200, "not taken for a clone"
            assert code(await ask(client, here)) == "key_unknown"
            other = builders.enrol_request(secret, PrivateKey.generate())
            assert code(await client.post("/agent/v1/enroll", content=wire.encode(other))) == "invalid_token"
        row = await database.read(lambda conn: conn.execute(select(agent).where(agent.c.id == here.id)).one())
        assert (row.hostname, row.host, row.name) == ("db02", "h2", "agent-1")
        owners = await database.read(lambda conn: conn.execute(select(connection.c.agent_id)).scalars().all())
        assert list(owners) == [here.id]
        assert "agent_reenrolled" in await actions(database)

    async def test_such_a_token_is_for_one_host_and_not_for_who_was_revoked(self, database: Database) -> None:
        here = await builders.agent(database)
        act = Act("cli", utc_now())

        async def refused(wanted: Wanted) -> str:
            with pytest.raises(Refusal) as problem:
                await database.write(administration.add_token, here.tenant, wanted, act)
            return str(problem.value)

        assert "one use" in await refused(Wanted(2, MINUTE, requires_approval=False, agent_id=here.id))
        assert "no approval" in await refused(Wanted(1, MINUTE, requires_approval=True, agent_id=here.id))
        assert "no such agent" in await refused(Wanted(1, MINUTE, requires_approval=False, agent_id="agt_none"))
        secret = await self.token(database, here)
        await database.write(administration.revoke, here.tenant, here.id, act)
        assert "revoked" in await refused(Wanted(1, MINUTE, requires_approval=False, agent_id=here.id))
        async with serving(database) as app, client_of(app) as client:
            late = builders.enrol_request(secret, PrivateKey.generate())
            assert code(await client.post("/agent/v1/enroll", content=wire.encode(late))) == "revoked"


class CutShortError(Exception):
    """The collector ends here."""


class TestCutShort:
    """A collector that ends before it has committed: nothing has happened, and the agent's next try gets on."""

    def cut(self, patched: pytest.MonkeyPatch, module: object, name: str) -> None:
        def end(*_: object, **__: object) -> None:
            raise CutShortError

        patched.setattr(module, name, end)

    @pytest.mark.parametrize("step", ["_DROP_CANDIDATES", "_PROMOTE", "_RETIRE_OTHERS"])
    async def test_a_change_of_keys_is_whole_or_not_there(
        self, database: Database, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        here, new = await builders.agent(database), PrivateKey.generate()

        class Breaking:
            def _execute_on_connection(self, *_: object, **__: object) -> None:
                raise CutShortError

        async def change() -> None:
            await database.write(keys.offer, here.tenant, here.id, new.public, utc_now())
            await database.write(keys.promote, here.tenant, here.id, new.key_id, utc_now())

        with monkeypatch.context() as patched:
            patched.setattr(keys, step, Breaking())
            with pytest.raises(CutShortError):
                await change()
        async with serving(database) as app, client_of(app) as client:
            assert (await ask(client, here)).status_code == 200, "the old key works as before"
            await change()
            assert (await ask(client, with_key(here, new))).status_code == 200
            assert code(await ask(client, here)) == "key_unknown"

    @pytest.mark.parametrize(
        ("module", "name"), [(keys, "replace_all"), (agent_store, "move"), (instances, "forget_all"), (alarms, "end")]
    )
    async def test_a_host_that_is_enrolled_again_is_so_or_nothing_has_changed(
        self, database: Database, monkeypatch: pytest.MonkeyPatch, module: object, name: str
    ) -> None:
        here, new = await builders.agent(database), PrivateKey.generate()
        wanted = Wanted(1, timedelta(hours=1), requires_approval=False, agent_id=here.id)
        act = Act("cli", utc_now())
        secret = (await database.write(administration.add_token, here.tenant, wanted, act)).secret
        request = builders.enrol_request(secret, new)
        with monkeypatch.context() as patched:
            self.cut(patched, module, name)
            with pytest.raises(CutShortError):
                await database.write(enrol, request, new.public, utc_now())
        async with serving(database) as app, client_of(app) as client:
            assert (await ask(client, here)).status_code == 200
            made = await database.write(enrol, request, new.public, utc_now())
            assert (made.id, made.again) == (here.id, True), "the token was not used up"
            assert (await ask(client, with_key(here, new))).status_code == 200


class TestClones:
    ONE, TWO = Origin("i1", "h1", "b1"), Origin("i2", "h2", "b2")

    async def both(self, client: httpx.AsyncClient, here: AgentHere) -> httpx.Response:
        for _ in range(2):
            assert (await ask(client, here, self.ONE)).status_code == 200
        return await ask(client, here, self.TWO)

    async def test_a_second_machine_is_parked_and_nothing_of_it_is_stored(self, database: Database) -> None:
        here = await builders.agent(database)
        line = wire.record_line(1, Kind.HEARTBEAT, utc_now(), builders.heartbeat())
        body, signature = here.batch([line], seqs=[1])
        async with serving(database) as app, client_of(app) as client:
            answer = await self.both(client, here)
            assert (answer.status_code, code(answer)) == (409, "identity_conflict")
            headers = {
                **here.headers("POST", "/agent/v1/batches", origin=self.TWO),
                "Content-Type": wire.CONTENT_TYPE,
                wire.SIGNATURE_HEADER: signature,
            }
            refused = await client.post("/agent/v1/batches", content=body, headers=headers)
            assert code(refused) == "identity_conflict"
            new = PrivateKey.generate()
            proof = KeyOffer(new.public.text, new.sign(f"{here.id} {new.public.text}".encode()))
            theft = await client.post(
                KEYS, content=wire.encode(proof), headers=here.headers("POST", KEYS, origin=self.TWO)
            )
            assert code(theft) == "identity_conflict", "a parked machine cannot change the key"
            assert (await ask(client, here, self.ONE)).status_code == 200
        assert await database.read(lambda conn: conn.execute(select(received_range)).all()) == []
        assert len(await standing(database, "agent_cloned")) == 1
        assert (await actions(database)).count("agent_instance_parked") == 1
        (parked,) = await database.read(instances.parked, here.tenant, here.id)
        assert (parked.instance, parked.host) == ("i2", "h2")
        assert await database.read(instances.is_parked, here.tenant, here.id, "i2")
        row = await database.read(lambda conn: conn.execute(select(agent.c.host)).scalar_one())
        assert row == "h1"

    async def test_an_operator_takes_the_other_one(self, database: Database) -> None:
        here = await builders.agent(database)
        act = Act("cli", utc_now())
        async with serving(database) as app, client_of(app) as client:
            await self.both(client, here)
            with pytest.raises(Refusal, match="expected one of those"):
                await database.write(instances.accept, here.tenant, here.id, "i1", act)
            await database.write(instances.accept, here.tenant, here.id, "i2", act)
            assert (await ask(client, here, self.TWO)).status_code == 200
            assert code(await ask(client, here, self.ONE)) == "identity_conflict"
        assert "agent_instance_accepted" in await actions(database)

    async def test_the_alert_ends_when_the_parked_one_is_silent_and_the_row_after_a_month(
        self, database: Database
    ) -> None:
        here = await builders.agent(database)
        async with serving(database) as app, client_of(app) as client:
            await self.both(client, here)
        now = utc_now()
        await database.write(alarms.settle(), now + timedelta(minutes=30), 50)
        assert len(await standing(database, "agent_cloned")) == 1
        await database.write(alarms.settle(), now + timedelta(hours=2), 50)
        assert await standing(database, "agent_cloned") == []
        assert await database.write(instances.forget, now + timedelta(days=31), 50) == 1

        def left(conn: Connection) -> list[str]:
            return list(conn.execute(select(agent_instance.c.instance)).scalars())

        assert await database.read(left) == ["i1"]

    async def test_an_agent_that_says_nothing_of_itself_is_taken_as_before(self, database: Database) -> None:
        here = await builders.agent(database)
        async with serving(database) as app, client_of(app) as client:
            await self.both(client, here)
            assert (await ask(client, here)).status_code == 200
            ack = await here.push(client, [(Kind.HEARTBEAT, utc_now(), builders.heartbeat())])
        assert ack.new == 1


async def test_the_assignment_names_the_key_of_what_is_carried(database: Database) -> None:
    here = await builders.agent(database)
    async with serving(database) as app, client_of(app) as client:
        document = wire.decode((await ask(client, here)).content, Assignment)
    assert len(document.collector_key) == 43


async def test_the_same_records_under_two_epochs_are_stored_once(database: Database) -> None:
    """What an agent sends twice because somebody else may have used its numbers does no harm."""
    here = await builders.agent(database)
    now = utc_now()
    bodies = [
        (Kind.INVENTORY, now, builders.inventory("PROD")),
        (Kind.CATALOGUE, now, builders.catalogue("REDOLOG_SIZE")),
        (Kind.RUN, now, builders.run([builders.outcome(status="critical", value=3.0)], key="run_1", at=now)),
        (Kind.HEARTBEAT, now, builders.heartbeat()),
    ]
    lines = [wire.record_line(number, *one) for number, one in enumerate(bodies, 1)]

    def everything(conn: Connection) -> dict[str, list[tuple[object, ...]]]:
        from collector.domain.tables import metadata  # noqa: PLC0415 - only here

        wanted = {"run", "check_state", "ticket", "alert", "connection", "metric_point", "status_interval"}
        return {
            name: [tuple(row) for row in conn.execute(table.select().order_by(*table.primary_key))]
            for name, table in metadata.tables.items()
            if name in wanted
        }

    async with serving(database) as app, client_of(app) as client:
        acks = []
        for epoch in ("epoch-1", "epoch-2"):
            body, signature = here.batch(lines, seqs=range(1, 5), epoch=epoch)
            acks.append(wire.decode((await here.send(client, body, signature)).content, Ack))
            if epoch == "epoch-1":
                before = await database.read(everything)
    assert [(ack.new, ack.dup) for ack in acks] == [(4, 0), (4, 0)]
    after = await database.read(everything)
    assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}
    assert after["run"] == before["run"]
    assert after["check_state"] == before["check_state"]
    assert after["ticket"] == before["ticket"]
