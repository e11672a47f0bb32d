"""P16: tokens that were guessed, mistyped, altered, raced for and used twice."""

import asyncio
import base64
from collections import Counter as Tally
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import orjson
from sqlalchemy import Connection

from collector import migrations
from collector.core.vault import Vault
from collector.domain.access import sessions
from collector.domain.access.bearer import Claims, Pair
from collector.domain.access.sessions import Membership, NewSession
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import NewMember, NewTenant
from collector.prove import stores
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._asking import Answer, ask
from collector.prove.proofs._chance import chance
from collector.prove.proofs._counter import Counter, Watched, over
from collector.prove.proofs._findings import Findings
from common import tokens
from common.clock import utc_now
from common.ids import new_id
from common.tokens import Kind

_REFRESH, _READ = "/api/v1/auth/refresh", "/api/v1/accounts"
_PLACES = {"health": (tokens.API_KEY, "/api/v1/health/fleet"), "status": (tokens.STATUS_TOKEN, "/api/v1/incidents")}
_WELL, _REFUSED = 200, 401
_RACERS = 50
_GENERATIONS = 5


async def run(terms: Terms) -> Verdict:
    findings = Findings()
    counts: Tally[str] = Tally()
    kinds: list[stores.Kind] = ["sqlite", "postgresql"] if stores.has_postgresql(terms) else ["sqlite"]
    for kind in kinds:
        async with (
            stores.store(terms, kind, name="tokens") as url,
            _replicas(url, 1 if kind == "sqlite" else 2) as desks,
        ):
            if kind == "sqlite":
                counts += await _guesses(desks[0], chance(terms, "guesses"), 1_000 if terms.quick else 10_000, findings)
                counts += await _forgeries(desks[0], chance(terms, "forged"), 200 if terms.quick else 2_000, findings)
            for number in range(3 if terms.quick else 30):
                await _race(desks, findings, f"race {number} on {kind}")
                await _reuse(desks, findings, f"family {number} on {kind}")
                counts += Tally({f"races_{kind}": 1, "racers": _RACERS, "families": 1})
    did = (
        f"asked with guessed, mistyped and forged credentials, had {_RACERS} clients at once trade the same refresh "
        "token (on PostgreSQL through two replicas), and used old ones again"
    )
    limit = "" if len(kinds) > 1 else f"PostgreSQL not run: {stores.NO_POSTGRESQL}"
    return findings.verdict(did, {**counts, "differences": len(findings)}, limit=limit)


@asynccontextmanager
async def _replicas(url: str, count: int) -> AsyncIterator[list[Counter]]:
    vault = Vault(bytes(range(32)))
    opened = [Watched.open(url) for _ in range(count)]
    try:
        await opened[0].write(migrations.upgrade)
        yield [over(db, vault) for db in opened]
    finally:
        for db in opened:
            await db.close()


# --- keys and tokens that were never given out -------------------------------------------------------------------


async def _guesses(desk: Counter, random: Random, count: int, findings: Findings) -> Tally[str]:
    counts: Tally[str] = Tally()
    said: dict[str, set[bytes]] = {name: set() for name in _PLACES}
    for _ in range(count):
        name = random.choice(tuple(_PLACES))
        kind, path = _PLACES[name]
        how, spoil = random.choice(tuple(_SPOILT.items()))
        guess = spoil(kind, random)
        before = desk.db.asked
        app = desk.health if name == "health" else desk.status
        answer = await ask(app, "GET", path, headers={"authorization": f"Bearer {guess}"}, client=_client())
        asked = desk.db.asked - before
        counts[how] += 1
        said[name].add(_without_id(answer))
        findings.expect(answer.status == _REFUSED, f"{how} {name} credential: {answer.status}")
        findings.expect(how == "unknown" or asked == 0, f"{how} {name} credential: the store was asked {asked} times")
    for name, bodies in said.items():
        findings.expect(len(bodies) == 1, f"{name}: {len(bodies)} different refusals tell guesses apart")
    return counts


def _unknown(kind: Kind, _random: Random) -> str:
    return tokens.mint(kind)


