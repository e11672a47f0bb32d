"""Requests as nobody should send them: each follows from its chance alone, so that it can be made again."""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

import orjson

from common import wire
from common.clock import iso, utc_now
from common.identity import PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An HTTP request; `raw`: instead of all the rest, what goes over the line as it is."""

    what: str
    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes = b""


# --- values and documents ------------------------------------------------------------------------------------------

_NASTY = (
    b"NaN",
    b"Infinity",
    b"-0",
    b"1e999",
    b"9" * 400,
    b'"\\ud800"',
    b'"\\u0000"',
    b'"\\udfff\\ud800"',
    b'"\xff\xfe"',
    b'"\xc0\xaf"',
    b'"\xed\xa0\x80"',
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b'"' + b"A" * 30_000 + b'"',
    b'"2026-13-45T99:99:99Z"',
    b'"0001-01-01T00:00:00+23:59"',
    b'"9999-12-31T23:59:59-23:59"',
    b"-9223372036854775809",
    b"18446744073709551616",
    b"0.1e-400",
    '"\u202e\u0000\ufeff\U0001f4a9"'.encode(),
    b"[" * 500 + b"]" * 500,
)


def document(random: Random, names: Sequence[str]) -> bytes:
    """An object with some of these names, and values that do not fit."""
    chosen = random.sample(list(names), min(len(names), random.randint(0, 6))) if names else []
    chosen += random.choice(([], [], ["strange"], ["__proto__", "constructor"], chosen[:1]))
    pairs = [orjson.dumps(name) + b":" + random.choice(_NASTY) for name in chosen]
    return b"{" + b",".join(pairs) + b"}"


def mutated(random: Random, content: bytes) -> bytes:
    """Some bytes changed, taken out, put in, doubled, or the end cut off."""
    made = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        at = random.randrange(len(made) + 1)
        match random.randrange(5):
            case 0 if at < len(made):
                made[at] = random.randrange(256)
            case 1 if at < len(made):
                del made[at : at + random.randint(1, 40)]
            case 2:
                made[at:at] = random.randbytes(random.randint(1, 40))
            case 3:
                made[at:at] = made[max(0, at - 30) : at]
            case _:
                del made[at:]
    return bytes(made)


def _deep(random: Random, _names: Sequence[str]) -> bytes:
    levels = random.choice((100, 1_000, 10_000, 30_000))
    opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return opening * levels + b"1" + closing * random.choice((0, levels))


def _noise(random: Random, _names: Sequence[str]) -> bytes:
    return random.randbytes(random.choice((0, 1, 10, 1_000, 60_000)))


def _truncated(random: Random, names: Sequence[str]) -> bytes:
    made = document(random, names)
    return made[: random.randrange(len(made))]


def _marked(random: Random, names: Sequence[str]) -> bytes:
    encoding = random.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7"))
    return document(random, names).decode("utf-8", "replace").encode(encoding, "replace")


def _long(random: Random, names: Sequence[str]) -> bytes:
    return (
        b'{"'
        + (random.choice(list(names) or ["a"])).encode()
        + b'":"'
        + b"x" * random.choice((70_000, 200_000))
        + b'"}'
    )


BODIES: Mapping[str, Callable[[Random, Sequence[str]], bytes]] = {
    "document": document,
    "deep": _deep,
    "noise": _noise,
    "truncated": _truncated,
    "another_encoding": _marked,
    "too_long": _long,
}

TYPES = (
    "application/json",
    "application/json",
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "application/xml",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "",
    "\x80",
)

_SEGMENTS = (
    "%00", "%ff%fe", "..%2f..%2fetc%2fpasswd", "%2e%2e", "%c0%af", "-1", "0", "1e3", "99999999999999999999", "x" * 300,
    "%F0%9F%92%A9", "1;drop", "' OR 1=1", "NaN", "%0d%0aX-Evil: 1", "{id}", "null", "%", "%zz", "1%20", "\\..\\",
)  # fmt: skip


def target(random: Random, template: str, known: Mapping[str, str]) -> str:
    """A path of the document with ids that are none, and a query that fits nothing."""
    pieces = []
    for piece in template.split("/"):
        if not piece.startswith("{"):
            pieces.append(piece)
        else:
            good = known.get(piece.strip("{}"), "1")
            pieces.append(good if random.randrange(2) else random.choice(_SEGMENTS))
    path = "/".join(pieces).replace(" ", "%20").replace("\\", "%5C")
    if random.randrange(3):
        return path
    names = ("limit", "offset", "status", "from", "to", "q", "cursor", "window", "connection_id", "a[]", "%00")
    values = ("-1", "1e9", "", "%00", "%ff", "9" * 40, "NaN", "2026-99-99", "x" * 500, "null", "%F0%9F%92%A9")
    query = "&".join(f"{random.choice(names)}={random.choice(values)}" for _ in range(random.randint(1, 5)))
    return f"{path}?{query}"


# --- batches of agents ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelopes:
    """Batches in the name of an enrolled agent, broken before or behind the signature."""

    agent: str
    key: PrivateKey
    lines: Sequence[bytes]

    def sent(self, random: Random, how: str = "") -> Sent:
        """`how` it is broken; by chance where that is not said."""
        how = how or random.choice(tuple(_ENVELOPES))
        header, body = _ENVELOPES[how](self, random)
        signature = self.key.sign(header)
        bearer = self.key.request_token(agent=self.agent, method="POST", path="/agent/v1/batches", now=utc_now())
        headers = {
            "Authorization": f"Bearer {bearer}",
            "Content-Type": wire.CONTENT_TYPE,
            "Content-Encoding": "gzip",
            wire.SIGNATURE_HEADER: signature if random.randrange(20) else mutated(random, signature.encode()).hex(),
        }
        return Sent(what=f"envelope {how}", path="/agent/v1/batches", headers=headers, body=body)

    def fields(self, payload: bytes, count: int) -> dict[str, object]:
        return {
            "protocol": wire.PROTOCOL,
            "agent": self.agent,
            "epoch": "mangled",
            "stream": "live",
            "first": 1,
            "last": count,
            "count": count,
            "payload_sha256": hashlib.sha256(payload).hexdigest(),
            "boot": "boot",
            "sent_at": iso(utc_now()),
        }

    def some(self, random: Random) -> list[bytes]:
        return random.sample(list(self.lines), random.randint(1, len(self.lines)))


Packed = tuple[bytes, bytes]


def _packed(envelopes: Envelopes, lines: Sequence[bytes], **changed: object) -> Packed:
    payload = b"\n".join(lines) + b"\n"
    header = orjson.dumps({**envelopes.fields(payload, len(lines)), **changed})
    return header, gzip.compress(header + b"\n" + payload, compresslevel=1)


def _bad_records(envelopes: Envelopes, random: Random) -> Packed:
    return _packed(envelopes, [mutated(random, one).replace(b"\n", b" ") or b"x" for one in envelopes.some(random)])


def _nasty_values(envelopes: Envelopes, random: Random) -> Packed:
    lines = []
    for one in envelopes.some(random):
        pieces = one.split(b":")
        at = random.randrange(1, len(pieces))
        rest = pieces[at][pieces[at].find(b",") :] if b"," in pieces[at] else b"}"
        pieces[at] = random.choice(_NASTY).replace(b"\n", b"") + rest
        lines.append(b":".join(pieces))
    return _packed(envelopes, lines)


def _bad_header(envelopes: Envelopes, random: Random) -> Packed:
    lines = envelopes.some(random)
    payload = b"\n".join(lines) + b"\n"
    good = orjson.dumps(envelopes.fields(payload, len(lines)))
    header = mutated(random, good).replace(b"\n", b" ")
    return header, gzip.compress(header + b"\n" + payload, compresslevel=1)


def _wrong_fields(envelopes: Envelopes, random: Random) -> Packed:
    values: Sequence[object] = (0, -1, 2**63, 2**63 - 1, "", None, [], "x" * 5_000, 1.5, True, {"a": 1}, "\u0000")
    names = ("protocol", "agent", "epoch", "stream", "first", "last", "count", "payload_sha256", "boot", "sent_at")
    return _packed(envelopes, envelopes.some(random), **{random.choice(names): random.choice(values)})


def _doubled(envelopes: Envelopes, random: Random) -> Packed:
    return _packed(envelopes, envelopes.some(random) * random.choice((2, 50)))


def _broken_gzip(envelopes: Envelopes, random: Random) -> Packed:
    header, body = _packed(envelopes, envelopes.some(random))
    return header, mutated(random, body)


def _not_gzip(envelopes: Envelopes, random: Random) -> Packed:
    header, body = _packed(envelopes, envelopes.some(random))
    plain = gzip.decompress(body)
    return header, random.choice((plain, zlib.compress(plain), body + body, body + b"\x00" * 99, b""))


def _bomb(_envelopes: Envelopes, random: Random) -> Packed:
    """A few KiB that become tens of MiB."""
    return b"{}", _zeros(random.choice((9, 40, 160)))


@cache
def _zeros(mib: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(bytes(1024 * 1024)) for _ in range(mib)), packer.flush()])


def _bomb_in_a_record(envelopes: Envelopes, random: Random) -> Packed:
    line = random.choice(list(envelopes.lines))
    return _packed(envelopes, [line[:-1] + b',"more":' + b"[" * random.choice((1_000, 60_000, 500_000)) + b"}"])


_ENVELOPES: Mapping[str, Callable[[Envelopes, Random], Packed]] = {
    **{f"bad_records_{one}": _bad_records for one in range(4)},
    **{f"nasty_values_{one}": _nasty_values for one in range(4)},
    "bad_header": _bad_header,
    "wrong_fields": _wrong_fields,
    "doubled": _doubled,
    "broken_gzip": _broken_gzip,
    "not_gzip": _not_gzip,
    "deep_record": _bomb_in_a_record,
    "bomb": _bomb,
}


# --- what is no HTTP -----------------------------------------------------------------------------------------------


def raw(random: Random) -> Sent:
    how = random.choice(tuple(_RAW))
    return Sent(what=f"raw {how}", raw=_RAW[how](random))


def _request(*headers: bytes, line: bytes = b"GET /health/live HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join([line, b"Host: collector", *headers, b"", body])


_RAW: Mapping[str, Callable[[Random], bytes]] = {
    "noise": lambda random: random.randbytes(random.choice((1, 100, 10_000))),
    "huge_header": lambda random: _request(b"X-Huge: " + b"a" * random.choice((33_000, 70_000, 300_000))),
    "many_headers": lambda random: _request(*(b"X-%d: 1" % one for one in range(random.choice((500, 5_000))))),
    "long_target": lambda random: _request(line=b"GET /" + b"a" * random.choice((9_000, 70_000)) + b" HTTP/1.1"),
    "negative_length": lambda _: _request(b"Content-Length: -1"),
    "two_lengths": lambda _: _request(b"Content-Length: 3", b"Content-Length: 5", body=b"abcde"),
    "length_and_chunks": lambda _: _request(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "bad_chunks": lambda random: _request(
        b"Transfer-Encoding: chunked", line=b"POST /api/v1/incidents HTTP/1.1", body=b"zz\r\n" + random.randbytes(50)
    ),
    "endless_chunk": lambda _: _request(
        b"Transfer-Encoding: chunked", line=b"POST /api/v1/incidents HTTP/1.1", body=b"ffffffffffffffff\r\nabc"
    ),
    "old_version": lambda _: b"GET /health/live\r\n\r\n",
    "strange_version": lambda _: _request(line=b"GET /health/live HTTP/9.9"),
    "strange_method": lambda random: _request(
        line=b"%s /health/live HTTP/1.1" % random.choice((b"PROPFIND", b"X" * 999))
    ),
    "connect": lambda _: _request(line=b"CONNECT 127.0.0.1:22 HTTP/1.1"),
    "absolute_target": lambda _: _request(line=b"GET http://169.254.169.254/latest HTTP/1.1"),
    "nul_in_header": lambda _: _request(b"X-Nul: a\x00b"),
    "folded_header": lambda _: _request(b"X-Folded: a\r\n b"),
    "upgrade": lambda _: _request(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
    "http2": lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(50),
    "tls": lambda random: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(200),
    "cut_off": lambda random: _request(b"Content-Length: 500", body=b"{")[: random.randint(1, 60)],
}
