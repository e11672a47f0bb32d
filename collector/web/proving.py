"""Proves a tenant's activity log for a page: a piece at a time, and not for longer than people wait."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from collector import checkpoints
from collector.core.database import Database
from collector.core.settings import Settings
from collector.core.vault import Vault
from collector.domain.activity import chain, verify
from collector.domain.activity.chain import Checkpoint
from collector.domain.activity.rules import Link
from collector.domain.activity.verify import Ends, Trouble, Verdict

WAIT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What was proven. `verdict` is None where the chain does not hold (`trouble`) or is too long (`looked_at`)."""

    verdict: Verdict | None = None
    trouble: str = ""
    looked_at: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    checkpoint: Checkpoint | None = None


async def prove(db: Database, tenant: int, settings: Settings) -> Proven:
    """From where the chain begins to where it ended when this was asked; it may grow meanwhile."""
    key = checkpoints.key_of(Vault.of_file(settings.vault_path)).public.text
    ends = await db.read(verify.ends, tenant)
    try:
        return await _Walk(tenant, ends, key).through(db)
    except Trouble as trouble:
        return Proven(trouble=str(trouble))


class _Walk:
    """A chain on the way from its first entry to its last."""

    def __init__(self, tenant: int, ends: Ends, key: str) -> None:
        self._tenant, self._ends = tenant, ends
        self._proof = verify.Proof(tenant, ends.head, ends.checkpoints, {key})
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._looked_at = 0

    async def through(self, db: Database) -> Proven:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._go(db)
        except TimeoutError:
            return Proven(looked_at=self._looked_at)
        return self._proven()

    async def _go(self, db: Database) -> None:
        head = self._ends.head
        after = head.cut_position
        while after < head.position:
            found = await db.read(chain.some_links, self._tenant, after, heavy=True)
            if not found:
                return
            await asyncio.to_thread(self._take, found)
            after = found[-1][0].position

    def _take(self, found: list[tuple[Link, bytes]]) -> None:
        for link, stored in found:
            if link.position > self._ends.head.position:
                return
            self._proof.take(link, stored)
            self._first, self._last = self._first or link.occurred_at, link.occurred_at
            self._looked_at += 1

    def _proven(self) -> Proven:
        verdict = self._proof.verdict(waiting=self._ends.waiting)
        signed = self._ends.checkpoints[-1] if self._ends.checkpoints else None
        return Proven(verdict=verdict, first_at=self._first, last_at=self._last, checkpoint=signed)
