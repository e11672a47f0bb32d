"""A sign of life to a second system: a URL is fetched while the collector makes progress, and only then."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp

from collector.core.problems import StoreUnavailable
from collector.delivery.sending import TOTAL_SECONDS
from collector.delivery.trust import trust
from common import logs

Check = Callable[[], Awaitable[None]]
"""Returns while its part makes progress; raises `StoreUnavailable` when it does not."""

log = logs.get(__name__)


class Beacon:
    """The second system alarms when the signs stop: whatever is wrong, silence says so."""

    def __init__(self, url_file: Path, checks: Sequence[Check], *, every: float, ca_file: Path | None = None) -> None:
        self._url_file = url_file
        self._checks = checks
        self._every = every
        self._trust = trust(ca_file)

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TOTAL_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(ssl=self._trust)) as session:
            while True:
                await self.beat(session)
                await asyncio.sleep(self._every)

    async def beat(self, session: aiohttp.ClientSession) -> bool:
        """Whether a sign was given, and taken. The URL is a secret of the second system: it is never logged."""
        try:
            for check in self._checks:
                await check()
            url = self._url_file.read_text().strip()
            async with session.get(url, allow_redirects=False) as answer:
                answer.raise_for_status()
        except StoreUnavailable as trouble:
            log.warning("no sign of life given", why=trouble.why, detail=trouble.detail)
        except (aiohttp.ClientError, ValueError, OSError, TimeoutError) as error:
            log.warning("sign of life not taken", error=type(error).__name__)
        else:
            return True
        return False
