"""Becoming an agent: a one-use token and a new key are traded for an agent id, over TLS that is pinned first."""

import asyncio
import hashlib
import re
import socket
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.host_id import fingerprint
from agent.identity import (
    Enrolment,
    Identity,
    enrolling_key,
    load_enrolment,
    load_or_make_key,
    save_enrolment,
    settle,
    usable_state_dir,
    usable_url,
    waiting_candidate,
)
from agent.link import Link, LinkDownError, Reply, fetch, new_session
from agent.route import Route, route, unverified
from agent.way import STRAIGHT, Way
from common import tokens, wire
from common.clock import Now, utc_now
from common.errors import ConfigurationError
from common.identity import PrivateKey
from common.wire import EnrolReply, EnrolRequest

ENROL_PATH = "/agent/v1/enroll"
CA_PATH = "/agent/v1/ca"
ASSIGNMENT_PATH = "/agent/v1/assignment"
DEADLINE_S = 20.0
_PIN = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")


class EnrolmentRefusedError(Exception):
    """The collector, or our own care, says no; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the operator asked for. At most one of `ca_pin` and `ca_file`; with neither, the system's trust store."""

    url: str
    token: str | None
    name: str
    ca_pin: str | None = None
    ca_file: Path | None = None
    new_key: bool = False
    way: Way = STRAIGHT


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`before`: this agent was enrolled already, the token was not used; `again`: it was another host's before."""

    enrolment: Enrolment
    before: bool = False
    again: bool = False


async def enrol(state_dir: Path, wanted: Wanted, *, now: Now = utc_now) -> Enrolled:
    """Enrol, or find that it is done. Every step may be repeated; the key is durable before the token is used."""
    url = checked_url(wanted.url)
    usable_state_dir(state_dir)
    settle(state_dir)
    known = load_enrolment(state_dir)
    if known and known.url == url and (not wanted.new_key or _is_used(known, wanted.token)):
        accepted = await _still_known(state_dir, await _trusting_anew(known, wanted), wanted.way, now)
        if accepted:
            if accepted.ca_pem != known.ca_pem:
                save_enrolment(state_dir, accepted)
            return Enrolled(accepted, before=True)
    token = _checked_token(wanted.token)
    ca_pem = await trusted_ca(url, wanted)
    key = enrolling_key(state_dir) if wanted.new_key else load_or_make_key(state_dir)
    reply = await _trade(route(url, ca_pem, wanted.way), url, _request(wanted.name, token, key, now()))
    enrolment = Enrolment(
        reply.agent,
        reply.tenant,
        wanted.name,
        url,
        reply.state,
        ca_pem,
        reply.collector_key,
        key.key_id,
        token=tokens.digest(token).hex(),
    )
    save_enrolment(state_dir, enrolment)  # from here on a new key counts, wherever this ends
    settle(state_dir)
    return Enrolled(enrolment, again=reply.again)


async def state_at_collector(
    state_dir: Path, enrolment: Enrolment, *, url: str | None = None, way: Way = STRAIGHT, now: Now = utc_now
) -> tuple[Reply, float | None]:
    """What the collector says to a signed request of this agent, and how far ahead its clock is, if that shows."""
    identity = Identity(enrolment.agent, url or enrolment.url, load_or_make_key(state_dir), enrolment.ca_pem)
    candidate = waiting_candidate(state_dir)
    async with Link(identity, way=way, now=now) as link:
        if candidate is not None:  # it may be the agent's key by now
            link.try_key(candidate)
        reply = await link.request("GET", ASSIGNMENT_PATH, deadline_s=DEADLINE_S)
        for code in ("clock_skew", "key_unknown"):  # once more with the collector's time, or the key that is left
            if reply.error and reply.error.code == code:
                reply = await link.request("GET", ASSIGNMENT_PATH, deadline_s=DEADLINE_S)
        return reply, link.clock_offset_s


def mark_active(state_dir: Path, enrolment: Enrolment) -> Enrolment:
    """Note that the collector takes this agent; written once."""
    if enrolment.state == "active":
        return enrolment
    active = msgspec.structs.replace(enrolment, state="active")
    save_enrolment(state_dir, active)
    return active


def pin_collector_key(state_dir: Path, public_key: str) -> None:
    """Keep the key that the collector has named over a link that proves who it is; written when it is another one."""
    enrolment = load_enrolment(state_dir)
    if enrolment is not None and public_key and enrolment.collector_key != public_key:
        save_enrolment(state_dir, msgspec.structs.replace(enrolment, collector_key=public_key))


async def wait_until_active(
    state_dir: Path, enrolment: Enrolment, *, deadline_s: float, every_s: float = 5.0, way: Way = STRAIGHT
) -> Enrolment:
    """Ask every few seconds whether an operator has approved this agent; the enrolment as it is in the end."""
    give_up = asyncio.get_running_loop().time() + deadline_s
    while enrolment.state == "pending" and asyncio.get_running_loop().time() < give_up:
        await asyncio.sleep(every_s)
        reply, _ = await state_at_collector(state_dir, enrolment, way=way)
        if reply.status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
            enrolment = mark_active(state_dir, enrolment)
    return enrolment


def checked_url(text: str) -> str:
    try:
        return usable_url(text)
    except ValueError as error:
        raise ConfigurationError(f"url: {error}") from None


