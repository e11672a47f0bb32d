"""Follows the collector's own CA to the next one: what it announces over a proven link is learnt, and kept on disk."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.backoff import BackOff
from agent.enrolment import CA_PATH, DEADLINE_S, spki_sha256
from agent.identity import load_enrolment, save_enrolment
from agent.link import Link, LinkDownError
from agent.problems import Problems
from common import logs
from common.authorities import PLAIN, SYSTEM, ca_mark

log = logs.get("agent.authorities")

_TOPIC = "collector's CA"


class Authorities:
    """Learns whom to trust from the collector, which is recognised by what is trusted already."""

    def __init__(self, link: Link, state_dir: Path, *, problems: Problems) -> None:
        self._link = link
        self._folder = state_dir
        self._problems = problems
        self._back_off = BackOff()
        enrolment = load_enrolment(state_dir)
        self._mark = ca_mark(enrolment.announced.encode()) if enrolment and enrolment.announced else ""
        self._said: tuple[str | None, tuple[str, ...]] = (None, ())

    def trusts(self) -> tuple[str, ...]:
        """By what the collector is recognised, for the heartbeat: pins, `system` or `none`."""
        identity = self._link.identity
        if identity.url.startswith("http://"):
            return (PLAIN,)
        if identity.ca_pem is None:
            return (SYSTEM,)
        if self._said[0] != identity.ca_pem:
            self._said = identity.ca_pem, pins(identity.ca_pem)
        return self._said[1]

    async def run(self) -> None:
        """For ever; something is asked only when the collector announces what is not known yet."""
        while True:
            await self._link.announced.wait()
            self._link.announced.clear()
            if await self.follow():
                self._back_off.reset()
                continue
            self._link.announced.set()
            await asyncio.sleep(self._back_off.next())

    async def follow(self) -> bool:
        """Learn what is announced, if that is new; False: try again."""
        if self._link.identity.ca_pem is None or self._link.ca_mark == self._mark:
            return True
        try:
            reply = await self._link.request("GET", CA_PATH, deadline_s=DEADLINE_S)
        except LinkDownError as error:
            log.debug("authorities not fetched", reason=str(error))
            return False
        if reply.status != HTTPStatus.OK:
            return False
        try:
            self._learn(reply.body.decode())
        except (ValueError, OSError) as error:
            self._problems.report(_TOPIC, f"what the collector announces cannot be used or kept: {error}")
            return False
        self._problems.over(_TOPIC)
        self._mark = ca_mark(reply.body)
        return True

    def _learn(self, announced: str) -> None:
        """On disk first, so that what is trusted now is trusted after a restart."""
        enrolment = load_enrolment(self._folder)
        if enrolment is None or enrolment.ca_pem is None:
            return
        learnt = merged(enrolment.ca_pem, enrolment.announced, announced)
        if learnt is None:
            log.info("the collector has a CA of its own, which is not what it is recognised by here")
            return
        save_enrolment(self._folder, msgspec.structs.replace(enrolment, ca_pem=learnt, announced=announced))
        if learnt != enrolment.ca_pem:
            self._link.trust(learnt)
            log.info("the collector is recognised by other authorities", pins=" ".join(pins(learnt)))


def merged(ours: str, before: str, announced: str) -> str | None:
    """What to trust: what is announced in place of what was announced before, beside what was never announced.

    None where none of what is announced is trusted: the collector's TLS ends somewhere else then.
    """
    own, last, new = (_certificates(text) for text in (ours, before, announced))
    if not set(own) & set(new):
        return None
    kept = [pem for pem in own if pem in new or pem not in last]
    return "".join(dict.fromkeys([*new, *kept]))


def pins(pem: str) -> tuple[str, ...]:
    return tuple(f"sha256:{spki_sha256(one)}" for one in x509.load_pem_x509_certificates(pem.encode()))


def _certificates(pem: str) -> Sequence[str]:
    """One by one, as the same text for the same certificate."""
    if not pem:
        return ()
    return [one.public_bytes(Encoding.PEM).decode() for one in x509.load_pem_x509_certificates(pem.encode())]
