"""P15: a receiver's address, in every spelling that is known to slip through, never leads back to this machine."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from random import Random
from typing import Final

from collector.core.vault import Vault
from collector.delivery.resolving import CheckedResolver, Found, NotAllowed
from collector.delivery.syslog import SyslogSender
from collector.delivery.webhooks import WebhookSender
from collector.domain.webhooks.addresses import Reach
from collector.domain.webhooks.lanes import Lane, Message, Work
from collector.domain.webhooks.rules import Attempt, new_secret, sealed_for
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.proofs._findings import Findings
from collector.prove.proofs._spellings import ELSEWHERE, LOOPBACK, NAMES, URLS

_LISTED: Final = "127.77.0.1"
"""Stands for a receiver that the operator has listed; everything else of this machine is a canary's."""
_NETWORK = ip_network("127.77.0.0/16")
_LANE = Lane(1, "whk_proof")
_BODY = '{"event":"alert.triggered","timestamp":"2026-01-01T00:00:00Z","api_version":"v1","data":{}}'
_REDIRECTED = 7
"""Every so many requests the receiver sends the caller on to the canary."""


class _Ears:
    """Listeners on one port: the canary's must hear nothing, the receiver's hears what may be delivered."""

    def __init__(self) -> None:
        self.port = 0
        self.canary = self.receiver = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["_Ears"]:
        first = await asyncio.start_server(self._betray, "127.0.0.1", 0)
        self.port = first.sockets[0].getsockname()[1]
        servers = [first, await asyncio.start_server(self._receive, _LISTED, self.port)]
        if socket.has_ipv6 and _has_loopback_six():
            servers.append(await asyncio.start_server(self._betray, "::1", self.port))
        try:
            yield self
        finally:
            for server in servers:
                server.close()
                await server.wait_closed()

    async def _betray(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.canary += 1
        writer.close()

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.receiver += 1
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:"))
        await reader.readexactly(length)
        on = f"302 Found\r\nLocation: http://127.0.0.1:{self.port}/hook"
        status = on if self.receiver % _REDIRECTED == 0 else "204 No Content"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


async def run(terms: Terms) -> Verdict:
    findings = Findings()
    async with _Ears().open() as ears:
        forms = await _spellings(ears, findings)
        walls = await _second_wall(findings)
        flips = await _flipping(ears, chance(terms), 80 if terms.quick else 2_000, findings)
        findings.expect(ears.canary == 0, f"{ears.canary} connections reached the canary")
        counts = {"spellings": forms, "second_wall": walls, **flips, "canary_connections": ears.canary}
    did = (
        "sent webhooks and syslog lines to addresses in every known spelling, gave the same to the resolver alone, "
        "and let a name server change its answer between connections"
    )
    return findings.verdict(did, counts)


async def _spellings(ears: _Ears, findings: Findings) -> int:
    reach = Reach(ports=frozenset({ears.port}), plain_http=True)
    vault, secret = _signing()
    webhooks = WebhookSender(reach, vault, resolver=CheckedResolver((), look_up=_look_up))
    lines = SyslogSender(reach, resolver=CheckedResolver((), look_up=_look_up))
    hosts = [*LOOPBACK, *ELSEWHERE, *NAMES]
    urls = [f"http://{host}:{ears.port}/hook" for host in hosts] + [url.format(port=ears.port) for url in URLS]
    try:
        for url in urls:
            attempt = await webhooks.send(_LANE, Work("webhook", {"url": url}, secret, None, []), _message(1))
            findings.expect(attempt.error.startswith("url:"), f"{url!r}: {_said(attempt)}")
        for host in hosts:
            target = {"host": host.strip("[]"), "port": ears.port, "transport": "tcp"}
            attempt = await lines.send(_LANE, Work("syslog", target, None, None, []), _message(1))
            findings.expect(attempt.error.startswith("host:"), f"syslog to {host!r}: {_said(attempt)}")
    finally:
        await webhooks.close()
        await lines.close()
    return len(urls) + len(hosts)


async def _second_wall(findings: Findings) -> int:
    """What would become of a spelling that the check of the URL had let through."""
    resolver = CheckedResolver((), look_up=_look_up)
    hosts = [host.strip("[]").replace("%25", "%") for host in (*LOOPBACK, *ELSEWHERE, *NAMES)]
    for host in hosts:
        try:
            found = await resolver.resolve(host)
        except (NotAllowed, socket.gaierror, UnicodeError):
            continue
        findings.add(f"the resolver let {host!r} through to {found[0]['host']}")
    await resolver.close()
    return len(hosts)


class _Flipping:
    """A name server that gives another answer each time; `asked` are the answers it gave."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, _host: str, _port: int, _family: socket.AddressFamily) -> Found:
        answers = ((_LISTED,), (_LISTED,), ("127.0.0.1",), (_LISTED, "127.0.0.1"), ("127.0.0.1", _LISTED), ("::1",))
        self.asked.append(self._random.choice(answers))
        return [(_family_of(one), one) for one in self.asked[-1]]


async def _flipping(ears: _Ears, random: Random, sends: int, findings: Findings) -> dict[str, int]:
    names = _Flipping(random)
    vault, secret = _signing()
    reach = Reach(networks=(_NETWORK,), ports=frozenset({ears.port}), plain_http=True)
    sender = WebhookSender(reach, vault, resolver=CheckedResolver(reach.networks, look_up=names))
    work = Work("webhook", {"url": f"http://flipping.example:{ears.port}/hook"}, secret, None, [])
    redirected = refused = 0
    for number in range(sends):
        attempt = await sender.send(_LANE, work, _message(number))
        may = names.asked[-1] == (_LISTED,)
        redirected += "redirect" in attempt.error
        refused += not may
        findings.expect(len(names.asked) == number + 1, f"send {number}: the name was looked up more than once")
        fits = attempt.status is not None if may else attempt.error.startswith("url: its name leads to")
        findings.expect(fits, f"send {number}, answer {names.asked[-1]}: {_said(attempt)}")
    await sender.close()
    findings.expect(ears.receiver == sends - refused, f"{ears.receiver} deliveries arrived of {sends - refused}")
    return {"flips": sends, "flips_refused": refused, "flips_delivered": ears.receiver, "redirects": redirected}


def _signing() -> tuple[Vault, bytes]:
    vault = Vault(bytes(32))
    return vault, vault.seal(new_secret().encode(), about=sealed_for(_LANE.endpoint_id))


def _message(number: int) -> Message:
    return Message(number, f"msg_{number}", "alert.triggered", _BODY, 0, [])


def _said(attempt: Attempt) -> str:
    return attempt.error or f"delivered with {attempt.status}"


def _family_of(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _look_up(host: str, port: int, family: socket.AddressFamily) -> Found:
    """The system's own reading of what looks like a number, and of `localhost`; no name server is asked."""
    if host in NAMES:
        return [(_family_of(one), one) for one in NAMES[host]]
    if host.endswith(".example"):
        raise socket.gaierror(socket.EAI_NONAME, "unknown name")
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    return [(kind, str(where[0])) for kind, _, _, _, where in found]


def _has_loopback_six() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True
