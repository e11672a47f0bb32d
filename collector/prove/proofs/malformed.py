"""P10: requests that nobody should send: bytes turned about, bombs, documents that fit nothing, and what is no HTTP."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp
from yarl import URL

from collector.prove import sim
from collector.prove.processes import resident_mib
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.proofs._desk import Desk, opened
from collector.prove.proofs._findings import Findings
from collector.prove.proofs._mangled import BODIES, TYPES, Envelopes, Sent, document, mutated, raw, target

DOCUMENTS = {
    "health": "/api/v1/health/openapi.json",
    "tuner": "/api/v1/tuner/openapi.json",
    "status": "/api/v1/status/openapi.json",
    "admin": "/api/v1/admin/openapi.json",
    "public": "/status/api/openapi.json",
}
_SOURCES = 60
"""Loopback addresses that requests come from: each may fail so often a minute."""
_AT_ONCE = 8
_WARM = 300
_BOMBS = 4
_MOST_GROWTH = 50
_MOST_P99_MS = 1_000
_MANY, _BAD, _BROKEN = 429, 400, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method on a path of a family's document, and the names that its body knows."""

    family: str
    method: str
    path: str
    names: Sequence[str]


@dataclass(slots=True, kw_only=True)
class Target:
    """What is shot at, and with what."""

    desk: Desk
    operations: Sequence[Operation]
    envelopes: Envelopes
    webs: Sequence[aiohttp.ClientSession]
    findings: Findings
    counts: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    """Seconds, of each answer over HTTP."""

    @property
    def p99_ms(self) -> int:
        return int(sorted(self.took)[len(self.took) * 99 // 100] * 1000)

    def made(self, random: Random) -> Sent:
        """The request that follows from this chance."""
        kind = random.choices(("envelope", "api", "link", "raw"), (45, 40, 5, 10))[0]
        if kind == "envelope":
            return self.envelopes.sent(random)
        if kind == "raw":
            return raw(random)
        return self._of_link(random) if kind == "link" else self._of_api(random)

    def _of_link(self, random: Random) -> Sent:
        path = random.choice(("/agent/v1/enroll", "/agent/v1/keys", "/agent/v1/assignment", "/agent/v1/batches"))
        body = document(random, ("token", "public_key", "proof", "name", "hostname", "version", "client_time"))
        bearer = random.choice(("x.y.z", "a" * 3_000, mutated(random, b"eyJhbGciOiJFZERTQSJ9.e30.x").hex()))
        method = random.choice(("GET", "POST", "PUT", "DELETE"))
        return Sent(
            what=f"link {method} {path}",
            method=method,
            path=path,
            headers={"Authorization": f"Bearer {bearer}", "Content-Type": random.choice(TYPES[:7])},
            body=body,
        )

    def _of_api(self, random: Random) -> Sent:
        one = random.choice(self.operations)
        how = random.choice(tuple(BODIES))
        house = self.desk.houses[0]
        person = random.choice(house.people["owner"])
        credential = {"health": house.key, "status": house.token, "public": ""}.get(one.family, person.access)
        given = {"service_id": str(house.service), "slug": house.slug, "member_id": str(person.id)}
        headers = {"Content-Type": random.choice(TYPES[:9])}
        if credential:
            headers["Authorization"] = f"Bearer {credential}"
        if not random.randrange(6):
            headers[random.choice(("Idempotency-Key", "If-Match", "If-None-Match", "Accept", "Range"))] = random.choice(
                ("x" * 300, '"', "\t", "*", "W/", "bytes=-1", "é", ",,,")
            )
        return Sent(
            what=f"{one.method} {one.path} with {how}",
            method=one.method,
            path=target(random, one.path, given),
            headers=headers,
            body=b"" if one.method == "GET" else BODIES[how](random, one.names),
        )

    async def shoot(self, number: int, sent: Sent) -> None:
        status = await (self._raw(sent) if sent.raw else self._http(number, sent))
        self.counts[_class_of(status)] += 1
        self.findings.expect(status < _BROKEN, f"case {number} ({sent.what}): answered {status}")
        closed = status == 0 and not sent.raw and len(sent.body) < 64 * 1024
        self.findings.expect(not closed, f"case {number} ({sent.what}): no answer")

    async def _http(self, number: int, sent: Sent) -> int:
        web = self.webs[number % len(self.webs)]
        url, began = URL(f"{self.desk.collectors[0].url}{sent.path}", encoded=True), time.monotonic()
        try:
            async with web.request(
                sent.method, url, data=sent.body, headers=sent.headers, allow_redirects=False
            ) as answer:
                await answer.read()
                self.took.append(time.monotonic() - began)
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    async def _raw(self, sent: Sent) -> int:
        """The status of whatever comes back; 0 where the connection is closed without a word."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.desk.collectors[0].port)
        with contextlib.suppress(OSError):
            writer.write(sent.raw)
            writer.write_eof()
        line = b""
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            async with asyncio.timeout(10):
                line = await reader.readline()
        writer.close()
        words = line.split(b" ")
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


async def run(terms: Terms) -> Verdict:
    findings = Findings()
    cases = 2_000 if terms.quick else 50_000
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(opened(terms, "sqlite", people=10))
        aim = await _aimed(terms, desk, stack, findings)
        pid, half = desk.collectors[0].pid, (_WARM + cases) // 2
        await _bombs(terms, aim)
        await _volley(terms, aim, range(_WARM))
        before = resident_mib(pid)
        await _volley(terms, aim, range(_WARM, half))
        between = resident_mib(pid)
        await _volley(terms, aim, range(half, cases))
        late = resident_mib(pid) - between
        grown = between + late - before
        findings.expect(grown < _MOST_GROWTH, f"the collector grew by {grown} MiB")
        findings.expect(late < _MOST_GROWTH // 2, f"it goes on growing: by {late} MiB in the second half")
        findings.expect(aim.p99_ms < _MOST_P99_MS, f"one answer in a hundred took {aim.p99_ms} ms and more")
        await _still_answers(desk, findings)
    figures = {"p99_ms": aim.p99_ms, "grown_mib": grown, "grown_late_mib": late}
    counts = {"cases": cases, **aim.counts, **figures, "faults": len(findings)}
    did = (
        "shot at a served collector with broken and bomb-like envelopes of an enrolled agent, documents and targets "
        f"that fit none of its {len(aim.operations)} operations, and bytes that are no HTTP"
    )
    return findings.verdict(did, counts)


async def _aimed(terms: Terms, desk: Desk, stack: AsyncExitStack, findings: Findings) -> Target:
    agent = await stack.enter_async_context(
        sim.enrolled(
            terms.folder / "agent", desk.collectors[0].url, desk.houses[0].enrolment, chance=chance(terms, "agent")
        )
    )
    agent.say(20)
    await agent.deliver(within_s=60)
    webs = [
        await stack.enter_async_context(sim.session(source=f"127.0.1.{number + 1}", wait_s=60))
        for number in range(_SOURCES)
    ]
    lines = tuple(agent.journal.lines.values())
    envelopes = Envelopes(agent=agent.identity.agent, key=agent.identity.key, lines=lines)
    operations = [one for family in DOCUMENTS for one in await operations_of(desk, family)]
    return Target(desk=desk, operations=operations, envelopes=envelopes, webs=webs, findings=findings)


async def operations_of(desk: Desk, family: str) -> list[Operation]:
    """All that a family's document says can be asked."""
    answer = await desk.ask("GET", DOCUMENTS[family])
    return list(_operations(family, answer.body))


def _operations(family: str, said: Mapping[str, Any]) -> Iterator[Operation]:
    schemas = said.get("components", {}).get("schemas", {})
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            names = sorted(_names(content.get("schema", {}), schemas))
            yield Operation(family=family, method=method.upper(), path=path, names=names)


def _names(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> set[str]:
    if "$ref" in schema:
        return _names(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    nested = (_names(one, schemas) for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ())))
    return set(schema.get("properties", {})).union(*nested)


async def _bombs(terms: Terms, aim: Target) -> None:
    """As many at once as there will ever be: what memory that takes is kept by the allocator, and is no growth."""
    for number in range(_BOMBS):
        sent = [aim.envelopes.sent(chance(terms, "bomb", number, one), "bomb") for one in range(_AT_ONCE)]
        await asyncio.gather(*(aim.shoot(-1, one) for one in sent))


async def _volley(terms: Terms, aim: Target, numbers: range) -> None:
    waiting = iter(numbers)

    async def shoot() -> None:
        for number in waiting:
            await aim.shoot(number, aim.made(chance(terms, number)))

    await asyncio.gather(*(shoot() for _ in range(_AT_ONCE)))


async def _still_answers(desk: Desk, findings: Findings) -> None:
    house = desk.houses[0]
    ready = await desk.collectors[0].ready()
    findings.expect(ready == 200, f"afterwards /health/ready said {ready}")  # noqa: PLR2004 - HTTP's
    made = await desk.ask("POST", "/api/v1/incidents", bearer=house.token, json={"title": "Still there"})
    findings.expect(made.status == 201, f"afterwards a good request was answered {made.status}")  # noqa: PLR2004 - likewise


def _class_of(status: int) -> str:
    if status == 0:
        return "closed"
    if status == _MANY:
        return "limited"
    return "refused" if status >= _BAD else "answered"
