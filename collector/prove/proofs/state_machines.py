"""P12: what may become of incidents and maintenance windows, asked by everybody, and by many at once."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from collector.domain.access.rules import Role
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.proofs._desk import Desk, Reply, kinds, opened
from collector.prove.proofs._findings import Findings
from collector.prove.proofs._history import MOVES, Try, contradictions
from collector.prove.proofs._ups_and_downs import live
from collector.prove.stores import NO_POSTGRESQL
from common.clock import iso, utc_now

_INCIDENTS, _WINDOWS = "/api/v1/incidents", "/api/v1/maintenance"
_WRITERS = 32
_TRIES = 4
_OPERATORS: frozenset[Role] = frozenset({"owner", "admin", "dba"})
_ACTIONS = {"start": ("scheduled", "active"), "complete": ("active", "completed"), "cancel": ("scheduled", "cancelled")}
_STATES: Mapping[str, tuple[str, ...]] = {
    "scheduled": (),
    "active": ("start",),
    "completed": ("start", "complete"),
    "cancelled": ("cancel",),
}
"""How a window gets there."""
_DONE, _SEEN, _FORBIDDEN, _CONFLICT, _WRONG = 200, 303, 403, 409, 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Somebody who asks, and whether he may; `page`: through the web pages."""

    name: str
    secret: str
    may: bool
    page: bool = False


async def run(terms: Terms) -> Verdict:
    findings = Findings()
    counts: Counter[str] = Counter()
    found = kinds(terms)
    for kind in found:
        async with opened(terms, kind) as desk:
            if kind == "sqlite" or not terms.quick:
                counts += await _incidents(desk, findings)
                counts += await _windows(desk, findings)
            counts += await live(terms, desk, findings, kind)
            for number in range(5 if terms.quick else 60):
                counts += await _race(desk, findings, f"race {number} on {kind}")
            for number in range(2 if terms.quick else 12):
                counts += await _storm(desk, chance(terms, kind, number), findings, f"storm {number} on {kind}")
    did = (
        f"had every kind of caller ask for every move of incidents and maintenance windows from every state, "
        f"{_WRITERS} writers at once change what they had all read, and {_WRITERS} writers at once move one incident "
        "about, its history held against the state machine; and an agent report findings that come and go"
    )
    limit = "" if len(found) > 1 else f"PostgreSQL not run: {NO_POSTGRESQL}"
    return findings.verdict(did, {**counts, "contradictions": len(findings)}, limit=limit)


# --- every state, every move, everybody ----------------------------------------------------------------------------


async def _incidents(desk: Desk, findings: Findings) -> Counter[str]:
    counts: Counter[str] = Counter()
    for asker in _askers(desk, "write:incidents"):
        for before in MOVES:
            for after in MOVES:
                path = f"{_INCIDENTS}/{await _incident(desk, before)}"
                known = (await desk.ask("GET", path, bearer=desk.houses[0].token)).body
                answer = await _move_incident(desk, asker, path, before, after)
                now = (await desk.ask("GET", path, bearer=desk.houses[0].token)).body
                legal = after in MOVES[before]
                where = f"incident, {asker.name}, {before} to {after}"
                findings.expect(answer.status == _wanted(asker, legal=legal), f"{where}: answered {answer.status}")
                moved = now["status"] == after and len(now["updates"]) == len(known["updates"]) + 1
                findings.expect(moved if asker.may and legal else now == known, f"{where}: it is {now['status']} now")
                if answer.status == _CONFLICT:
                    findings.expect(set(answer.body["allowed"]) == MOVES[before], f"{where}: {answer.content!r}")
                counts["incident_moves"] += 1
    return counts


async def _windows(desk: Desk, findings: Findings) -> Counter[str]:
    counts: Counter[str] = Counter()
    for asker in _askers(desk, "write:maintenance"):
        for before in _STATES:
            for action, (origin, after) in _ACTIONS.items():
                path = f"{_WINDOWS}/{await _window(desk, before)}"
                answer = await _move_window(desk, asker, path, before, action)
                now = (await desk.ask("GET", path, bearer=desk.houses[0].token)).body["status"]
                legal = origin == before
                where = f"window, {asker.name}, {action} when {before}"
                findings.expect(answer.status == _wanted(asker, legal=legal), f"{where}: answered {answer.status}")
                wanted = after if asker.may and legal else before
                findings.expect(now == wanted, f"{where}: it is {now} now")
                counts["window_moves"] += 1
    return counts


def _askers(desk: Desk, scope: str) -> Iterator[Asker]:
    house = desk.houses[0]
    for name, secret in house.scoped.items():
        yield Asker(name=f"token for {name}", secret=secret, may=name == scope)
    yield Asker(name="token for all", secret=house.token, may=True)
    for role, people in house.people.items():
        yield Asker(name=role, secret=people[0].cookie, may=role in _OPERATORS, page=True)


