"""A real Redis in a process of its own, on a socket in a folder of its own."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError


@dataclass(slots=True)
class Server:
    """Can be stopped and started again at the same place; it forgets what it knew."""

    socket: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            "redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no",
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        client = Redis(unix_socket_path=str(self.socket))
        while not await _answers(client):  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
        await client.aclose()

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def redis_server() -> AsyncIterator[Server]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed; `make tools` installs it where it may")
    with tempfile.TemporaryDirectory(prefix="fieldpost-redis-") as folder:
        server = Server(Path(folder) / "redis.sock")
        await server.start()
        yield server
        await server.stop()


async def _answers(client: "Redis") -> bool:
    try:
        return bool(await client.ping())
    except RedisError:
        return False