def _mistyped(kind: Kind, random: Random) -> str:
    text = tokens.mint(kind)
    at = random.randrange(len(kind.prefix), len(text))
    return text[:at] + random.choice(kind.alphabet.replace(text[at], "")) + text[at + 1 :]


def _swapped(kind: Kind, random: Random) -> str:
    """Two neighbours that differ; nothing is as easily mistyped."""
    text = tokens.mint(kind)
    places = [at for at in range(len(kind.prefix), len(text) - 1) if text[at] != text[at + 1]]
    at = random.choice(places)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _cut(kind: Kind, random: Random) -> str:
    text = tokens.mint(kind)
    return text[: random.randrange(1, len(text))]


def _longer(kind: Kind, random: Random) -> str:
    return tokens.mint(kind) + random.choice(kind.alphabet)


def _of_another_kind(kind: Kind, random: Random) -> str:
    return tokens.mint(random.choice([one for one in tokens.KINDS if one != kind]))


def _noise(_kind: Kind, random: Random) -> str:
    return "".join(chr(random.randrange(0x21, 0x7F)) for _ in range(random.randrange(1, 80)))


_SPOILT: dict[str, Callable[[Kind, Random], str]] = {
    "unknown": _unknown,
    "mistyped": _mistyped,
    "swapped": _swapped,
    "cut": _cut,
    "longer": _longer,
    "of_another_kind": _of_another_kind,
    "noise": _noise,
}


# --- tokens of sessions --------------------------------------------------------------------------------------------


async def _forgeries(desk: Counter, random: Random, count: int, findings: Findings) -> Tally[str]:
    """An access token, altered in every way that JWTs are known to be; the one that it was made of is good."""
    pair, _ = await _session(desk)
    counts: Tally[str] = Tally()
    for _ in range(count):
        how, forge = random.choice(tuple(_FORGED.items()))
        answer = await _read(desk, forge(pair, random))
        counts[how] += 1
        findings.expect(answer.status == _REFUSED, f"{how}: {answer.status}")
    answer = await _read(desk, pair.access)
    findings.expect(answer.status == _WELL, f"the token itself: {answer.status}")
    return counts


def _altered(pair: Pair, random: Random) -> str:
    """One character of what is signed, or of the signature; the last one's low bits say nothing."""
    at = random.randrange(len(pair.access) - 1)
    while pair.access[at] == ".":
        at = random.randrange(len(pair.access) - 1)
    other = random.choice([one for one in "ABCDEFGHabcdefgh0123456789-_" if one != pair.access[at]])
    return pair.access[:at] + other + pair.access[at + 1 :]


def _unsigned(pair: Pair, random: Random) -> str:
    head = {"alg": random.choice(("none", "None", "NONE")), "typ": "JWT", "kid": _head(pair)["kid"]}
    return f"{_packed(head)}.{pair.access.split('.')[1]}."


def _by_public_key(pair: Pair, random: Random) -> str:
    """The old trick: an asymmetric key taken for a shared one."""
    head = {**_head(pair), "alg": random.choice(("HS256", "HS384", "HS512"))}
    return f"{_packed(head)}.{pair.access.split('.')[1]}.{_packed(random.randrange(2**64))}"


def _other_key(pair: Pair, random: Random) -> str:
    head = {**_head(pair), "kid": f"key_{random.randrange(2**32)}"}
    return ".".join([_packed(head), *pair.access.split(".")[1:]])


def _other_claims(pair: Pair, random: Random) -> str:
    head, claims, signature = pair.access.split(".")
    said = orjson.loads(_unpacked(claims))
    name = random.choice(("tid", "sub", "sid", "exp"))
    changed = {**said, name: f"{said[name]}1" if isinstance(said[name], str) else said[name] + random.randint(1, 9)}
    return f"{head}.{_packed(changed)}.{signature}"


def _of_the_other_use(pair: Pair, _random: Random) -> str:
    return pair.refresh


_FORGED: dict[str, Callable[[Pair, Random], str]] = {
    "altered": _altered,
    "unsigned": _unsigned,
    "signed_with_the_public_key": _by_public_key,
    "of_an_unknown_key": _other_key,
    "with_other_claims": _other_claims,
    "refresh_for_access": _of_the_other_use,
}


