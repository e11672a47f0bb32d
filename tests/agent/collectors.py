"""A small, strict collector on a real port: verifies every signature, and misbehaves when told to."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from agent.identity import Identity
from common import identity as common_identity
from common import tokens, wire
from common.clock import utc_now
from common.identity import NotAuthentic, PrivateKey, PublicKey
from common.wire import (
    Ack,
    Assignment,
    AuthFailure,
    EnrolReply,
    EnrolRequest,
    KeyOffer,
    KeyReply,
    LinkError,
    Record,
    Rejection,
    merge_ranges,
)

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
Key = tuple[str, str, str, int]


@dataclass
class Collector:
    """`faults` are used up one per batch request, oldest first; None in it means: behave."""

    agents: dict[str, PublicKey] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    require_approval: bool = False
    records: dict[Key, Record] = field(default_factory=dict)
    lines: dict[Key, bytes] = field(default_factory=dict)
    order: list[Key] = field(default_factory=list)
    duplicates: int = 0
    batches: list[wire.BatchHeader] = field(default_factory=list)
    faults: deque[Fault | None] = field(default_factory=deque)
    refuse: Callable[[Record], str] = lambda _: ""
    clock_ahead: timedelta = timedelta(0)
    assignment: Assignment = field(default_factory=lambda: Assignment(version="v1"))
    raw_assignment: bytes | None = None
    assignment_requests: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    candidates: dict[str, PublicKey] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)
    parked: set[str] = field(default_factory=set)
    """Instances that are refused as clones."""
    origins: list[common_identity.Origin] = field(default_factory=list)
    tolerant: bool = False
    """Two records under one number count as one, as with the real one."""
    knows_keys: bool = True
    forgets_candidates: bool = False
    cuts: list[tuple[str, bool]] = field(default_factory=list)
    """Paths whose next request breaks off, and whether it is dealt with before that."""
    ca_pem: bytes | None = None
    url: str = ""

    def add_agent(self, ca_pem: str | None = None) -> Identity:
        key = PrivateKey.generate()
        name = f"agt_{len(self.agents) + 1}"
        self.agents[name] = key.public
        return Identity(name, self.url, key, ca_pem)

    def now(self) -> datetime:
        return utc_now() + self.clock_ahead

    def bodies(self, kind: str) -> list[dict[str, object]]:
        found = [self.records[key] for key in self.order]
        return [wire.decode(record.body, dict[str, object]) for record in found if record.kind == kind]

    # --- endpoints ---

    async def batch(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            answer = await fault(request)
            if answer is not None:
                return answer
        try:
            agent = self._caller(request)
            return web.Response(body=wire.encode(self._store(agent, request, await request.read())))
        except NotAuthentic as error:
            return self.error(401, error.failure, error.detail)
        except wire.WireError as error:
            return self.error({"too_large": 413, "digest": 422, "protocol": 426}.get(error.code, 400), error.code)

    async def current(self, request: web.Request) -> web.StreamResponse:
        self.assignment_requests += 1
        try:
            self._caller(request)
        except NotAuthentic as error:
            return self.error(401, error.failure, error.detail)
        etag = f'"{self.assignment.version}"'
        if request.headers.get("If-None-Match") == etag:
            try:
                async with asyncio.timeout(float(request.query.get("wait", "0")) and 2.0):
                    await self.changed.wait()
            except TimeoutError:
                return web.Response(status=304, headers={"ETag": etag})
        self.changed.clear()
        etag = f'"{self.assignment.version}"'
        return web.Response(body=self.raw_assignment or wire.encode(self.assignment), headers={"ETag": etag})

    async def keys(self, request: web.Request) -> web.StreamResponse:
        if not self.knows_keys:
            return self.error(404, "not_found")
        try:
            agent = self._caller(request)
            wanted = wire.decode(await request.read(), KeyOffer)
            key = PublicKey.parse(wanted.public_key)
            key.verify(f"{agent} {wanted.public_key}".encode(), wanted.proof)
        except NotAuthentic as error:
            return self.error(401, error.failure, error.detail)
        if not self.forgets_candidates:
            self.candidates[agent] = key
        return web.Response(body=wire.encode(KeyReply(key.key_id, "candidate", self.now())))

    @web.middleware
    async def cutting(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Break the line off before or after a request is dealt with."""
        cut = next((one for one in self.cuts if one[0] == request.path), None)
        if cut is None:
            return await handler(request)
        self.cuts.remove(cut)
        if cut[1]:
            await handler(request)
        assert request.transport
        request.transport.abort()
        return web.Response()

    async def enrol(self, request: web.Request) -> web.StreamResponse:
        wanted = wire.decode(await request.read(), EnrolRequest)
        key = PublicKey.parse(wanted.public_key)
        key.verify(wanted.token.encode(), wanted.proof)
        known = [name for name, public in self.agents.items() if public.text == wanted.public_key]
        if not known and wanted.token not in self.tokens:
            return self.error(401, "invalid_token", "the enrolment token is not valid")
        name = known[0] if known else f"agt_{len(self.agents) + 1}"
        self.tokens.discard(wanted.token)
        self.agents[name] = key
        if self.require_approval and not known:
            self.pending.add(name)
        state = "pending" if name in self.pending else "active"
        return web.Response(body=wire.encode(EnrolReply(name, "tenant", state, self.now())))  # type: ignore[arg-type]

    async def ca(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(body=self.ca_pem) if self.ca_pem else self.error(404, "not_found")

    # --- inside ---

    def error(self, status: int, code: str, message: str = "no", **headers: str) -> web.Response:
        body = wire.encode(LinkError(code, message, self.now()))
        return web.Response(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def _caller(self, request: web.Request) -> str:
        def lookup(agent: str, key_id: str) -> PublicKey:
            if agent in self.revoked:
                raise _not("revoked")
            if agent not in self.agents or agent in self.pending:
                raise _not("unknown_agent")
            candidate = self.candidates.get(agent)
            if candidate is not None and candidate.key_id == key_id:
                return candidate
            if self.agents[agent].key_id != key_id:
                raise _not("key_unknown")
            return self.agents[agent]

        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        proven = common_identity.verify_request(
            token, method=request.method, path=request.path, now=self.now(), lookup=lookup
        )
        self.origins.append(proven.origin)
        if proven.origin.instance in self.parked:
            raise ParkedError
        candidate = self.candidates.get(proven.agent)
        if candidate is not None and candidate.key_id == common_identity.key_id_of(token):
            self.retired.add(self.agents[proven.agent].key_id)
            self.agents[proven.agent] = self.candidates.pop(proven.agent)
        return proven.agent

    def _store(self, agent: str, request: web.Request, body: bytes) -> Ack:
        if request.content_type != wire.CONTENT_TYPE:
            raise wire.WireError("malformed", "content type")
        batch = wire.unpack(body)
        self.agents[agent].verify(batch.signed, request.headers[wire.SIGNATURE_HEADER])
        assert batch.header.agent == agent
        self.batches.append(batch.header)
        acked, rejected, new = [], [], 0
        for line in batch.lines:
            record = wire.parse_record(line)
            key = (agent, batch.header.epoch, batch.header.stream, record.seq)
            acked.append((record.seq, record.seq))
            refusal = self.refuse(record)
            if refusal:
                rejected.append(Rejection(record.seq, "malformed", refusal))
            elif key in self.records:
                assert self.tolerant or self.lines[key] == line, "one number, two records"
                self.duplicates += 1
            else:
                self.records[key], self.lines[key] = record, line
                self.order.append(key)
                new += 1
        ranges = tuple(merge_ranges(acked))
        return Ack(
            ranges, new, len(acked) - new - len(rejected), tuple(rejected), (), self.now(), self.assignment.version
        )


def _not(failure: AuthFailure) -> NotAuthentic:
    return NotAuthentic(failure, failure)


class ParkedError(Exception):
    """Somebody who is taken for a clone."""


def _parking(collector: Collector) -> Middleware:
    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ParkedError:
            return collector.error(409, "identity_conflict", "another machine speaks as this agent")

    return refuse


@asynccontextmanager
async def serving(collector: Collector, *, tls: "Tls | None" = None) -> AsyncIterator[Collector]:
    application = web.Application(
        client_max_size=16 * 1024 * 1024,
        handler_args={"auto_decompress": False},
        middlewares=[collector.cutting, _parking(collector)],
    )
    application.router.add_post("/agent/v1/keys", collector.keys)
    application.router.add_post("/agent/v1/batches", collector.batch)
    application.router.add_get("/agent/v1/assignment", collector.current)
    application.router.add_post("/agent/v1/enroll", collector.enrol)
    application.router.add_get("/agent/v1/ca", collector.ca)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls.context if tls else None)
    await site.start()
    host, port = runner.addresses[0][:2]
    collector.url = f"{'https' if tls else 'http'}://{host}:{port}"
    collector.ca_pem = tls.ca_pem if tls else None
    try:
        yield collector
    finally:
        await runner.cleanup()


# --- TLS -----------------------------------------------------------------------------------------------------------


@dataclass
class Tls:
    """A CA of its own and a certificate for 127.0.0.1."""

    ca: x509.Certificate
    context: ssl.SSLContext

    @property
    def ca_pem(self) -> bytes:
        return self.ca.public_bytes(Encoding.PEM)


def make_tls(folder: Path) -> Tls:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("CA", ca_key.public_key(), issuer="CA", signer=ca_key, ca=True)
    own = _certificate("collector", key.public_key(), issuer="CA", signer=ca_key, ca=False)
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(own.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return Tls(ca, context)


def _certificate(
    name: str, key: ec.EllipticCurvePublicKey, *, issuer: str, signer: ec.EllipticCurvePrivateKey, ca: bool
) -> x509.Certificate:
    at = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    )
    return builder.sign(signer, hashes.SHA256())


def new_token(collector: Collector) -> str:
    token = tokens.mint(tokens.ENROLMENT_TOKEN)
    collector.tokens.add(token)
    return token
