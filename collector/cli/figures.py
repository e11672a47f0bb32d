"""The listener for `/metrics`, where one is configured."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from collector.api import figures
from collector.api.figures import Refresh
from collector.core.metrics import Metrics
from collector.core.settings import split_listen
from common import logs
from common.errors import ConfigurationError

log = logs.get(__name__)


async def serve(listen: str, metrics: Metrics, refresh: Refresh = figures.nothing) -> None:
    """Answer until cancelled; "" listens nowhere."""
    if not listen:
        return
    with _bound(listen) as listener:
        host, port = listener.getsockname()[:2]
        log.info("metrics", url=f"http://{host}:{port}{figures.PATH}")
        config = uvicorn.Config(
            figures.build(metrics, refresh),
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        server = _Quiet(config)
        try:
            await server.serve(sockets=[listener])
        except asyncio.CancelledError:
            server.should_exit = True
            raise


class _Quiet(uvicorn.Server):
    """Signals are the main server's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bound(listen: str) -> socket.socket:
    host, port = split_listen(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"metrics_listen: {listen}: {error.strerror}") from None
    listener.setblocking(False)
    return listener
