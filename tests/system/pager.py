"""Who is called at night: a receiver of webhooks that notes when each event came, and verifies its signature."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True, slots=True)
class Call:
    """One event; `at` by the monotonic clock."""

    at: float
    event: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Pager:
    port: int = 0
    secret: str = ""
    calls: list[Call] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def take(self, body: bytes, headers: Mapping[str, str]) -> None:
        at = time.monotonic()
        told = Webhook(self.secret).verify(body, dict(headers))
        self.calls.append(Call(at, told["event"], told["data"]))

    def since(self, at: float, event: str) -> list[Call]:
        return [call for call in self.calls if call.event == event and call.at >= at]


@contextmanager
def pager() -> Iterator[Pager]:
    made = Pager()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.take(body, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: what came is in `calls`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, name="pager")
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
