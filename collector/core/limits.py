"""Rate limits: fixed windows per key, in this process or in a Redis that all replicas share."""

import asyncio
import ipaddress
import math
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage, Storage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import ConfigurationError as LimitsError
from limits.errors import StorageError

from collector.core.problems import StoreUnavailable
from common import logs
from common.errors import ConfigurationError

_SWEEP_EVERY = 1024
_MINUTE = 60
_AGAIN_SECONDS = 5.0
_REDIS_SECONDS = 0.25

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a window after one request was counted; `reset` is in epoch seconds."""

    limit: int
    remaining: int
    reset: int
    allowed: bool
    retry_after: int


class Windows:
    """Counters in this process; needs no thread and forgets a window soon after its end."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, ...], tuple[float, int]] = {}
        self._until_sweep = _SWEEP_EVERY

    def take(self, *key: str) -> tuple[float, int]:
        """Count one more; when the window ends, and how many there are in it now."""
        self._sweep_now_and_then()
        now = time.time()
        end, count = self._windows.get(key, (0.0, 0))
        if end <= now:
            end, count = now + _MINUTE, 0
        self._windows[key] = taken = end, count + 1
        return taken

    def _sweep_now_and_then(self) -> None:
        self._until_sweep -= 1
        if self._until_sweep > 0:
            return
        now = time.time()
        self._windows = {key: window for key, window in self._windows.items() if window[0] > now}
        self._until_sweep = max(_SWEEP_EVERY, len(self._windows))


class Limiter:
    """Counts requests per minute: together with all replicas where they share a store, else in this process alone.

    While the shared store is away each process counts for itself, tries the store again now and then, and says so once.
    """

    def __init__(self, shared: Storage | None = None) -> None:
        self._here = Windows()
        self._shared = FixedWindowRateLimiter(shared) if shared else None
        self._storage = shared
        self._again_at = 0.0
        self._away = False

    async def hit(self, *key: str, per_minute: int) -> Quota:
        """Count one request of `key` and say what is left."""
        if self._shared is not None and time.monotonic() >= self._again_at:
            if self._away:  # one request tries; the others need not wait for what it finds
                self._again_at = time.monotonic() + _AGAIN_SECONDS
            try:
                async with asyncio.timeout(_REDIS_SECONDS):  # for all the questions that it takes
                    quota = await _count(self._shared, key, per_minute)
            except (StorageError, TimeoutError) as error:
                self._lose(error)
            else:
                self._found()
                return quota
        end, count = self._here.take(f"{per_minute}", *key)
        return _quota(per_minute, end, remaining=max(0, per_minute - count), allowed=count <= per_minute)

    async def ping(self) -> None:
        """`StoreUnavailable` while the shared store does not answer."""
        try:
            well = self._storage is None or await self._storage.check()
        except StorageError as error:
            raise StoreUnavailable("gone", f"redis does not answer ({type(error.__cause__).__name__})") from None
        if not well:
            raise StoreUnavailable("gone", "redis does not answer")

    async def close(self) -> None:
        """Let go of the shared store."""
        if isinstance(self._storage, RedisStorage) and isinstance(self._storage.bridge, RedispyBridge):
            await self._storage.bridge.storage.aclose()

    def _lose(self, error: Exception) -> None:
        self._again_at = time.monotonic() + _AGAIN_SECONDS
        if not self._away:
            _log.warning("limits are counted in this process alone", why=type(error.__cause__ or error).__name__)
        self._away = True

    def _found(self) -> None:
        self._again_at = 0.0
        if self._away:
            _log.info("limits are shared again")
        self._away = False


def redis(url: str) -> Storage:
    """The storage behind a `redis://`, `rediss://` or `unix://` URL; nothing is connected yet."""
    scheme, _, rest = url.partition("://")
    known = "redis+unix" if scheme == "unix" else scheme
    try:
        return RedisStorage(
            f"async+{known}://{rest}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="fieldpost",
            socket_timeout=_REDIS_SECONDS,
            socket_connect_timeout=_REDIS_SECONDS,
            retry=_no_retry(),
        )
    except LimitsError:
        raise ConfigurationError("redis_url: the redis library is missing; install fieldpost[redis]") from None


def _no_retry() -> Any:
    """The client's own retries would keep a request waiting for seconds."""
    from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra, needed only where a Redis is configured
    from redis.backoff import NoBackoff  # noqa: PLC0415 - likewise

    return Retry(NoBackoff(), 0)


async def _count(strategy: FixedWindowRateLimiter, key: tuple[str, ...], per_minute: int) -> Quota:
    item = RateLimitItemPerMinute(per_minute)
    allowed = await strategy.hit(item, *key)
    window = await strategy.get_window_stats(item, *key)
    return _quota(per_minute, window.reset_time, remaining=window.remaining, allowed=allowed)


def _quota(limit: int, end: float, *, remaining: int, allowed: bool) -> Quota:
    return Quota(limit, remaining, math.ceil(end), allowed, max(1, math.ceil(end - time.time())))


@lru_cache(maxsize=4096)
def source(host: str) -> str:
    """The bucket of a client address: an IPv6 client owns a /64, so that is what counts."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
