"""Webhooks: a signed POST to a checked address, answered by 2xx or tried again."""

import asyncio
import ssl
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

import aiohttp

from collector.core.vault import SealBroken, Vault
from collector.delivery.resolving import CheckedResolver, NotAllowed
from collector.delivery.sending import CONNECT_SECONDS, TOTAL_SECONDS, Began
from collector.delivery.trust import trust
from collector.domain.webhooks.addresses import Reach, check_url
from collector.domain.webhooks.lanes import Lane, Message, Work
from collector.domain.webhooks.rules import Attempt, sealed_for, sign
from common import logs

MAX_ANSWER = 64 * 1024
_MAX_DIGITS = 8
_KEPT = 256  # receivers whose secret and URL need not be worked out anew for each message

log = logs.get(__name__)


class WebhookSender:
    """One pool of connections for all receivers; close it in the loop that made it."""

    def __init__(
        self, reach: Reach, vault: Vault, *, resolver: CheckedResolver | None = None, ca_file: Path | None = None
    ) -> None:
        self._reach = reach
        self._vault = vault
        self._open = lru_cache(_KEPT)(self._unsealed)
        self._resolver = resolver or CheckedResolver(reach.networks)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver, use_dns_cache=False, limit=0, ssl=trust(ca_file), keepalive_timeout=30
            ),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": "Fieldpost", "Content-Type": "application/json"},
        )

    async def send(self, lane: Lane, work: Work, message: Message) -> Attempt:
        began = Began.now()
        body = message.body.encode()
        try:
            headers = self._headers(lane, work, message.id, int(began.at.timestamp()), body)
            url = _checked(work.target["url"], self._reach)
        except SealBroken as broken:
            log.warning("webhook cannot be signed", detail=str(broken))
            return began.failed("its secret cannot be read: the vault key is another one")
        except ValueError as refused:
            return began.failed(str(refused))
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._post(began, url, headers, body)
        except TimeoutError as error:
            return began.failed(_describe(error))

    async def close(self) -> None:
        await self._session.close()
        await self._resolver.close()

    def _headers(self, lane: Lane, work: Work, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        secrets = [self._open(sealed, lane.endpoint_id) for sealed in (work.secret, work.old_secret) if sealed]
        signatures = [sign(secret, message_id, timestamp, body) for secret in secrets]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signatures),
        }

    def _unsealed(self, sealed: bytes, endpoint_id: str) -> str:
        return self._vault.open(sealed, about=sealed_for(endpoint_id)).decode()

    async def _post(self, began: Began, url: str, headers: dict[str, str], body: bytes) -> Attempt:
        for last in (False, True):
            try:
                async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                    return await _read(began, answer)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                if last:
                    return began.failed("the connection was closed without an answer")
                # a connection that was kept for later may have been closed in the meantime
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                return began.failed(_describe(error))
        raise AssertionError("the second attempt returns")


@lru_cache(_KEPT)
def _checked(url: str, reach: Reach) -> str:
    return check_url(url, reach)


async def _read(began: Began, answer: aiohttp.ClientResponse) -> Attempt:
    """What the answer says by its status; of its body no more is read than it takes to keep the connection."""
    rest = MAX_ANSWER
    async for chunk in answer.content.iter_any():
        rest -= len(chunk)
        if rest < 0:
            answer.close()
            break
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return began.well(answer.status)
    what = "a redirect, which is not followed" if "Location" in answer.headers else "refused"
    return began.failed(
        f"HTTP {answer.status}: {what}",
        status=answer.status,
        retry_after_s=_seconds(answer.headers.get("Retry-After", ""), began.at),
    )


def _seconds(text: str, now: datetime) -> float:
    """What `Retry-After` asks for, as seconds or as a date; 0 where it says nothing that can be read."""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _describe(error: Exception) -> str:
    """In our own words: what libraries say may repeat the URL, and with it what is secret."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, NotAllowed):
        return "url: its name leads to an address that is not allowed (delivery_networks)"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "url: its name cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "TLS: the certificate is not valid for this name, or not trusted"
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return "TLS: the handshake failed"
    if isinstance(error, TimeoutError):
        return f"no answer within {TOTAL_SECONDS:g} s"
    if isinstance(cause, ConnectionRefusedError):
        return "the connection was refused"
    return f"the connection failed ({type(error).__name__})"
