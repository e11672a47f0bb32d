"""What is carried where no network goes: bundles of signed batches up, signed receipts down. Pure: bytes in, bytes out.

A bundle is a plain tar (ustar) of the same envelopes that go over the network, `000001.ndjson.gz` with its signature
`000001.jws` and so on, and at its end a signed manifest that says which envelopes belong to it. A receipt is one line
of JSON and one line with its signature.
"""

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, BinaryIO, NamedTuple, Protocol

from msgspec import Meta, Struct

from common import wire
from common.identity import NotAuthentic, PublicKey, key_id_of
from common.wire import Assignment, Rejection, Stream, WireError, merge_ranges
from common.wire_types import Count, Instant, Interval, Name, Seq

FORMAT = 1
SUFFIX = ".bundle"
RECEIPT_SUFFIX = ".receipt"

MAX_ENVELOPES = 10_000
MAX_MANIFEST = 1024 * 1024
MAX_RECEIPT = 4 * 1024 * 1024
MAX_OVERLAP = 30
OVERLAP = 3
_MAX_SIGNATURE = 1024
_MAX_NUMBER = 2**53
_EPOCH_SHOWN = 8
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_MANIFEST, _MANIFEST_SIGNATURE = "manifest.json", "manifest.jws"

Range = tuple[Seq, Seq]
Number = Annotated[int, Meta(ge=1, le=_MAX_NUMBER)]


class Place(NamedTuple):
    """Where sequence numbers count: a stream of one spool."""

    epoch: str
    stream: Stream


class Ranges(Struct, frozen=True):
    """Inclusive ranges of sequence numbers in one place, ascending."""

    epoch: Name
    stream: Stream
    ranges: tuple[Range, ...]

    @property
    def place(self) -> Place:
        return Place(self.epoch, self.stream)


class Envelope(Struct, frozen=True, array_like=True):
    """One batch of a bundle, in its order; `sha256` is over the packed bytes."""

    sha256: str
    size: Count


class Manifest(Struct, frozen=True, omit_defaults=True):
    """What a bundle is. `number` counts the bundles of an agent up from 1; `before`: the digest of the last.

    `epoch`: the spool that it is of now; an agent whose spool was lost begins anew with both.

    `kept`: how many records the agent still keeps, those of this bundle included; `receipt` and `assignment`: what it
    has applied of what came down; `more`: not everything fitted into this bundle.
    """

    format: int
    agent: Name
    key_id: str
    epoch: Name
    number: Number
    made_at: Instant
    every_s: Interval
    overlap: Count
    records: Count
    kept: Count
    carried: tuple[Ranges, ...]
    envelopes: Annotated[tuple[Envelope, ...], Meta(max_length=MAX_ENVELOPES)]
    before: str = ""
    receipt: Count = 0
    assignment: str = ""
    instance: Annotated[str, Meta(max_length=64)] = ""
    host: Annotated[str, Meta(max_length=64)] = ""
    more: bool = False


class Refused(Struct, frozen=True):
    """Records of one place that the collector did not store; the agent keeps them as dead letters."""

    epoch: Name
    stream: Stream
    rejections: tuple[Rejection, ...]


class Receipt(Struct, frozen=True, omit_defaults=True):
    """What the collector durably has of one agent, and what it wants of it. The greater `number` is the newer one.

    `stored` covers every import so far; `missing` are holes below that nothing explains; `newest`: the newest bundle
    that came, `unseen`: those before it that never did. Nobody applies a receipt after `not_after`.
    """

    format: int
    agent: Name
    number: Number
    made_at: Instant
    not_after: Instant
    stored: tuple[Ranges, ...]
    missing: tuple[Ranges, ...]
    assignment: Assignment
    refused: tuple[Refused, ...] = ()
    newest: Count = 0
    unseen: tuple[int, ...] = ()


class Signs(Protocol):
    """A key that signs: `common.identity.PrivateKey`."""

    @property
    def key_id(self) -> str: ...
    def sign(self, payload: bytes) -> str: ...


