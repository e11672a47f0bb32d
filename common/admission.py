"""Enrolment by file: what a host asks for, and what its collector answers, where no line goes from one to the other."""

from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from common import wire
from common.identity import NotAuthentic, PrivateKey, PublicKey
from common.wire_types import Instant, Name

C = TypeVar("C", bound=Struct)

MAX_FILE = 64 * 1024
_GROUP = 4


class AdmissionError(ValueError):
    """A file that is not what it should be; the message says in what way."""


class Request(Struct, frozen=True, kw_only=True):
    """A host wants to be an agent; signed by its new key."""

    kind: Literal["fieldpost enrolment request"] = "fieldpost enrolment request"
    public_key: Annotated[str, Meta(max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=255)]
    hostname: Annotated[str, Meta(max_length=255)]
    version: Annotated[str, Meta(max_length=64)]
    host: Annotated[str, Meta(max_length=64)] = ""
    made_at: Instant


class Reply(Struct, frozen=True, kw_only=True):
    """The host with this key is an agent; signed by the key of what the collector has carried.

    `url`: where the collector is, "" for an agent whose records are carried; `ca_pem`: whom to trust there.
    """

    kind: Literal["fieldpost enrolment reply"] = "fieldpost enrolment reply"
    key_id: Annotated[str, Meta(max_length=64)]
    agent: Name
    tenant: Name
    name: Annotated[str, Meta(max_length=255)]
    url: str = ""
    ca_pem: str | None = None
    collector_key: Annotated[str, Meta(max_length=64)]
    again: bool = False
    made_at: Instant


class _File(Struct, frozen=True):
    content: msgspec.Raw
    signature: Annotated[str, Meta(max_length=512)]


def request_file(key: PrivateKey, *, name: str, hostname: str, version: str, host: str, at: datetime) -> bytes:
    text = key.public.text
    return _signed(Request(public_key=text, name=name, hostname=hostname, version=version, host=host, made_at=at), key)


def reply_file(reply: Reply, key: PrivateKey) -> bytes:
    return _signed(reply, key)


def read_request(content: bytes) -> tuple[Request, PublicKey]:
    """The request, once its maker has shown to hold its key; `AdmissionError`."""
    file = _parsed(content)
    request = _content(file, Request, "an enrolment request, as `fieldpost-agent enroll --request` writes it")
    return request, _proven(file, request.public_key)


def read_reply(content: bytes) -> tuple[Reply, PublicKey]:
    """The reply and the collector's key, which has signed it; `AdmissionError`."""
    file = _parsed(content)
    reply = _content(file, Reply, "an enrolment reply, as `fieldpost-collector agent admit` writes it")
    return reply, _proven(file, reply.collector_key)


def fingerprint(key_id: str) -> str:
    """A key's id as people compare it."""
    return " ".join(key_id[start : start + _GROUP] for start in range(0, len(key_id), _GROUP))


def _signed(content: Struct, key: PrivateKey) -> bytes:
    encoded = wire.encode(content)
    return wire.encode(_File(msgspec.Raw(encoded), key.sign(encoded))) + b"\n"


def _parsed(content: bytes) -> _File:
    try:
        return wire.decode(content, _File)
    except wire.WireError as error:
        raise AdmissionError(f"not a file of an enrolment, or damaged on its way: {error.detail}") from None


def _content(file: _File, kind: type[C], expected: str) -> C:
    try:
        return wire.decode(bytes(file.content), kind)
    except wire.WireError as error:
        raise AdmissionError(f"expected {expected}: {error.detail}") from None


def _proven(file: _File, public_key: str) -> PublicKey:
    try:
        key = PublicKey.parse(public_key)
        key.verify(bytes(file.content), file.signature)
    except NotAuthentic:
        raise AdmissionError("the signature does not fit: the file was changed on its way") from None
    except ValueError as error:
        raise AdmissionError(str(error)) from None
    return key
