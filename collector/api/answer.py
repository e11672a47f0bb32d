"""What an answer gets on its way out of a family: limit headers, an ETag, and no body where none is wanted."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from starlette.types import Message, Scope, Send

_OK = 200
_NOT_MODIFIED = 304
_OF_A_BODY = frozenset({b"content-length", b"content-type"})
_DIGEST_BYTES = 12

Header = tuple[bytes, bytes]


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
            if await self._completed(held, message):
                return
        await self._send({**message, "body": b""} if self.bodyless else message)

    async def _completed(self, held: Message, message: Message) -> bool:
        """Whether the answer is out with its head: the client has this body already."""
        headers: list[Header] = list(held.get("headers", ()))
        present = {name.lower(): value for name, value in headers}
        if message.get("more_body"):
            await self._start(held["status"], headers)
            return False
        tag = present.get(b"etag") or etag_of(message.get("body", b""))
        validators = {b"etag": tag, b"cache-control": b"private, no-cache", b"vary": b"Accept, Authorization"}
        headers += [pair for pair in validators.items() if pair[0] not in present]
        if not (tag in self._known or b"*" in self._known):
            await self._start(held["status"], headers)
            return False
        await self._start(_NOT_MODIFIED, [pair for pair in headers if pair[0].lower() not in _OF_A_BODY])
        await self._send({"type": "http.response.body", "body": b""})
        return True

    async def _start(self, status: int, headers: list[Header]) -> None:
        self.started, self.status = True, status
        headers += [(name.lower().encode(), value.encode()) for name, value in self.extra.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


def _known(headers: Iterable[Header]) -> Iterable[bytes]:
    """The tags of If-None-Match; weak ones compare as well (RFC 9110, 13.1.2)."""
    for name, value in headers:
        if name == b"if-none-match":
            yield from (tag.strip().removeprefix(b"W/") for tag in value.split(b","))
