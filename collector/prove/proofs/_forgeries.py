"""Ways to forge an activity log with the database in hand, from careless to well informed; and what becomes of each.

A forgery works on a copy that is open in `sqlite3`, at a position of its own, and returns what the verification
should say of it.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import orjson

from collector.domain.activity import rules
from collector.domain.activity.rules import Link
from common.identity import PrivateKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = "position, id, occurred_at, action_type, page_path, properties"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forger:
    """`last`: the newest position; `signed`: those with a checkpoint, ascending."""

    db: sqlite3.Connection
    tenant_id: int
    last: int
    signed: tuple[int, ...]
    random: Random

    def do(self, statement: str, *values: object) -> None:
        """`?1` is the tenant."""
        self.db.execute(statement, (self.tenant_id, *values))

    def any_of(self, first: int, last: int) -> int:
        return self.random.randint(first, last)

    def unsigned(self) -> int:
        return self.random.choice([one for one in range(2, self.last) if one not in self.signed])

    def next_signed(self, position: int) -> int:
        return min(one for one in self.signed if one >= position)

    def hash_at(self, position: int) -> bytes:
        where = "SELECT hash FROM activity_entry WHERE tenant_id = ?1 AND position = ?2"
        found = self.db.execute(where, (self.tenant_id, position)).fetchone()
        return bytes(found[0]) if found else rules.START

    def link_at(self, position: int) -> Link:
        where = f"SELECT {_FIELDS} FROM activity_entry WHERE tenant_id = ?1 AND position = ?2"
        row = self.db.execute(where, (self.tenant_id, position)).fetchone()
        return Link(
            tenant_id=self.tenant_id,
            position=row[0],
            id=row[1],
            occurred_at=_EPOCH + timedelta(microseconds=row[2]),
            action_type=row[3],
            page_path=row[4],
            properties=orjson.loads(row[5]),
        )

    def set_at(self, position: int, column: str, value: object) -> None:
        self.do(f"UPDATE activity_entry SET {column} = ?3 WHERE tenant_id = ?1 AND position = ?2", position, value)

    def end_at(self, position: int) -> None:
        """Cut off what follows, and say that the chain ends there."""
        self.do("DELETE FROM activity_entry WHERE tenant_id = ?1 AND position > ?2", position)
        self.head_to(position)

    def head_to(self, position: int) -> None:
        digest = self.hash_at(position)
        self.do("UPDATE activity_chain SET position = ?2, hash = ?3 WHERE tenant_id = ?1", position, digest)

    def work_out_again(self, position: int) -> None:
        """Every hash from this entry on, as the collector would have given it."""
        digest = self.hash_at(position - 1)
        for number in range(position, self.last + 1):
            digest = rules.follow(digest, self.link_at(number))
            self.set_at(number, "hash", digest)
        self.head_to(self.last)

    def checkpoints_follow(self, position: int) -> None:
        """Have the checkpoints say what the entries say now; their signatures stay."""
        for one in self.signed:
            if one >= position:
                where = "UPDATE activity_checkpoint SET hash = ?3 WHERE tenant_id = ?1 AND position = ?2"
                self.do(where, one, self.hash_at(one))


def _other_words(forger: Forger) -> str:
    at = forger.any_of(1, forger.last)
    forger.set_at(at, "properties", '{"by":"somebody.else@example.com"}')
    return f"position {at}: altered"


def _other_type(forger: Forger) -> str:
    at = forger.any_of(1, forger.last)
    forger.set_at(at, "action_type", "nothing_happened")
    return f"position {at}: altered"


def _other_time(forger: Forger) -> str:
    at = forger.any_of(1, forger.last)
    forger.do("UPDATE activity_entry SET occurred_at = occurred_at + 1 WHERE tenant_id = ?1 AND position = ?2", at)
    return f"position {at}: altered"


def _other_page(forger: Forger) -> str:
    at = forger.any_of(1, forger.last)
    forger.set_at(at, "page_path", "/elsewhere")
    return f"position {at}: altered"


def _other_number(forger: Forger) -> str:
    at = forger.any_of(1, forger.last)
    forger.set_at(at, "id", forger.any_of(10**6, 10**9))
    return f"position {at}: altered"


def _one_bit(forger: Forger) -> str:
    at = forger.any_of(1, forger.last)
    digest = bytearray(forger.hash_at(at))
    digest[forger.any_of(0, len(digest) - 1)] ^= 1 << forger.any_of(0, 7)
    forger.set_at(at, "hash", bytes(digest))
    return f"position {at}: altered"


def _deleted(forger: Forger) -> str:
    at = forger.any_of(1, forger.last)
    forger.do("DELETE FROM activity_entry WHERE tenant_id = ?1 AND position = ?2", at)
    return f"position {at}: missing"


def _given_away(forger: Forger) -> str:
    at = forger.any_of(1, forger.last)
    forger.set_at(at, "tenant_id", forger.tenant_id + 1)
    return f"position {at}: missing"


def _inserted(forger: Forger) -> str:
    """An entry that never was, with the hash that it would have; all behind it move on."""
    at = forger.unsigned()
    forger.do("UPDATE activity_entry SET position = -position - 1 WHERE tenant_id = ?1 AND position >= ?2", at)
    forger.do("UPDATE activity_entry SET position = -position WHERE tenant_id = ?1 AND position < 0")
    forger.do(
        "INSERT INTO activity_entry (tenant_id, id, occurred_at, action_type, properties, position, hash)"
        " VALUES (?1, ?2, 0, 'never_was', '{}', ?3, x'00')",
        10**9,
        at,
    )
    forger.set_at(at, "hash", rules.follow(forger.hash_at(at - 1), forger.link_at(at)))
    return f"position {at + 1}: altered"


def _swapped(forger: Forger) -> str:
    at = forger.any_of(1, forger.last - 1)
    for before, after in ((at, -1), (at + 1, at), (-1, at + 1)):
        forger.set_at(before, "position", after)
    return f"position {at}: altered"


def _cut_off(forger: Forger) -> str:
    at = forger.any_of(1, forger.last - 1)
    forger.do("DELETE FROM activity_entry WHERE tenant_id = ?1 AND position > ?2", at)
    return f"position {at + 1}: missing"


def _ended_earlier(forger: Forger) -> str:
    forger.end_at(forger.any_of(1, forger.signed[-1] - 1))
    return f"position {forger.signed[-1]}: signed, but the chain ends before it"


def _begun_later(forger: Forger) -> str:
    """As if retention had cut it there."""
    at = forger.unsigned()
    forger.do("UPDATE activity_chain SET cut_position = ?2, cut_hash = ?3 WHERE tenant_id = ?1", at, forger.hash_at(at))
    forger.do("DELETE FROM activity_entry WHERE tenant_id = ?1 AND position <= ?2", at)
    return f"position {at}: no checkpoint where the chain was cut"


def _rewritten(forger: Forger) -> str:
    at = _rewrite(forger)
    return f"position {forger.next_signed(at)}: not what was signed"


def _old_signature(forger: Forger) -> str:
    at = _rewrite(forger)
    forger.checkpoints_follow(at)
    return f"position {forger.next_signed(at)}: the checkpoint's signature does not fit"


def _own_key(forger: Forger) -> str:
    at = _rewrite(forger)
    forger.checkpoints_follow(at)
    key = PrivateKey.of_seed(forger.random.randbytes(32))
    for one in forger.signed:
        if one >= at:
            said = key.sign(rules.statement(forger.tenant_id, one, forger.hash_at(one)))
            where = (
                "UPDATE activity_checkpoint SET public_key = ?3, signature = ?4 WHERE tenant_id = ?1 AND position = ?2"
            )
            forger.do(where, one, key.public.text, said)
    return f"position {forger.next_signed(at)}: signed by a key that is not trusted here: {key.public.text}"


def _cut_behind_the_last_checkpoint(forger: Forger) -> str:
    forger.end_at(forger.any_of(forger.signed[-1], forger.last - 1))
    return f"holds, signed {forger.signed[-1]}"


def _without_checkpoints(forger: Forger) -> str:
    _rewrite(forger)
    forger.do("DELETE FROM activity_checkpoint WHERE tenant_id = ?1")
    return "holds, signed 0"


def _rewrite(forger: Forger) -> int:
    """Forge an entry that is signed for, and work out everything behind it anew."""
    at = forger.any_of(1, forger.signed[-1])
    forger.set_at(at, "properties", '{"by":"somebody.else@example.com"}')
    forger.work_out_again(at)
    return at


FORGERIES: Mapping[str, Callable[[Forger], str]] = {
    "other_words": _other_words,
    "other_type": _other_type,
    "other_time": _other_time,
    "other_page": _other_page,
    "other_number": _other_number,
    "one_bit_of_a_hash": _one_bit,
    "deleted": _deleted,
    "given_to_another_tenant": _given_away,
    "inserted": _inserted,
    "swapped": _swapped,
    "cut_off": _cut_off,
    "ended_earlier": _ended_earlier,
    "begun_later": _begun_later,
    "rewritten": _rewritten,
    "checkpoints_rewritten": _old_signature,
    "checkpoints_of_another_key": _own_key,
}

UNSEEN: Mapping[str, Callable[[Forger], str]] = {
    "cut_behind_the_last_checkpoint": _cut_behind_the_last_checkpoint,
    "rewritten_without_checkpoints": _without_checkpoints,
}
"""What the chain by itself cannot show: a copy of the checkpoints elsewhere has to."""
