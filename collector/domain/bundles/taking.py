"""Bundles come in: each of their batches takes the way of one that came over the network, and counts once."""

from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.agents import clones, instances, keys
from collector.domain.agents.clones import Spoken
from collector.domain.bundles import rules, store
from collector.domain.bundles.store import Imported
from collector.domain.results.decode import Decoded, decode_batch
from collector.domain.results.ingest import ingest
from collector.domain.results.received import Source
from collector.domain.services import measuring
from common import wire
from common.bundle import Batch, Opened, Place, Ranges
from common.clock import iso
from common.identity import NotAuthentic, Origin, PublicKey, key_id_of
from common.wire import BatchHeader, Rejection, WireError

Figures = dict[str, float | None]
"""Percent by window."""


class Welcome(msgspec.Struct, frozen=True):
    """Who a bundle is from, and what is known of it. `refusal`: why nothing of it may be stored, else "".

    `again`: it was imported before; `other`: one of its number, with another content, was. `uptime`: what the uptime
    of each connection is at this instant, `at`, without the bundle.
    """

    tenant_id: int
    agent: str
    name: str
    refusal: str = ""
    again: datetime | None = None
    other: datetime | None = None
    at: datetime | None = None
    uptime: dict[int, Figures] = {}


class Taken(msgspec.Struct, frozen=True):
    """What became of one batch."""

    epoch: str
    stream: wire.Stream
    new: int
    dup: int
    rejected: tuple[Rejection, ...]
    unknown: int


class Counts(msgspec.Struct, frozen=True):
    """What became of all batches of a bundle."""

    new: int
    dup: int
    rejected: int


class Outlook(msgspec.Struct, frozen=True):
    """What the collector lacks of an agent after an import: bundles by number, records by place."""

    unseen: tuple[int, ...]
    missing: tuple[Ranges, ...]


class _Sender(NamedTuple):
    tenant_id: int
    key: PublicKey


def welcome(conn: Connection, opened: Opened, *, heartbeat_s: int, now: datetime) -> Welcome:
    """Look at a bundle before anything of it is stored; `Refusal` where its origin is not proven."""
    made = opened.manifest
    sender = _sender(conn, made.agent, opened.key_id)
    _prove(opened, sender.key)
    known = store.agent_of(conn, made.agent)
    name = known.name if known else ""
    parked = _is_parked(conn, sender.tenant_id, opened, heartbeat_s=heartbeat_s, now=now)
    if parked:
        return Welcome(sender.tenant_id, made.agent, name, refusal=parked)
    keys.promote(conn, sender.tenant_id, made.agent, opened.key_id, now)
    before = store.before(conn, sender.tenant_id, made)
    same = before is not None and before.digest == opened.digest
    return Welcome(
        sender.tenant_id,
        made.agent,
        name,
        again=before.imported_at if before and same else None,
        other=before.imported_at if before and not same else None,
        at=now,
        uptime=_uptime(conn, sender.tenant_id, made.agent, now),
    )


def take(conn: Connection, agent_id: str, batch: Batch, now: datetime) -> Taken:
    """Store one batch of a bundle; `Refusal` when it is not what this agent signed."""
    sender = _sender(conn, agent_id, key_id_of(batch.signature))
    try:
        header, decoded = _opened(agent_id, batch, sender.key)
        source = Source(sender.tenant_id, agent_id, header.epoch, header.stream)
        ack = ingest(conn, source, decoded, now)
    except (WireError, NotAuthentic) as error:
        raise Refusal(error.detail) from None
    return Taken(header.epoch, header.stream, ack.new, ack.dup, ack.rejected, ack.unknown)


def _opened(agent_id: str, batch: Batch, key: PublicKey) -> tuple[BatchHeader, Decoded]:
    unpacked = wire.unpack(batch.body)
    key.verify(unpacked.signed, batch.signature)
    if unpacked.header.agent != agent_id or b"\\u0000" in unpacked.signed:
        raise WireError("malformed", "batch header: another agent's, or text with a NUL character")
    return unpacked.header, decode_batch(unpacked)


