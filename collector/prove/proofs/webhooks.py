"""P14: webhooks to receivers that fail in every way, from a collector that is killed while it delivers."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from random import Random

import aiohttp

from collector.core.database import Database
from collector.core.vault import Vault
from collector.domain.access.rules import Act
from collector.domain.webhooks import changes, rules
from collector.domain.webhooks.addresses import Reach
from collector.domain.webhooks.making import Outbound
from collector.domain.webhooks.rules import Attempt
from collector.prove import sim, stores, world
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs import _estate
from collector.prove.proofs._chance import chance
from collector.prove.proofs._desk import SETTINGS
from collector.prove.proofs._estate import House
from collector.prove.proofs._findings import Findings
from collector.prove.proofs._receiver import CUT, Arrival, Manner, Receiver
from collector.prove.world import Collector
from common.clock import utc_now

_EVENT = "incident.created"
_INCIDENTS = "/api/v1/incidents"
_CREATED = 201
_EVENTS = 6
_FIRST_DELAY = (4.5, 20.0)
"""Seconds: five, a tenth less at least; the upper end leaves room for a machine that does other things."""
_LEASE_S = 30
_PER_TENANT = 3
_NETWORKS = (ip_network("127.0.0.0/8"),)


async def run(terms: Terms) -> Verdict:
    findings = Findings()
    counts = Counter(schedule_points=_schedule(chance(terms, "schedule"), findings))
    async with asyncio.TaskGroup() as group:
        faults = group.create_task(_faults(terms, findings))
        kills = group.create_task(_kills(terms, findings, 8 if terms.quick else 100, events=12 if terms.quick else 50))
    did = (
        "delivered to receivers that were slow, away, cut off, redirected, refused, asked for patience or were gone; "
        "killed the collector with kill -9 in the middle of deliveries; and held the schedule of attempts against "
        "that of Standard Webhooks"
    )
    return findings.verdict(did, {**counts, **faults.result(), **kills.result(), "faults": len(findings)})


# --- the schedule, which is longer than anybody waits for ----------------------------------------------------------

_DELAYS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
_TENTH = 0.1


def _schedule(random: Random, findings: Findings) -> int:
    """When each attempt follows, and when none does any more."""
    at, points = datetime(2026, 1, 1, tzinfo=UTC), 0
    failed = Attempt(at, 500, 10, "HTTP 500: refused")
    for failures in range(1, 15):
        usual = _DELAYS_S[min(failures, len(_DELAYS_S)) - 1]
        for luck in (0.0, random.random(), random.random(), 0.999999):
            waited = (rules.next_try(failed, failures, luck) - at).total_seconds()
            points += 1
            inside = usual * (1 - _TENTH) <= waited <= usual * (1 + _TENTH)
            findings.expect(inside, f"attempt after {failures} failures: {waited:.0f} s later; expected {usual}")
        verdict = rules.judge(failed, failures)
        wanted = "later" if failures <= len(_DELAYS_S) else "dead"
        findings.expect(verdict == wanted, f"after {failures} failures: {verdict}; expected {wanted}")
    asked = Attempt(at, 503, 10, "HTTP 503: refused", retry_after_s=3_600)
    waited = (rules.next_try(asked, 1, 0.5) - at).total_seconds()
    findings.expect(waited >= asked.retry_after_s, f"Retry-After 3600: tried again after {waited:.0f} s")
    for status, wanted in ((410, "gone"), (301, "later"), (404, "later"), (200, "later")):
        verdict = rules.judge(Attempt(at, status, 10, "error"), 1)
        findings.expect(verdict == wanted, f"status {status}: {verdict}; expected {wanted}")
    days = timedelta(days=5)
    findings.expect(rules.given_up(at, at + days) and not rules.given_up(at, at + days / 2), "given up at another time")
    return points


# --- receivers that fail -------------------------------------------------------------------------------------------


def _once(event: int, status: int) -> Manner:
    """The first attempt at one event fails."""
    return Manner(status=lambda number, attempt: status if (number, attempt) == (event, 1) else 204)


def _manners(receiver: Receiver) -> dict[str, Manner]:
    away = {"Location": receiver.url("elsewhere")}
    return {
        "steady": Manner(),
        "slow": Manner(takes_s=0.2),
        "broken": _once(2, 500),
        "cut-off": Manner(status=lambda number, attempt: CUT if number == 3 and attempt <= 2 else 204),  # noqa: PLR2004 - any
        "redirected": Manner(status=_once(2, 302).status, headers=away),
        "patient": Manner(status=_once(2, 429).status, headers={"Retry-After": "8"}),
        "gone": Manner(status=lambda number, _: 410 if number >= 3 else 204),  # noqa: PLR2004 - any of them
    }


async def _faults(terms: Terms, findings: Findings) -> Counter[str]:
    folder = terms.folder / "faults"
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver().open())
        receiver.manners = _manners(receiver)
        url = f"sqlite:///{terms.folder / 'faults'}.sqlite"
        (house,) = await _estate.settle(url, folder, slugs=("acme",))
        late = Receiver(port=stores.free_port())
        ports = [receiver.port, late.port]
        await _endpoints(url, folder, house, receiver, list(receiver.manners))
        await _endpoints(url, folder, house, late, ["away"])
        collector = await stack.enter_async_context(world.served(folder, url, settings=_settings(ports)))
        web = await stack.enter_async_context(sim.session())
        sent = [one for one in range(1, _EVENTS + 1) if await _report(web, collector, house, one)]
        await asyncio.sleep(1)
        await stack.enter_async_context(late.open())
        waiting = [name for name in receiver.manners if name != "gone"]
        await _delivered(receiver, {name: set(sent) for name in waiting}, within_s=60)
        await _delivered(late, {"away": set(sent)}, within_s=60)
        return _judge_faults(receiver, late, sent, findings)


def _judge_faults(receiver: Receiver, late: Receiver, sent: Sequence[int], findings: Findings) -> Counter[str]:
    counts: Counter[str] = Counter(events=len(sent), receivers=len(receiver.manners) + 1)
    findings.expect(len(sent) == _EVENTS, f"{len(sent)} of {_EVENTS} incidents were taken")
    for where, name in [*((receiver, name) for name in receiver.manners), (late, "away")]:
        arrivals = where.arrivals[name]
        counts += _judge(name, arrivals, findings)
        lost = set(sent) - where.accepted(name)
        findings.expect(name == "gone" or not lost, f"{name}: events {sorted(lost)} were never taken")
        least = 8.0 if name == "patient" else _FIRST_DELAY[0]
        skipped = 1 if name == "cut-off" else 0  # without an answer a kept connection is taken for closed, once
        for waited in list(_waits(arrivals))[skipped:]:
            counts["retries"] += 1
            findings.expect(least <= waited <= _FIRST_DELAY[1], f"{name}: tried again after {waited:.1f} s")
    findings.expect(len(receiver.arrivals["gone"]) == 3, f"gone: {len(receiver.arrivals['gone'])} requests; expected 3")  # noqa: PLR2004 - two before, and the one that is told so
    findings.expect(receiver.strays == 0, f"{receiver.strays} requests went where a redirect leads")
    return counts


def _waits(arrivals: Sequence[Arrival]) -> Iterator[float]:
    """Between an attempt that failed and the next at the same event."""
    for before, after in pairwise(arrivals):
        if before.event == after.event:
            yield after.at - before.at


def _judge(name: str, arrivals: Sequence[Arrival], findings: Findings) -> Counter[str]:
    """What holds for every receiver: signed well, and in order."""
    for one in arrivals:
        findings.expect(not one.fault, f"{name}, event {one.event}: {one.fault}")
    firsts = list(dict.fromkeys(one.event for one in arrivals))
    findings.expect(firsts == sorted(firsts), f"{name}: events came in the order {firsts[:20]}")
    names = {(one.event, one.message) for one in arrivals}
    findings.expect(len(names) == len(firsts), f"{name}: the same event came under several ids")
    return Counter(requests=len(arrivals), repeated=len(arrivals) - len(firsts))


# --- a collector that is killed ------------------------------------------------------------------------------------


@dataclass
class _Estate:
    """Tenants that take turns: what a killed collector was at is let alone for the time of its lease."""

    collector: Collector
    houses: Sequence[House]
    receiver: Receiver
    web: aiohttp.ClientSession
    number: int = 0
    sure: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    unsure: set[int] = field(default_factory=set)

    async def round(self, house: House, random: Random, events: int) -> bool:
        """Report incidents, kill the collector while it tells of them, and start it again; whether it was at it."""
        for _ in range(events):
            await self.report(house)
        name = _name(house, 0)
        before = len(self.receiver.arrivals[name])
        await _until(lambda: len(self.receiver.arrivals[name]) > before, within_s=10)
        await asyncio.sleep(random.uniform(0, 0.15))
        reporting = asyncio.create_task(self.report(house))
        await asyncio.sleep(random.uniform(0, 0.01))
        at_it = self.receiver.under_way > 0
        await self.collector.kill()
        await reporting
        await self.collector.start()
        return at_it

    async def report(self, house: House) -> None:
        self.number += 1
        number = self.number
        taken = await _report(self.web, self.collector, house, number)
        if taken:
            self.sure[house.slug].add(number)
        elif taken is None:
            self.unsure.add(number)


async def _kills(terms: Terms, findings: Findings, kills: int, *, events: int) -> Counter[str]:
    async with _estate_of(terms, tenants=8 if terms.quick else 30) as estate:
        caught = 0
        for number in range(kills):
            house = estate.houses[number % len(estate.houses)]
            caught += await estate.round(house, chance(terms, "kill", number), events)
        wanted = {_name(house, one): estate.sure[house.slug] for house in estate.houses for one in range(_PER_TENANT)}
        await _delivered(estate.receiver, wanted, within_s=2 * _LEASE_S + 60)
        counts = Counter(kills=kills, kills_in_mid_delivery=caught, answers_lost=len(estate.unsure))
        for name, due in wanted.items():
            counts += _judge(name, estate.receiver.arrivals[name], findings)
            lost = due - estate.receiver.accepted(name)
            invented = {one.event for one in estate.receiver.arrivals[name]} - due - estate.unsure
            findings.expect(not lost, f"{name}: events {sorted(lost)[:5]} were lost")
            findings.expect(not invented, f"{name}: events {sorted(invented)[:5]} were refused and came")
            counts += Counter(deliveries_due=len(due), lost=len(lost))
        counts["lost"] += 0
        return counts


@asynccontextmanager
async def _estate_of(terms: Terms, *, tenants: int) -> AsyncIterator[_Estate]:
    folder, url = terms.folder / "kills", f"sqlite:///{terms.folder / 'kills'}.sqlite"
    async with Receiver().open() as receiver, sim.session() as web:
        houses = await _estate.settle(url, folder, slugs=[f"tenant-{one}" for one in range(tenants)])
        for house in houses:
            names = [_name(house, one) for one in range(_PER_TENANT)]
            receiver.manners |= {name: Manner(takes_s=0.05 * (one + 1)) for one, name in enumerate(names)}
            await _endpoints(url, folder, house, receiver, names)
        async with world.served(folder, url, settings=_settings([receiver.port])) as collector:
            yield _Estate(collector, houses, receiver, web)


def _name(house: House, number: int) -> str:
    return f"{house.slug}-{number}"


async def _endpoints(url: str, folder: Path, house: House, receiver: Receiver, names: Sequence[str]) -> None:
    """Webhooks of these names, whose secrets the receiver gets to know."""
    reach = Reach(networks=_NETWORKS, ports=frozenset({receiver.port}), plain_http=True)
    ways_out = Outbound(reach, Vault.of_file(folder / "state" / "vault.key"))
    db = Database.open(url)
    try:
        for name in names:
            new, secret = ways_out.webhook(name, receiver.url(name), [_EVENT])
            await db.write(changes.add, house.id, new, Act(_estate.BY, utc_now()))
            receiver.secrets[name] = secret
    finally:
        await db.close()


async def _report(web: aiohttp.ClientSession, collector: Collector, house: House, number: int) -> bool | None:
    """An incident with this number for a title; None where nobody knows whether it was taken."""
    headers = {"Authorization": f"Bearer {house.token}"}
    try:
        async with web.post(f"{collector.url}{_INCIDENTS}", json={"title": str(number)}, headers=headers) as answer:
            return answer.status == _CREATED
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


async def _delivered(receiver: Receiver, wanted: Mapping[str, set[int]], *, within_s: float) -> None:
    """Come back when all of it is there, or it takes too long; what is missing is judged later."""
    await _until(lambda: all(events <= receiver.accepted(name) for name, events in wanted.items()), within_s=within_s)


async def _until(holds: Callable[[], bool], *, within_s: float) -> None:
    clock = asyncio.get_running_loop()
    end = clock.time() + within_s
    while clock.time() < end:
        if holds():
            return
        await asyncio.sleep(0.02)


def _settings(ports: Sequence[int]) -> Mapping[str, object]:
    return {
        **SETTINGS,
        "delivery_networks": [str(one) for one in _NETWORKS],
        "delivery_ports": list(ports),
        "delivery_plain_http": True,
        "delivery_poll_s": 0.2,
    }