# --- whom to trust -------------------------------------------------------------------------------------------------


async def trusted_ca(url: str, wanted: Wanted) -> str | None:
    """The CA to trust from now on: from the operator's file, or fetched and held against the pin."""
    if url.startswith("http://"):
        return None
    if wanted.ca_file is not None:
        return _ca_of_file(wanted.ca_file)
    if wanted.ca_pin is None:
        return None
    pin = _parsed_pin(wanted.ca_pin)
    reply = await _fetch_ca(url, wanted.way)
    for certificate in _certificates(reply.body, where=f"{url}{CA_PATH}"):
        if spki_sha256(certificate) == pin:
            return certificate.public_bytes(Encoding.PEM).decode()
    raise EnrolmentRefusedError(
        f"ca-pin: the CA that {url} shows does not have the pin sha256:{pin}; either the pin is of another collector "
        "or somebody sits between. The token was not sent"
    )


def spki_sha256(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate's public key (SubjectPublicKeyInfo), in hex."""
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def _parsed_pin(text: str) -> str:
    match = _PIN.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(f"ca-pin: `{text}`; expected sha256: and 64 hexadecimal digits")
    return match[1].lower()


async def _fetch_ca(url: str, way: Way) -> Reply:
    """Get the CA without trusting the line; nothing is sent on it, and what comes is held against the pin."""
    async with new_session() as session:
        reply = await fetch(session, unverified(url, way), "GET", f"{url}{CA_PATH}", deadline_s=DEADLINE_S)
    if reply.status != HTTPStatus.OK:
        raise EnrolmentRefusedError(f"{url}{CA_PATH}: {reply.why()}; expected the collector's CA certificate")
    return reply


def _ca_of_file(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"ca-file: `{path}` cannot be read ({error.strerror})") from None
    certificates = _certificates(content, where=f"ca-file `{path}`")
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def _certificates(content: bytes, *, where: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        raise ConfigurationError(f"{where}: expected certificates in PEM form") from None


# --- the trade -----------------------------------------------------------------------------------------------------


def _checked_token(token: str | None) -> str:
    if not token:
        raise ConfigurationError(
            "enrolment token: missing; expected --token-file, FIELDPOST_ENROL_TOKEN or a credential"
        )
    if not tokens.well_formed(tokens.ENROLMENT_TOKEN, token):
        raise ConfigurationError("enrolment token: mistyped or cut off; expected fpe_ and 38 letters and digits")
    return token


def _is_used(known: Enrolment, token: str | None) -> bool:
    """Whether this very token was traded already, and only the end of that is not known to whoever asks."""
    return bool(token) and known.token == tokens.digest(token or "").hex()


def _request(name: str, token: str, key: PrivateKey, at: datetime) -> EnrolRequest:
    return EnrolRequest(
        token=token,
        public_key=key.public.text,
        proof=key.sign(token.encode()),
        name=name,
        hostname=socket.gethostname()[:255],
        version=version("fieldpost"),
        client_time=at,
        host=fingerprint(),
    )


async def _trade(way: Route, url: str, request: EnrolRequest) -> EnrolReply:
    async with new_session() as session:
        reply = await fetch(
            session,
            way,
            "POST",
            f"{url}{ENROL_PATH}",
            deadline_s=DEADLINE_S,
            body=wire.encode(request),
            headers={"Content-Type": "application/json"},
        )
    if reply.status not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED):
        raise EnrolmentRefusedError(_advice(reply))
    try:
        return wire.decode(reply.body, EnrolReply)
    except wire.WireError as error:
        raise LinkDownError(f"the answer to the enrolment cannot be read: {error.detail}") from None


def _advice(reply: Reply) -> str:
    code = reply.error.code if reply.error else ""
    if code == "key_in_use":
        return f"{reply.why()}. Run `enroll` again with --new-key; the old key is kept beside it"
    if code == "invalid_token":
        return f"{reply.why()}: it may be used up or expired; make one with `fieldpost-collector agent token`"
    return reply.why()


async def _trusting_anew(known: Enrolment, wanted: Wanted) -> Enrolment:
    """With the authority that the operator names, where the collector was recognised by another one before."""
    if wanted.ca_pin is None and wanted.ca_file is None:
        return known
    if wanted.ca_pin and known.ca_pem and _parsed_pin(wanted.ca_pin) in _pins(known.ca_pem):
        return known
    ca_pem = await trusted_ca(known.url, wanted)
    return msgspec.structs.replace(known, ca_pem=ca_pem, announced="") if ca_pem else known


def _pins(ca_pem: str) -> list[str]:
    return [spki_sha256(one) for one in _certificates(ca_pem.encode(), where="identity.json")]


async def _still_known(state_dir: Path, known: Enrolment, way: Way, now: Now) -> Enrolment | None:
    """The enrolment when the collector takes this agent (or will, once approved); None when a token is needed."""
    reply, _ = await state_at_collector(state_dir, known, way=way, now=now)
    if reply.status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        return mark_active(state_dir, known)
    if reply.error and reply.status == HTTPStatus.UNAUTHORIZED:
        return None
    raise EnrolmentRefusedError(f"{known.url} does not say whether this agent is known: {reply.why()}")
