"""Pure: what the chain is made of, and the hours that lists are counted by."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

START = bytes(32)
"""What the first entry of a chain follows on."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry with its place in the chain."""

    tenant_id: int
    position: int
    id: int
    occurred_at: datetime
    action_type: str
    page_path: str | None
    properties: Mapping[str, object]


def content(link: Link) -> bytes:
    """What is hashed: a JSON list of the fields in the order of `Link`, keys sorted, the time in microseconds."""
    return orjson.dumps(
        [
            link.tenant_id,
            link.position,
            link.id,
            (link.occurred_at - _EPOCH) // _MICROSECOND,
            link.action_type,
            link.page_path,
            link.properties,
        ],
        option=orjson.OPT_SORT_KEYS,
    )


def follow(previous: bytes, link: Link) -> bytes:
    """The hash of an entry: SHA-256 over the hash before it and its own content."""
    return hashlib.sha256(previous + content(link)).digest()


def statement(tenant_id: int, position: int, digest: bytes) -> bytes:
    """What a checkpoint signs."""
    return f"fieldpost activity {tenant_id} {position} {digest.hex()}".encode()


def hour_of(instant: datetime) -> int:
    return (instant - _EPOCH) // _HOUR


def start_of(hour: int) -> datetime:
    return _EPOCH + hour * _HOUR
