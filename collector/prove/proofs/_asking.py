"""A request to an ASGI application in this process, from any address that a proof likes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import ASGIApp, Message


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return orjson.loads(self.body)


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    json: object = None,
    client: str = "198.51.100.1",
) -> Answer:
    """`client`: the address that it comes from."""
    body = b"" if json is None else orjson.dumps(json)
    sent = {"host": "collector.example", "content-type": "application/json", **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
        "client": (client, 40_000),
        "server": ("collector.example", 443),
        "state": {"request_id": "proof"},
    }
    heard: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        heard.append(message)

    await app(scope, receive, send)
    return _answer(heard)


def _answer(heard: list[Message]) -> Answer:
    begun = next(one for one in heard if one["type"] == "http.response.start")
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in begun["headers"]}
    body = b"".join(one.get("body", b"") for one in heard if one["type"] == "http.response.body")
    return Answer(begun["status"], headers, body)
