"""Rate limits: fixed windows per key, in this process or behind a URL that the limits library knows (Redis)."""

import ipaddress
import math
import time
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

_SWEEP_EVERY = 1024


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a window after one request was counted; `reset` is in epoch seconds."""

    limit: int
    remaining: int
    reset: int
    allowed: bool
    retry_after: int


class Windows(Storage):
    """Counters in this process; needs no thread and forgets a window soon after its end."""

    STORAGE_SCHEME = ("fieldpost+memory",)  # type: ignore[assignment]  # the library only iterates over it

    def __init__(self, uri: str | None = None, *, wrap_exceptions: bool = False, **options: float | str | bool) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._windows: dict[str, tuple[float, int]] = {}
        self._until_sweep = _SWEEP_EVERY

    @property
    def base_exceptions(self) -> type[Exception]:
        return KeyError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        self._sweep_now_and_then()
        now = time.time()
        end, count = self._windows.get(key, (0.0, 0))
        if end <= now:
            end, count = now + expiry, 0
        self._windows[key] = (end, count + amount)
        return count + amount

    async def get(self, key: str) -> int:
        end, count = self._windows.get(key, (0.0, 0))
        return count if end > time.time() else 0

    async def get_expiry(self, key: str) -> float:
        return self._windows.get(key, (time.time(), 0))[0]

    async def check(self) -> bool:
        return True

    async def reset(self) -> int:
        size = len(self._windows)
        self._windows.clear()
        return size

    async def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    def _sweep_now_and_then(self) -> None:
        self._until_sweep -= 1
        if self._until_sweep > 0:
            return
        now = time.time()
        self._windows = {key: window for key, window in self._windows.items() if window[0] > now}
        self._until_sweep = max(_SWEEP_EVERY, len(self._windows))


class Limiter:
    """Counts requests per minute."""

    def __init__(self, storage: Storage | None = None) -> None:
        self._strategy = FixedWindowRateLimiter(storage or Windows())

    async def hit(self, *key: str, per_minute: int) -> Quota:
        """Count one request of `key` and say what is left."""
        item = RateLimitItemPerMinute(per_minute)
        allowed = await self._strategy.hit(item, *key)
        window = await self._strategy.get_window_stats(item, *key)
        return Quota(
            limit=per_minute,
            remaining=window.remaining,
            reset=math.ceil(window.reset_time),
            allowed=allowed,
            retry_after=max(1, math.ceil(window.reset_time - time.time())),
        )


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
