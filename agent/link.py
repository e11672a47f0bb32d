"""Requests to the collector: pinned TLS, a signed token on each, a deadline on each, no redirect ever followed."""

import asyncio
import ssl
import statistics
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Literal, Self

import aiohttp

from agent.identity import Identity
from agent.route import Route, Routing
from agent.tls import explain
from agent.way import STRAIGHT, Way
from common import wire
from common.authorities import HEADER
from common.clock import Now, utc_now
from common.identity import PrivateKey
from common.wire import LinkError

MAX_REPLY = 1024 * 1024
MAX_RETRY_AFTER_S = 3600.0
CONNECT_DEADLINE_S = 10.0
_SAMPLES = 5

Method = Literal["GET", "POST"]


class LinkDownError(Exception):
    """No usable answer: the network, TLS, a deadline, or bytes that are not the protocol's."""


class LinkTimeoutError(LinkDownError):
    """The exchange was not over at its deadline: nobody answers, or the line is too slow for so much."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the collector answered. `retry_after` is in seconds; `error` is there when the body says what is wrong."""

    status: int
    body: bytes
    etag: str
    retry_after: float | None
    error: LinkError | None
    ca_mark: str = ""

    def why(self) -> str:
        if self.error:
            return f"HTTP {self.status} {self.error.code}: {self.error.message}"
        return f"HTTP {self.status}"


class Link:
    """One HTTP session to the collector for everything the agent asks and says."""

    def __init__(self, identity: Identity, *, way: Way = STRAIGHT, now: Now = utc_now) -> None:
        self.identity = identity
        self._now = now
        self._routing = Routing(identity.url, identity.ca_pem, way)
        self._session = new_session()
        self._offsets: deque[float] = deque(maxlen=_SAMPLES)
        self.ca_mark = ""
        """What the collector announces of its authorities; `announced` is set when it is something else than before."""
        self.announced = asyncio.Event()
        self._spare: PrivateKey | None = None
        self.parked = False
        """Whether the collector takes this machine for a clone and refuses all it says."""
        self.on_parked: Callable[[bool], None] = lambda _: None
        self.on_key: Callable[[bool], None] = lambda _: None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def trouble(self) -> str:
        """What is wrong with the files of the way to the collector; empty when nothing is."""
        return self._routing.trouble

    def trust(self, ca_pem: str) -> None:
        """Recognise the collector by these authorities from the next connection on."""
        self.identity = replace(self.identity, ca_pem=ca_pem)
        self._routing.trust(ca_pem)

    def try_key(self, candidate: PrivateKey) -> None:
        """Sign by this key from now on; when the collector does not know it, by the one before again.

        `on_key` hears what came of it: True once a request was taken, False when there was a way back.
        """
        if candidate.key_id != self.identity.key.key_id:
            self._spare = self._spare or self.identity.key
            self.identity = replace(self.identity, key=candidate)

    @property
    def on_trial(self) -> bool:
        """Whether the key in use still has to prove itself."""
        return self._spare is not None

    def new_instance(self, instance: str) -> None:
        """Speak as another start of this agent from the next request on."""
        self.identity = replace(self.identity, origin=replace(self.identity.origin, instance=instance))

    @property
    def clock_offset_s(self) -> float | None:
        """Seconds that the collector's clock is ahead of ours: the median of the newest five estimates."""
        return round(statistics.median(self._offsets), 3) if self._offsets else None

    async def request(
        self,
        method: Method,
        path: str,
        *,
        deadline_s: float,
        query: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One signed request; every answer with a status is a `Reply`, anything else a `LinkDownError`."""
        sent = self._now()
        identity = self.identity
        token = identity.key.request_token(
            agent=identity.agent,
            method=method,
            path=path,
            now=sent + timedelta(seconds=self.clock_offset_s or 0),
            origin=identity.origin,
        )
        reply = await fetch(
            self._session,
            self._routing.current(),
            method,
            f"{self.identity.url}{path}{query}",
            deadline_s=deadline_s,
            body=body,
            headers={"Authorization": f"Bearer {token}", **(headers or {})},
        )
        if reply.error:
            self.note_clock(sent, reply.error.server_time, self._now())
        self._heed(reply, identity)
        if reply.ca_mark not in {"", self.ca_mark}:
            self.ca_mark = reply.ca_mark
            self.announced.set()
        return reply

    def _heed(self, reply: Reply, identity: Identity) -> None:
        """What an answer says about who we are, whatever was asked."""
        taken, code = reply.status < HTTPStatus.BAD_REQUEST, reply.error.code if reply.error else ""
        if self._spare is not None and identity.key is self.identity.key and (taken or code == "key_unknown"):
            spare, self._spare = self._spare, None
            if not taken:
                self.identity = replace(self.identity, key=spare)
            self.on_key(taken)
        parked = code == "identity_conflict"
        if parked != self.parked and (taken or parked) and identity.origin == self.identity.origin:
            self.parked = parked
            self.on_parked(parked)

    def note_clock(self, sent: datetime, server_time: datetime, received: datetime) -> None:
        """One more estimate of how far our clock is off: the collector's time against the middle of the exchange."""
        self._offsets.append((server_time - (sent + (received - sent) / 2)).total_seconds())


def new_session() -> aiohttp.ClientSession:
    """A session that each request tells its route."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=4, ttl_dns_cache=60),
        auto_decompress=False,
        headers={"User-Agent": "fieldpost-agent", "Accept-Encoding": "identity"},
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def fetch(
    session: aiohttp.ClientSession,
    route: Route,
    method: Method,
    url: str,
    *,
    deadline_s: float,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    timeout = aiohttp.ClientTimeout(total=deadline_s, sock_connect=min(CONNECT_DEADLINE_S, deadline_s))
    try:
        async with session.request(
            method,
            url,
            data=body,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
            ssl=route.context,
            proxy=route.proxy.url if route.proxy else None,
            proxy_headers=route.proxy.headers if route.proxy else None,
        ) as answer:
            content = await _bounded(answer)
            return Reply(
                status=answer.status,
                body=content,
                etag=answer.headers.get("ETag", "").removeprefix("W/").strip('"'),
                retry_after=_retry_after(answer.headers.get("Retry-After")),
                error=_error(answer.status, content),
                ca_mark=answer.headers.get(HEADER, ""),
            )
    except TimeoutError:
        raise LinkTimeoutError(f"no answer within {deadline_s:g} s") from None
    except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
        raise LinkDownError(explain(error)) from None


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_chunked(65_536):
        content += chunk
        if len(content) > MAX_REPLY:
            raise LinkDownError(f"the answer is longer than {MAX_REPLY} bytes")
    return bytes(content)


def _error(status: int, content: bytes) -> LinkError | None:
    if status < HTTPStatus.BAD_REQUEST:
        return None
    try:
        return wire.decode(content, LinkError)
    except wire.WireError:  # a proxy's own page, for instance
        return None


def _retry_after(text: str | None) -> float | None:
    """Seconds, or a date (RFC 9110 10.2.3); nonsense counts as not given."""
    if not text:
        return None
    if text.strip().isdigit():
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        wait = (parsedate_to_datetime(text) - utc_now()).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(0.0, wait), MAX_RETRY_AFTER_S)
