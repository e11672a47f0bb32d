"""What an answer gets on its way out of a family: limit headers, an ETag, and no body where none is wanted."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from starlette.types import Message, Scope, Send

_OK = 200
_NOT_MODIFIED = 304
_OF_A_BODY = frozenset({b"content-length", b"content-type"})
_DIGEST_BYTES = 12

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Whole:
    """A successful answer with its validators, as it can be sent again."""

    headers: tuple[Header, ...]
    body: bytes

    @property
    def size(self) -> int:
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers)


def etag_of(body: bytes) -> bytes:
    """A strong validator: other bytes, another tag."""
    return b'"%s"' % blake2b(body, digest_size=_DIGEST_BYTES).hexdigest().encode()


class Answer:
    """The sending end of one request. With `revalidates`, a successful read can be asked for again by its ETag."""

    def __init__(self, scope: Scope, send: Send, *, revalidates: bool) -> None:
        self.bodyless = scope["method"] == "HEAD"
        self.extra: Mapping[str, str] = {}
        self.started = False
        self.status = 0
        self.whole: Whole | None = None
        self.on_whole: Callable[[Whole], None] | None = None
        """Is told of an answer as soon as it is made: its reader may take long to take it."""
        self._revalidates = revalidates and scope["method"] in {"GET", "HEAD"}
        self._known = list(_known(scope["headers"])) if self._revalidates else []
        self._held: Message | None = None
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._revalidates and message["status"] == _OK:
                self._held = message  # its tag follows from its body
                return
            await self._start(message["status"], list(message.get("headers", ())))
            return
        if self._held is not None:
            held, self._held = self._held, None
            await self._completed(held, message)
            return
        await self._send_body(message)

    async def repeat(self, whole: Whole) -> None:
        """Send an answer that was made before."""
        tag = next(value for name, value in whole.headers if name == b"etag")
        if tag in self._known or b"*" in self._known:
            await self._start(_NOT_MODIFIED, [pair for pair in whole.headers if pair[0] not in _OF_A_BODY])
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self._start(_OK, list(whole.headers))
        await self._send({"type": "http.response.body", "body": b"" if self.bodyless else whole.body})

    async def _completed(self, held: Message, message: Message) -> None:
        headers = [(name.lower(), value) for name, value in held.get("headers", ())]
        if message.get("more_body"):  # nobody knows its tag before it is out
            await self._start(held["status"], headers)
            await self._send_body(message)
            return
        body, present = message.get("body", b""), dict(headers)
        validators = {b"etag": b"", b"cache-control": b"private, no-cache", b"vary": b"Accept, Authorization"}
        headers += [(name, value or etag_of(body)) for name, value in validators.items() if name not in present]
        self.whole = Whole(tuple(headers), body)
        if self.on_whole is not None:
            self.on_whole(self.whole)
        await self.repeat(self.whole)

    async def _start(self, status: int, headers: list[Header]) -> None:
        self.started, self.status = True, status
        headers += [(name.lower().encode(), value.encode()) for name, value in self.extra.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _send_body(self, message: Message) -> None:
        await self._send({**message, "body": b""} if self.bodyless else message)


def _known(headers: Iterable[Header]) -> Iterable[bytes]:
    """The tags of If-None-Match; weak ones compare as well (RFC 9110, 13.1.2)."""
    for name, value in headers:
        if name == b"if-none-match":
            yield from (tag.strip().removeprefix(b"W/") for tag in value.split(b","))
