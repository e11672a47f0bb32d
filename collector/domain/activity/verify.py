"""Reads a chain from its cut to its end and says where it does not hold."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from collector.domain.activity import chain, rules
from collector.domain.activity.chain import Checkpoint, Head
from collector.domain.activity.rules import Link
from common.clock import iso
from common.identity import NotAuthentic, PublicKey


class Trouble(Exception):  # noqa: N818 - it reads as what was found
    """The chain was altered; the message names the position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A chain that holds: its entries, up to where it is signed, and how many entries it has yet to take in."""

    entries: int
    first: int
    last: int
    signed: int
    waiting: int


class Ends(NamedTuple):
    """Where a chain begins and ends, what of it is signed, and how many entries it has yet to take in."""

    head: Head
    checkpoints: list[Checkpoint]
    waiting: int


class Proof:
    """A chain under verification: give it every link behind its cut in order, then ask for the verdict.

    `kept`: checkpoints of it that were kept elsewhere; they tell when an older database was put in its place.
    """

    def __init__(
        self,
        tenant_id: int,
        head: Head,
        checkpoints: Iterable[Checkpoint],
        trusted: Collection[str],
        *,
        kept: Iterable[Checkpoint] = (),
    ) -> None:
        self._head = head
        self._at, self._hash = head.cut_position, head.cut_hash
        self._signed = {each.position: each.hash for each in checkpoints if holds(tenant_id, each, trusted)}
        self._kept = {each.position: each for each in kept if holds(tenant_id, each, trusted)}
        if head.cut_position and self._signed.get(head.cut_position) != head.cut_hash:
            raise Trouble(f"position {head.cut_position}: no checkpoint where the chain was cut")
        self._compare(self._at, self._hash)

    def take(self, link: Link, stored: bytes) -> None:
        if link.position != self._at + 1:
            raise Trouble(f"position {self._at + 1}: missing")
        self._at, self._hash = link.position, rules.follow(self._hash, link)
        if stored != self._hash:
            raise Trouble(f"position {self._at}: altered")
        if self._signed.get(self._at, stored) != stored:
            raise Trouble(f"position {self._at}: not what was signed")
        self._compare(self._at, stored)

    def verdict(self, *, waiting: int) -> Verdict:
        signed = max(self._signed, default=0)
        if self._at < self._head.position:
            raise Trouble(f"position {self._at + 1}: missing")
        if self._at < signed:
            raise Trouble(f"position {signed}: signed, but the chain ends before it")
        newest = max(self._kept, default=0)
        if self._at < newest:
            when = f"signed at {iso(self._kept[newest].at)}"
            raise Trouble(f"position {newest}: {when} and kept, but the chain ends at {self._at}: it is an older one")
        cut = self._head.cut_position
        return Verdict(entries=self._at - cut, first=cut + 1, last=self._at, signed=signed, waiting=waiting)

    def _compare(self, position: int, digest: bytes) -> None:
        kept = self._kept.get(position)
        if kept is not None and kept.hash != digest:
            when = f"signed at {iso(kept.at)}"
            raise Trouble(f"position {position}: not what was {when} and kept: the chain was written anew from before")


def ends(conn: Connection, tenant_id: int) -> Ends:
    """All of one snapshot."""
    head, signed = chain.head_of(conn, tenant_id), chain.checkpoints(conn, tenant_id)
    return Ends(head, signed, chain.waiting(conn, tenant_id))


def verify(conn: Connection, tenant_id: int, trusted: Collection[str]) -> Verdict:
    """`Trouble` unless every entry is as it was recorded; `trusted`: the public keys whose checkpoints count."""
    proof = Proof(tenant_id, chain.head_of(conn, tenant_id), chain.checkpoints(conn, tenant_id), trusted)
    for link, stored in chain.links(conn, tenant_id, chain.head_of(conn, tenant_id).cut_position):
        proof.take(link, stored)
    return proof.verdict(waiting=chain.waiting(conn, tenant_id))


def holds(tenant_id: int, checkpoint: Checkpoint, trusted: Collection[str]) -> bool:
    """True; `Trouble` where it is not signed for this tenant by a key that counts."""
    where = f"position {checkpoint.position}"
    if checkpoint.public_key not in trusted:
        raise Trouble(f"{where}: signed by a key that is not trusted here: {checkpoint.public_key}")
    said = rules.statement(tenant_id, checkpoint.position, checkpoint.hash)
    try:
        PublicKey.parse(checkpoint.public_key).verify(said, checkpoint.signature)
    except NotAuthentic:
        raise Trouble(f"{where}: the checkpoint's signature does not fit") from None
    return True
