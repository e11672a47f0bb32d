"""P9: what was sent once is sent again: a day old, by somebody else, edited, with a retired key, on an old stick."""

import asyncio
import hashlib
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec
from sqlalchemy import Connection, func, select, update

from collector.core.database import Database
from collector.core.tenancy import across_tenants
from collector.domain.agents import keys
from collector.domain.agents.tables import agent_key
from collector.domain.alerts.tables import alert
from collector.prove import ledger, sim, stores, world
from collector.prove.ledger import Stored
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.sim import Agent, Answer, Batch, Identity
from collector.prove.world import Collector
from common import bundle, wire
from common.bundle import Manifest
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import BatchHeader, KeyOffer

_DAY = timedelta(days=1)
_SAID = 400
_PER_SOURCE = 40
"""Refusals that come from one address before the next is taken: too many are answered by 429."""


async def run(terms: Terms) -> Verdict:
    """A collector on SQLite that has everything already: nothing of what comes now may be new."""
    rounds = 12 if terms.quick else 200
    async with stores.store(terms, "sqlite") as url:
        ground = await world.prepare(url)
        async with (
            world.served(terms.folder / "collector", url) as collector,
            _cast(terms, collector, ground.token) as cast,
        ):
            await _grow_old(collector, cast)
            before = await ledger.stored(url)
            await cast.replay(rounds)
            await cast.carry(3 if terms.quick else 30)
            after = await ledger.stored(url)
            said = cast.victim.journal.runs(cast.victim.journal.lines)
        alerts = await asyncio.to_thread(stores.look, url, _alerts, cast.victim.identity.agent)
    balance = ledger.compare(said, after)
    troubles = [*cast.troubles, balance.why, *_changes(before, after)]
    if alerts != 1:
        troubles.append(f"{alerts} alerts tell of the retired key; expected 1")
    why = "; ".join(trouble for trouble in troubles if trouble)
    return Verdict(
        state="broken" if why else "held",
        did="sent again what a collector has: batches of yesterday, as the agent itself and as another one, with "
        "edited headers and payloads, without signatures, with a retired key, with tokens of yesterday, and as bundles "
        "whose numbers had been imported; every answer was compared with the documented one",
        counts={**cast.counts, "alerts_of_the_retired_key": alerts, **balance.counts},
        why=why,
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """Something that is tried, and what has to come back: a status and the code of the refusal, or no code at all."""

    name: str
    attempt: Callable[["_Cast", Agent, Batch], Awaitable[Answer]]
    status: int
    code: str = ""


@dataclass(slots=True)
class _Cast:
    """The agent whose words are replayed, one who replays them, and what they know."""

    terms: Terms
    collector: Collector
    victim: Agent
    thief: Identity
    retired: PrivateKey
    chance: Random
    counts: Counter[str] = field(default_factory=lambda: Counter(new=0))
    troubles: list[str] = field(default_factory=list)
    _tried: int = 0

    async def replay(self, rounds: int) -> None:
        """Every case so often, each with another batch."""
        for number in range(rounds):
            async with self._speaker() as speaker:
                for case in CASES:
                    await self._try(case, speaker, number)

    async def carry(self, rounds: int) -> None:
        """Bundles of what is here already: the newest, then all of the numbers before, then everything once more."""
        folder = self.terms.folder / "sticks"
        await asyncio.to_thread(folder.mkdir)
        paths = [str(await asyncio.to_thread(self._bundle, folder, number)) for number in range(1, rounds + 1)]
        for files in (paths[-1:], paths[:-1], paths):
            said = await self.collector.command("bundle", "import", *files, "--receipts", str(folder), "--json")
            for result in msgspec.json.decode(said)["bundles"]:
                self.counts["bundles"] += 1
                self._count_new(result["new"], f"bundle {result['number']}")

    async def _try(self, case: _Case, speaker: Agent, number: int) -> None:
        first = self.chance.randint(1, _SAID - 10)
        batch = speaker.batch(range(first, first + self.chance.randint(1, 10)), sent_at=utc_now() - _DAY)
        answer = await case.attempt(self, speaker, batch)
        self.counts[case.name] += 1
        if (answer.status, answer.code) != (case.status, case.code):
            self.troubles.append(
                f"{case.name}, round {number}: {answer.status} {answer.code}; expected {case.status} {case.code}"
            )
        if answer.ack is not None:
            self._count_new(answer.ack.new, case.name)

    def _count_new(self, new: int, what: str) -> None:
        self.counts["new"] += new
        if new:
            self.troubles.append(f"{what}: {new} records were new")

    @asynccontextmanager
    async def _speaker(self) -> AsyncIterator[Agent]:
        """The victim's words from an address of its own: what is refused too often from one is not looked at."""
        self._tried += 1
        source = f"127.1.{self._tried // 250}.{self._tried % 250 + 1}"
        async with sim.session(source=source) as web:
            victim = self.victim
            yield Agent(victim.folder, victim.url, victim.identity, web, self.chance, instance=victim.instance)

    def _bundle(self, folder: Path, number: int) -> Path:
        victim, now = self.victim, utc_now()
        writer = bundle.Writer(now)
        batch = victim.batch(range(1, 1 + self.chance.randint(1, 100)))
        content = writer.add(batch.body, batch.signature)
        manifest = Manifest(
            format=bundle.FORMAT,
            agent=victim.identity.agent,
            key_id=victim.identity.key.key_id,
            epoch=victim.identity.epoch,
            number=number,
            made_at=now,
            every_s=3600,
            overlap=0,
            records=len(batch.seqs),
            kept=0,
            carried=(),
            envelopes=tuple(writer.envelopes),
            instance=victim.instance,
            host=victim.name,
        )
        signed = wire.encode(manifest)
        path = folder / f"{number}-{bundle.file_name(manifest)}"
        path.write_bytes(content + writer.end(signed, victim.identity.key.sign(signed)))
        return path


# --- what is tried -------------------------------------------------------------------------------------------------


async def _again(_cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    return await speaker.offer(batch)


async def _with_old_token(_cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    return await speaker.offer(batch, at=utc_now() - _DAY)


async def _by_another(cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    return await speaker.offer(batch, key=cast.thief.key, agent=cast.thief.agent)


async def _signed_by_another(cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    return await speaker.offer(
        batch, key=cast.thief.key, agent=cast.thief.agent, signature=cast.thief.key.sign(batch.header)
    )


async def _in_its_name(cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    return await speaker.offer(batch, key=cast.thief.key)


async def _with_retired_key(cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    return await speaker.offer(batch, key=cast.retired, signature=cast.retired.sign(batch.header))


async def _retired_signature(cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    return await speaker.offer(batch, signature=cast.retired.sign(batch.header))


async def _unsigned(_cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    return await speaker.offer(batch, signature="e30..")


async def _edited_header(cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    """In one of its fields, and packed anew; the signature is the one of before."""
    header = wire.decode(batch.header, BatchHeader)
    edited = cast.chance.choice(
        [
            msgspec.structs.replace(header, epoch="another"),
            msgspec.structs.replace(header, stream="bulk"),
            msgspec.structs.replace(header, first=header.first - 1 or header.first, last=header.last + 1),
            msgspec.structs.replace(header, sent_at=header.sent_at + _DAY),
            msgspec.structs.replace(header, boot="another"),
        ]
    )
    return await speaker.offer(_packed(batch, wire.encode(edited), _payload(batch)))


async def _edited_payload(_cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    return await speaker.offer(_packed(batch, batch.header, _payload(batch).replace(b"connected", b"Connected")))


async def _edited_both(_cast: _Cast, speaker: Agent, batch: Batch) -> Answer:
    """So that the digest fits; only the signature does not."""
    payload = _payload(batch).replace(b'"seq":', b'"seq":9')
    header = wire.decode(batch.header, BatchHeader)
    edited = msgspec.structs.replace(header, payload_sha256=hashlib.sha256(payload).hexdigest(), first=1, last=10**9)
    return await speaker.offer(_packed(batch, wire.encode(edited), payload))


CASES = (
    _Case("day_old_batches", _again, 200),
    _Case("day_old_tokens", _with_old_token, 401, "clock_skew"),
    _Case("by_another_agent", _by_another, 401, "bad_signature"),
    _Case("signed_by_another", _signed_by_another, 401, "bad_signature"),
    _Case("in_its_name", _in_its_name, 401, "key_unknown"),
    _Case("retired_key", _with_retired_key, 401, "key_unknown"),
    _Case("retired_signature", _retired_signature, 422, "signature"),
    _Case("unsigned", _unsigned, 422, "signature"),
    _Case("edited_header", _edited_header, 422, "signature"),
    _Case("edited_payload", _edited_payload, 422, "digest"),
    _Case("edited_both", _edited_both, 422, "signature"),
)


def _payload(batch: Batch) -> bytes:
    return b"\n".join(wire.unpack(batch.body).lines) + b"\n"


def _packed(batch: Batch, header: bytes, payload: bytes) -> Batch:
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    body = packer.compress(header + b"\n" + payload) + packer.flush()
    return Batch(batch.seqs, header, body, batch.signature)


# --- before and after ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def _cast(terms: Terms, collector: Collector, token: str) -> AsyncIterator[_Cast]:
    """The victim has said everything and has another key since."""
    async with (
        sim.enrolled(terms.folder / "victim", collector.url, token, chance=chance(terms, "victim")) as victim,
        sim.enrolled(terms.folder / "thief", collector.url, token, chance=chance(terms, "thief")) as thief,
    ):
        victim.say(_SAID)
        await victim.deliver(within_s=60)
        retired = victim.identity.key
        await _rotate(victim)
        yield _Cast(terms, collector, victim, thief.identity, retired, chance(terms, "replays"))


async def _rotate(agent: Agent) -> None:
    """Offer another key and use it: the one of before is retired."""
    path, new = "/agent/v1/keys", PrivateKey.generate()
    identity = agent.identity
    offer = KeyOffer(new.public.text, new.sign(f"{identity.agent} {new.public.text}".encode()))
    bearer = identity.key.request_token(agent=identity.agent, method="POST", path=path, now=utc_now())
    headers = {"Authorization": f"Bearer {bearer}"}
    async with agent.web.post(f"{agent.url}{path}", data=wire.encode(offer), headers=headers) as reply:
        reply.raise_for_status()
    agent.identity = Identity(identity.agent, new, identity.epoch)
    answer = await agent.post(agent.batch([1]))
    if answer.ack is None:
        raise LookupError(f"the new key is not taken: {answer.status} {answer.code}")


def _changes(before: Stored, after: Stored) -> list[str]:
    changed = []
    if dict(before.runs) != dict(after.runs):
        changed.append("the runs of the store have changed")
    if before.ranges != after.ranges:
        changed.append("what the store takes for received has changed")
    return changed


async def _grow_old(collector: Collector, cast: _Cast) -> None:
    """What a key has signed may still be on its way for a few minutes; a proof does not wait for them."""
    await collector.stop()
    db = Database.open(collector.database)
    try:
        await db.write(_retire_earlier, cast.victim.identity.agent, cast.retired.key_id)
    finally:
        await db.close()
    await collector.start()


@across_tenants("a proof knows whose key it is")
def _retire_earlier(conn: Connection, agent_id: str, key_id: str) -> None:
    """As if the key had been retired a while ago."""
    its = (agent_key.c.agent_id == agent_id, agent_key.c.key_id == key_id, agent_key.c.retired_at.is_not(None))
    earlier = utc_now() - 2 * keys.ON_ITS_WAY
    if conn.execute(update(agent_key).where(*its).values(retired_at=earlier)).rowcount != 1:
        raise LookupError(f"key {key_id} of agent {agent_id} is not retired")


@across_tenants("likewise")
def _alerts(conn: Connection, agent_id: str) -> int:
    """Those that the collector itself has raised when the key came back."""
    its = (alert.c.agent_id == agent_id, alert.c.rule == "agent_key_reused")
    return int(conn.execute(select(func.count()).where(*its)).scalar_one())
