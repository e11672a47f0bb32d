"""Names become addresses once, every address is checked, and the connection goes to what was checked."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

from collector.domain.webhooks.addresses import Network, allowed
from common import logs

Found = list[tuple[int, str]]
LookUp = Callable[[str, int, socket.AddressFamily], Found]

_THREADS = 32  # a resolver that does not answer holds one for many seconds

log = logs.get(__name__)


class NotAllowed(OSError):  # noqa: N818 - it reads as the state it is
    """A name led to an address that the operator has not allowed."""


class CheckedResolver(AbstractResolver):
    """Resolves in threads of its own, so that a name server that hangs keeps nobody else waiting."""

    def __init__(self, networks: tuple[Network, ...], *, look_up: LookUp | None = None) -> None:
        self._networks = networks
        self._look_up = look_up or _look_up
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of a name; `NotAllowed` when a single one of them is not."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, self._look_up, host, port, family)
        for _, address in found:
            if not allowed(ip_address(address.partition("%")[0]), self._networks):
                log.warning("delivery refused: address not allowed", host=host, address=address)
                raise NotAllowed(f"{host} leads to an address that is not allowed")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in found
        ]

    async def address(self, host: str, port: int) -> str:
        """The first address of a name or address."""
        return (await self.resolve(host, port))[0]["host"]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> Found:
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [(kind, str(where[0])) for kind, _, _, _, where in found]