def _wanted(asker: Asker, *, legal: bool) -> int:
    if not asker.may:
        return _FORBIDDEN
    if asker.page:
        return _SEEN if legal else _WRONG
    return _DONE if legal else _CONFLICT


async def _move_incident(desk: Desk, asker: Asker, path: str, before: str, after: str) -> Reply:
    if asker.page:
        page = path.replace("/api/v1", "/ui")
        return await desk.ask("POST", f"{page}/updates", cookie=asker.secret, form={"status": after, "was": before})
    return await desk.ask("PATCH", path, bearer=asker.secret, json={"status": after})


async def _move_window(desk: Desk, asker: Asker, path: str, before: str, action: str) -> Reply:
    if asker.page:
        page = path.replace("/api/v1", "/ui")
        return await desk.ask("POST", f"{page}/move", cookie=asker.secret, form={"action": action, "was": before})
    return await desk.ask("POST", f"{path}/{action}", bearer=asker.secret)


async def _incident(desk: Desk, status: str) -> int:
    house = desk.houses[0]
    first = "investigating" if status == "resolved" else status
    body = {"title": "Slow", "service_ids": [house.service], "status": first}
    made = await desk.ask("POST", _INCIDENTS, bearer=house.token, json=body)
    number: int = made.body["id"]
    if status == "resolved":
        await desk.ask("POST", f"{_INCIDENTS}/{number}/resolve", bearer=house.token)
    return number


async def _window(desk: Desk, state: str) -> int:
    house, begin = desk.houses[0], utc_now() + timedelta(days=1)
    times = {"scheduled_start": iso(begin), "scheduled_end": iso(begin + timedelta(hours=2))}
    body = {"title": "Patch", "service_ids": [house.service], **times}
    number: int = (await desk.ask("POST", _WINDOWS, bearer=house.token, json=body)).body["id"]
    for action in _STATES[state]:
        await desk.ask("POST", f"{_WINDOWS}/{number}/{action}", bearer=house.token)
    return number


# --- many at once --------------------------------------------------------------------------------------------------


async def _race(desk: Desk, findings: Findings, name: str) -> Counter[str]:
    """All have read the same; whoever is first changes it, and the others are told that it has changed."""
    token = desk.houses[0].token
    path = f"{_INCIDENTS}/{await _incident(desk, 'investigating')}"
    tag = (await desk.ask("GET", path, bearer=token)).headers["etag"]
    asked = [
        desk.ask("PATCH", path, bearer=token, json={"title": f"By {one}"}, headers={"If-Match": tag}, replica=one)
        for one in range(_WRITERS)
    ]
    answers = await asyncio.gather(*asked)
    winners = [one for one, answer in enumerate(answers) if answer.status == _DONE]
    others = Counter(answer.status for answer in answers if answer.status != _DONE)
    findings.expect(len(winners) == 1, f"{name}: {len(winners)} winners")
    findings.expect(set(others) == {_CONFLICT}, f"{name}: the others were answered {dict(others)}")
    title = (await desk.ask("GET", path, bearer=token)).body["title"]
    findings.expect([title] == [f"By {one}" for one in winners], f"{name}: the title is {title!r}, of {winners}")
    return Counter(races=1, winners=len(winners), told_that_it_changed=others[_CONFLICT])


async def _storm(desk: Desk, random: Random, findings: Findings, name: str) -> Counter[str]:
    """Each writer moves the incident where he likes, several times, without looking."""
    path = f"{_INCIDENTS}/{await _incident(desk, 'investigating')}"
    plans = [[random.choice(tuple(MOVES)) for _ in range(_TRIES)] for _ in range(_WRITERS)]
    tries = [
        one
        for each in await asyncio.gather(
            *(_write(desk, path, writer, plan, findings) for writer, plan in enumerate(plans))
        )
        for one in each
    ]
    left = (await desk.ask("GET", path, bearer=desk.houses[0].token)).body
    said = [(update["message"], update["status"]) for update in left["updates"]]
    for one in contradictions(said, tries):
        findings.add(f"{name}: {one}")
    findings.expect(
        left["status"] == said[-1][1], f"{name}: it is {left['status']}, and was last said to be {said[-1]}"
    )
    taken = sum(one.taken for one in tries)
    findings.expect(len(said) == taken + 1, f"{name}: {len(said)} updates of {taken} that were taken")
    return Counter(storms=1, moves_taken=taken, moves_refused=len(tries) - taken)


async def _write(desk: Desk, path: str, writer: int, plan: list[str], findings: Findings) -> list[Try]:
    made: list[Try] = []
    for number, status in enumerate(plan):
        message, began = f"{writer} says {number}", time.monotonic()
        answer = await desk.ask(
            "POST",
            f"{path}/updates",
            bearer=desk.houses[0].token,
            json={"message": message, "status": status},
            replica=writer,
        )
        findings.expect(answer.status in {_DONE, _CONFLICT}, f"{message!r}: answered {answer.status}")
        taken = answer.status == _DONE
        made.append(Try(message=message, status=status, taken=taken, began=began, ended=time.monotonic()))
    return made
