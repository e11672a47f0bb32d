"""P17: somebody with the database in hand changes the activity log; the chain says where."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from collector import checkpoints
from collector.core.database import Database
from collector.domain.activity import chain, store, verify
from collector.domain.activity.store import Entry
from collector.domain.results import received
from collector.domain.results.received import Range, Source
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import NewTenant
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.proofs._findings import Findings
from collector.prove.proofs._forgeries import FORGERIES, UNSEEN, Forger
from collector.prove.proofs._stores import copy, opened
from common.clock import utc_now
from common.identity import PrivateKey

_BATCHES = (30, 30, 30, 20, 10)
_LAST = sum(_BATCHES)
_SIGNED = (30, 60, 90, 110)
"""After each batch the chain is signed, but for the last one."""
_LIMIT = (
    "limits, of which the chain by itself cannot tell: what follows the last signed checkpoint cut off, and all "
    "checkpoints removed with every hash worked out anew; the collector's log has each checkpoint (`activity "
    "checkpoint`) and tells where it is kept elsewhere. A database that was rolled back holds in itself: the next "
    "answer to an agent names the records that it has lost"
)


class _Log:
    """The database with the log, whose it is, and whose signatures count."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tenant_id = 0
        self.key = PrivateKey.generate()

    async def record(self) -> None:
        async with opened(self.path) as db:
            self.tenant_id = (await db.write(_tenant)).id
            for batch in _BATCHES:
                await db.write(_append, self.tenant_id, batch)
                await db.write(chain.chain, utc_now(), batch)
                if batch != _BATCHES[-1]:
                    await checkpoints.sign(db, self.key)

    async def said_of(self, path: Path) -> str:
        """What the verification says of a copy."""
        db = Database.open(f"sqlite:///{path}")
        try:
            verdict = await db.read(_verify, self.tenant_id, {self.key.public.text}, heavy=True)
        except verify.Trouble as trouble:
            return str(trouble)
        finally:
            await db.close()
        return f"holds, signed {verdict.signed}"


async def run(terms: Terms) -> Verdict:
    findings = Findings()
    log = _Log(terms.folder / "log.sqlite")
    await log.record()
    before = await log.said_of(log.path)
    findings.expect(before == f"holds, signed {_SIGNED[-1]}", f"untouched: {before}")
    counts: Counter[str] = Counter()
    for number in range(3 if terms.quick else 60):
        for name, forge in (*FORGERIES.items(), *UNSEEN.items()):
            wanted, said = await _forged(log, terms, forge, number, name)
            counts[name] += 1
            findings.expect(said == wanted, f"{name}, round {number}: {said!r}; expected {wanted!r}")
    lost = await _rolled_back(terms.folder)
    findings.expect(lost == ((11, 20),), f"after a roll-back the next answer to an agent named {lost} as lost")
    did = (
        f"recorded {_LAST} entries with signed checkpoints, forged copies of the database in {len(FORGERIES)} ways "
        f"at random entries, each to be met with its exact position, and rolled one back"
    )
    total = {"forgeries": sum(counts[name] for name in FORGERIES), **counts, "differences": len(findings)}
    return findings.verdict(did, total, limit=_LIMIT)


async def _forged(log: _Log, terms: Terms, forge: Callable[[Forger], str], number: int, name: str) -> tuple[str, str]:
    path = copy(log.path, terms.folder / "copy.sqlite")
    with closing(sqlite3.connect(path)) as db, db:
        random = chance(terms, name, number)
        wanted = forge(Forger(db=db, tenant_id=log.tenant_id, last=_LAST, signed=_SIGNED, random=random))
    return wanted, await log.said_of(path)


async def _rolled_back(folder: Path) -> tuple[Range, ...]:
    """What an agent is told is missing, after a database lost ten of its records to an older copy."""
    path, backup = folder / "records.sqlite", folder / "backup.sqlite"
    async with opened(path) as db:
        await db.write(_receive, range(1, 11))
    copy(path, backup)
    async with opened(path) as db:
        await db.write(_receive, range(11, 21))
    copy(backup, path)
    async with opened(path) as db:
        await db.write(_receive, range(21, 23))
        return await db.read(received.missing, _SOURCE)


_SOURCE = Source(tenant_id=1, agent_id="agt_proof", epoch="epoch", stream="live")


def _receive(conn: Connection, seqs: range) -> None:
    known = received.known_ranges(conn, _SOURCE, seqs[0], seqs[-1])
    received.add(conn, _SOURCE, known, seqs)


def _tenant(conn: Connection) -> tenants.ListedTenant:
    return tenants.add(conn, NewTenant(slug="proof", name="Proof", plan="enterprise"), utc_now())


def _append(conn: Connection, tenant_id: int, entries: int) -> None:
    begun = utc_now()
    made = [
        Entry("incident_updated", {"by": "ana@example.com", "incident_id": number}, begun + timedelta(seconds=number))
        for number in range(entries)
    ]
    store.append(conn, tenant_id, made)


def _verify(conn: Connection, tenant_id: int, trusted: Collection[str]) -> verify.Verdict:
    return verify.verify(conn, tenant_id, trusted)