def file_name(manifest: Manifest) -> str:
    return f"fieldpost-{manifest.agent}-{manifest.epoch[:_EPOCH_SHOWN]}-{manifest.number:06d}{SUFFIX}"


def receipt_name(receipt: Receipt) -> str:
    return f"fieldpost-{receipt.agent}-{receipt.number}{RECEIPT_SUFFIX}"


def digest_of(signed: bytes) -> str:
    """The digest of a bundle, which the next one names: over its manifest, which names everything else."""
    return hashlib.sha256(signed).hexdigest()


def collected(found: Iterable[tuple[Place, Range]]) -> tuple[Ranges, ...]:
    """Ranges by place, touching ones joined."""
    places: dict[Place, list[Range]] = {}
    for place, one in found:
        places.setdefault(place, []).append(one)
    return tuple(Ranges(*place, tuple(merge_ranges(ranges))) for place, ranges in sorted(places.items()))


def spread(ranges: Iterable[Ranges]) -> Iterator[tuple[Place, Range]]:
    """The opposite of `collected`."""
    for one in ranges:
        for span in one.ranges:
            yield one.place, span


# --- writing -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Writer:
    """Makes the bytes of one bundle, piece by piece; only the digests stay in memory."""

    made_at: datetime
    envelopes: list[Envelope] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return len(self.envelopes) >= MAX_ENVELOPES

    def add(self, body: bytes, signature: str) -> bytes:
        """One packed batch and its signature, as files of the tar."""
        self.envelopes.append(Envelope(hashlib.sha256(body).hexdigest(), len(body)))
        batch, proof = _names(len(self.envelopes))
        return self._file(batch, body) + self._file(proof, signature.encode())

    def end(self, signed: bytes, signature: str) -> bytes:
        """The manifest, after which nothing follows."""
        manifest = self._file(_MANIFEST, signed) + self._file(_MANIFEST_SIGNATURE, signature.encode())
        return manifest + _END

    def _file(self, name: str, content: bytes) -> bytes:
        about = tarfile.TarInfo(name)
        about.size, about.mode, about.mtime = len(content), 0o600, int(self.made_at.timestamp())
        return about.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % _BLOCK)


def seal(receipt: Receipt, key: Signs) -> bytes:
    """A receipt as a file."""
    signed = wire.encode(receipt)
    return signed + b"\n" + key.sign(signed).encode() + b"\n"


# --- reading -------------------------------------------------------------------------------------------------------


