"""How agents of neighbouring versions write: what the older do not know yet, and what the newer say besides."""

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from collector.prove.sim import Agent, Batch
from common import wire
from common.clock import utc_now
from common.identity import Origin

Fields = dict[str, Any]

_NEW_HEADER = {"compression": "none", "capabilities": ["streams", "hints"], "priority": 3}
_NEW_FIELDS = {"zone": "Europe/Zurich", "labels": {"team": "dba"}, "confidence": 0.93, "notes": None}
_SINCE_SEVEN = ("instance", "host")
STRANGE = "telemetry_v2"
"""A kind of record that this collector has never heard of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`record` and `header`: what it makes of ours; `origin`: whether its requests say which start of it speaks."""

    name: str
    record: Callable[[Fields], Fields]
    header: Callable[[Fields], Fields]
    origin: bool


def _same(fields: Fields) -> Fields:
    return fields


def _without_start(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name not in _SINCE_SEVEN}


def _bare(fields: Fields) -> Fields:
    """A run as the first versions sent it: its outcomes have what they must have."""
    made: Fields = _deeply(fields, lambda one: {name: value for name, value in one.items() if name not in _LATER})
    return made


def _richer(fields: Fields) -> Fields:
    """Fields that nobody here knows, on every level, also such as ours have in another place."""
    made: Fields = _deeply(fields, lambda one: {**_NEW_FIELDS, **one})
    return made


def _deeply(value: Any, change: Callable[[Fields], Fields]) -> Any:
    if isinstance(value, dict):
        return change({name: _deeply(one, change) for name, one in value.items()})
    return [_deeply(one, change) for one in value] if isinstance(value, list) else value


_LATER = frozenset({"cap", "fix", "origin", "elapsed_ms", "items", "warning", "critical"})

DIALECTS: Sequence[Dialect] = (
    Dialect(name="two versions before", record=_bare, header=_without_start, origin=False),
    Dialect(name="the version before", record=_same, header=_without_start, origin=False),
    Dialect(name="this version", record=_same, header=_same, origin=True),
    Dialect(name="the next version", record=_richer, header=lambda fields: {**_NEW_HEADER, **fields}, origin=True),
)


def batch(agent: Agent, dialect: Dialect, seqs: Sequence[int], **changed: object) -> Batch:
    """These records in a dialect. `changed`: fields of the header."""
    lines = [orjson.dumps(dialect.record(orjson.loads(agent.journal.lines[seq]))) for seq in seqs]
    return packed(agent, dialect, lines, seqs, **changed)


def packed(agent: Agent, dialect: Dialect, lines: Sequence[bytes], seqs: Sequence[int], **changed: object) -> Batch:
    ours, _ = wire.pack(
        lines,
        agent=agent.identity.agent,
        epoch=agent.identity.epoch,
        stream=agent.stream,
        seqs=seqs,
        boot="boot",
        sent_at=utc_now(),
        instance=agent.instance,
        host=agent.name,
    )
    header = orjson.dumps({**dialect.header(orjson.loads(ours)), **changed})
    body = gzip.compress(b"\n".join([header, *lines]) + b"\n", compresslevel=1)
    return Batch(tuple(seqs), header, body, agent.identity.key.sign(header))


def headers(agent: Agent, dialect: Dialect, sent: Batch) -> Mapping[str, str]:
    """With which such a batch travels."""
    origin = Origin(agent.instance, agent.name, "boot") if dialect.origin else Origin()
    bearer = agent.identity.key.request_token(
        agent=agent.identity.agent, method="POST", path="/agent/v1/batches", now=utc_now(), origin=origin
    )
    return {
        "Authorization": f"Bearer {bearer}",
        "Content-Type": wire.CONTENT_TYPE,
        "Content-Encoding": "gzip",
        wire.SIGNATURE_HEADER: sent.signature,
    }