async def _race(desks: list[Counter], findings: Findings, name: str) -> None:
    """Many hold the same refresh token and use it at once: one gets a child, and as it came twice all of it ends."""
    pair, claims = await _session(desks[0])
    asked = [_trade(desks[number % len(desks)], pair.refresh) for number in range(_RACERS)]
    answers = await asyncio.gather(*asked)
    children = [one for one in answers if one.status == _WELL]
    others = Tally(one.status for one in answers if one.status != _WELL)
    findings.expect(len(children) == 1, f"{name}: {len(children)} children")
    findings.expect(set(others) == {_REFUSED}, f"{name}: the others were answered {dict(others)}")
    for child in children:
        said = child.json()["data"]
        await _dead(desks, Pair(said["accessToken"], said["refreshToken"]), findings, f"{name}, the child")
    await _dead(desks, pair, findings, f"{name}, the parent")
    good = await desks[0].db.read(sessions.signed, claims.tenant_id, claims.session_id, utc_now())
    findings.expect(good is None, f"{name}: the session is good still")


async def _reuse(desks: list[Counter], findings: Findings, name: str) -> None:
    """Token after token is traded as it should be, on whichever replica; then one of the old ones comes back."""
    pair, _ = await _session(desks[0])
    spent: list[str] = []
    for number in range(_GENERATIONS):
        answer = await _trade(desks[number % len(desks)], pair.refresh)
        if answer.status != _WELL:
            findings.add(f"{name}: generation {number} was answered {answer.status}")
            return
        spent.append(pair.refresh)
        said = answer.json()["data"]
        pair = Pair(said["accessToken"], said["refreshToken"])
    alive = await _read(desks[-1], pair.access)
    findings.expect(alive.status == _WELL, f"{name}: its newest token was answered {alive.status}")
    again = await _trade(desks[-1], spent[1])
    findings.expect(again.status == _REFUSED, f"{name}: an old token was answered {again.status}")
    await _dead(desks, pair, findings, f"{name} after reuse")


async def _dead(desks: list[Counter], pair: Pair, findings: Findings, name: str) -> None:
    for number, desk in enumerate(desks):
        for answer in (await _read(desk, pair.access), await _trade(desk, pair.refresh)):
            findings.expect(answer.status == _REFUSED, f"{name}: answered {answer.status} by replica {number}")


async def _session(desk: Counter) -> tuple[Pair, Claims]:
    """A member's new session, as a login makes it."""
    now = utc_now()
    who = await desk.db.write(_member)
    claims = Claims(who.tenant_id, who.member_id, new_id("ses"))
    pair = await desk.keyring.issue(claims, now)
    new = NewSession(session_id=claims.session_id, digest=tokens.digest(pair.refresh), address="198.51.100.1")
    await desk.db.write(sessions.open_session, who.tenant_id, who, new, now)
    return pair, claims


def _member(conn: Connection) -> Membership:
    """A person of a tenant of their own: a limit of one is none of another's."""
    now, name = utc_now(), new_id("t").replace("_", "-")
    made = tenants.add(conn, NewTenant(slug=name, name=name, plan="enterprise"), now)
    email = f"{name}@example.com"
    one = tenants.add_member(conn, made.id, NewMember(name=name, email=email, role="owner"), now)
    return Membership(made.id, name, one.id, name, email, "owner", name)


async def _trade(desk: Counter, refresh: str) -> Answer:
    return await ask(desk.tuner, "POST", _REFRESH, json={"refreshToken": refresh}, client=_client())


async def _read(desk: Counter, access: str) -> Answer:
    return await ask(desk.tuner, "GET", _READ, headers={"authorization": f"Bearer {access}"}, client=_client())


_clients = iter(range(2**24))


def _client() -> str:
    """Everybody comes from an address of their own: a limit is not what is looked at here."""
    number = next(_clients)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _without_id(answer: Answer) -> bytes:
    return b"%d %s" % (answer.status, answer.body)


def _head(pair: Pair) -> dict[str, str]:
    found: dict[str, str] = orjson.loads(_unpacked(pair.access.split(".")[0]))
    return found


def _packed(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