class Batch(NamedTuple):
    """One envelope as it was carried, not yet believed."""

    body: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle that is whole: its envelopes are those that its manifest names. Who made it is not yet proven."""

    manifest: Manifest
    signed: bytes
    signature: str

    @property
    def digest(self) -> str:
        return digest_of(self.signed)

    @property
    def key_id(self) -> str:
        """The key that it says it is signed with."""
        return key_id_of(self.signature)

    def prove(self, key: PublicKey) -> None:
        """`WireError` unless this key has signed the manifest."""
        _prove(key, self.signed, self.signature, what="bundle")


def opened(stream: BinaryIO) -> Opened:
    """Read a bundle from end to end, an envelope at a time; `WireError` says what is wrong with it."""
    seen: list[Envelope] = []
    for item in _items(stream):
        if isinstance(item, Batch):
            seen.append(Envelope(hashlib.sha256(item.body).hexdigest(), len(item.body)))
            continue
        manifest = _manifest(item.signed)
        if manifest.envelopes != tuple(seen):
            raise WireError("digest", f"bundle: its {len(seen)} batches are not those that its manifest names")
        return Opened(manifest, item.signed, item.signature)
    raise WireError("malformed", "bundle: cut off before its manifest")


def of_manifest(signed: bytes, signature: str) -> Opened:
    """A bundle by its manifest alone, where its envelopes come one after the other."""
    if len(signed) > MAX_MANIFEST:
        raise WireError("too_large", f"bundle: `{_MANIFEST}` has {len(signed)} bytes, at most {MAX_MANIFEST}")
    return Opened(_manifest(signed), signed, signature)


def batches(stream: BinaryIO) -> Iterator[Batch]:
    """The envelopes of a bundle in their order; `WireError` where one cannot be read."""
    for item in _items(stream):
        if isinstance(item, Batch):
            yield item


def open_receipt(content: bytes, key: PublicKey) -> Receipt:
    """A receipt that this key has signed; `WireError` says what is wrong with it."""
    if len(content) > MAX_RECEIPT:
        raise WireError("too_large", f"receipt: {len(content)} bytes, at most {MAX_RECEIPT}")
    signed, _, rest = content.partition(b"\n")
    signature, newline, after = rest.partition(b"\n")
    if not newline or after or len(signature) > _MAX_SIGNATURE:
        raise WireError("malformed", "receipt: expected one line of JSON and one line with its signature")
    _prove(key, signed, signature.decode(errors="replace"), what="receipt")
    _check_format(signed, what="receipt")
    return wire.decode(signed, Receipt)


class _Signed(NamedTuple):
    """The manifest as it was carried."""

    signed: bytes
    signature: str


class _FormatOnly(Struct):
    format: int


def _manifest(signed: bytes) -> Manifest:
    _check_format(signed, what="bundle")
    return wire.decode(signed, Manifest)


def _check_format(signed: bytes, *, what: str) -> None:
    found = wire.decode(signed, _FormatOnly).format
    if found != FORMAT:
        raise WireError("protocol", f"{what}: format {found}; this release reads {FORMAT}")


def _prove(key: PublicKey, signed: bytes, signature: str, *, what: str) -> None:
    try:
        key.verify(signed, signature)
    except NotAuthentic as error:
        raise WireError("signature", f"{what}: {error.detail}") from None


def _items(stream: BinaryIO) -> Iterator[Batch | _Signed]:
    """The envelopes, then the manifest, then nothing: any other order, name or kind of file is refused."""
    for number in range(1, MAX_ENVELOPES + 2):
        batch, proof = _names(number)
        name, content = _file(stream)
        if name == _MANIFEST:
            yield _Signed(content, _signature(stream, _MANIFEST_SIGNATURE))
            _check_end(stream)
            return
        if name != batch:
            raise WireError("malformed", f"bundle: has `{name}`; expected `{batch}` or `{_MANIFEST}`")
        yield Batch(content, _signature(stream, proof))
    raise WireError("too_large", f"bundle: more than {MAX_ENVELOPES} batches")


def _names(number: int) -> tuple[str, str]:
    return f"{number:06d}.ndjson.gz", f"{number:06d}.jws"


def _signature(stream: BinaryIO, expected: str) -> str:
    name, content = _file(stream)
    if name != expected:
        raise WireError("malformed", f"bundle: has `{name}`; expected `{expected}`")
    return content.decode(errors="replace")


def _file(stream: BinaryIO) -> tuple[str, bytes]:
    try:
        about = tarfile.TarInfo.frombuf(_exactly(stream, _BLOCK), "ascii", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise WireError("malformed", f"bundle: not a file of a tar ({error})") from None
    if about.type != tarfile.REGTYPE:
        raise WireError("malformed", f"bundle: `{about.name}` is no plain file")
    most = _most(about.name)
    if not 0 <= about.size <= most:
        raise WireError("too_large", f"bundle: `{about.name}` has {about.size} bytes, at most {most}")
    padded = _exactly(stream, about.size + -about.size % _BLOCK)
    if any(padded[about.size :]):
        raise WireError("malformed", f"bundle: something is hidden behind `{about.name}`")
    return about.name, padded[: about.size]


def _most(name: str) -> int:
    if name.endswith(".jws"):
        return _MAX_SIGNATURE
    return MAX_MANIFEST if name == _MANIFEST else wire.MAX_PACKED


def _exactly(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise WireError("malformed", "bundle: cut off")
    return content


def _check_end(stream: BinaryIO) -> None:
    if stream.read(len(_END) + 1) != _END:
        raise WireError("malformed", "bundle: cut off at its end, or something follows it")