def note(conn: Connection, opened: Opened, known: Welcome, counts: Counts, act: Act) -> Outlook:
    """The whole bundle is in: remember that it came, say what of the past it has changed, and what is lacking."""
    made = opened.manifest
    sender = _sender(conn, made.agent, opened.key_id)
    _prove(opened, sender.key)
    one = Imported(made.epoch, made.number, opened.digest, made.made_at, act.at, made.records, counts.new)
    store.save(conn, sender.tenant_id, made.agent, one)
    about = {
        "by": act.by,
        "agent_id": made.agent,
        "number": made.number,
        "made_at": iso(made.made_at),
        "records": made.records,
        "new": counts.new,
        "rejected": counts.rejected,
    }
    corrected = _corrected(conn, sender.tenant_id, opened, known)
    entries = [Entry("uptime_corrected", entry, act.at) for entry in corrected]
    activity.append(conn, sender.tenant_id, [Entry("bundle_imported", about, act.at), *entries])
    places = [Place(carried.epoch, carried.stream) for carried in made.carried]
    return Outlook(
        unseen=rules.unseen(one.number for one in store.imported(conn, sender.tenant_id, made.agent)),
        missing=store.missing(conn, sender.tenant_id, made.agent, places),
    )


def _uptime(conn: Connection, tenant_id: int, agent_id: str, now: datetime) -> dict[int, Figures]:
    return measuring.percents(conn, tenant_id, store.connections_of(conn, tenant_id, agent_id), now)


def _corrected(conn: Connection, tenant_id: int, opened: Opened, known: Welcome) -> list[dict[str, object]]:
    """Where a figure of the same instant is not what it was without the bundle."""
    if known.at is None:
        return []
    after = _uptime(conn, tenant_id, opened.manifest.agent, known.at)
    return [
        {
            "connection_id": place,
            "bundle": opened.manifest.number,
            "agent_id": opened.manifest.agent,
            "uptime_before": before,
            "uptime_after": after[place],
        }
        for place, before in known.uptime.items()
        if any(after.get(place, before)[name] != percent for name, percent in before.items() if percent is not None)
    ]


@across_tenants("the key is what finds out the tenant")
def _sender(conn: Connection, agent_id: str, key_id: str) -> _Sender:
    """The tenant and key of an agent whose signature may count; `Refusal` says why it may not."""
    known = keys.registered(conn, agent_id, key_id)
    agent = store.agent_of(conn, agent_id)
    if agent is None:
        raise Refusal(f"agent {agent_id} is not known here: the bundle is for another collector")
    if agent.state == "revoked":
        raise Refusal(f"agent {agent_id} ({agent.name}) was revoked")
    if agent.state == "pending":
        raise Refusal(f"agent {agent_id} ({agent.name}) waits for approval; `agent approve` lets it in")
    if known is None:
        raise Refusal(f"agent {agent_id} ({agent.name}) has not registered the key that signed this")
    if known.retired_at is not None:
        raise Refusal(
            f"signed by a key of agent {agent_id} ({agent.name}) that was retired at {iso(known.retired_at)}; "
            "`fieldpost-agent bundle export --all` makes a bundle with the key it has now"
        )
    return _Sender(known.tenant_id, PublicKey.parse(known.public_key))


def _is_parked(conn: Connection, tenant_id: int, opened: Opened, *, heartbeat_s: int, now: datetime) -> str:
    """Why the machine that made it is not believed; "" when it is."""
    made = opened.manifest
    if not made.instance:
        return ""
    spoken = Spoken(Origin(made.instance, made.host), made.made_at, now)
    verdict = instances.note(conn, tenant_id, made.agent, spoken, clones.alive_for(heartbeat_s))
    if not verdict.parked:
        return ""
    return f"agent {made.agent} runs on two machines, and the one that made this ({made.host[:12]}) is parked"


def _prove(opened: Opened, key: PublicKey) -> None:
    try:
        opened.prove(key)
    except WireError as error:
        raise Refusal(error.detail) from None
