"""Looks now and then how full the database is: for `/metrics`, for who is signed in, and for the log."""

import asyncio

from collector.core import disk
from collector.core.database import Database
from collector.core.metrics import Metrics
from collector.core.problems import StoreUnavailable
from collector.core.room import Fill, Shortage, State, Terms
from common import logs

EVERY_SECONDS = 60.0
AGAIN_AFTER = 60
"""How many looks later it is said again."""
LATELY_SECONDS = 180.0
"""Agents that were refused come again within it: while they are, each time is lately."""

log = logs.get(__name__)


class Filling:
    """What was found when it was last looked at; 0 before the first look."""

    def __init__(self, db: Database, terms: Terms, metrics: Metrics) -> None:
        self._db = db
        self._terms = terms
        self._fill = Fill(0, None)
        self._told: State = "well"
        self._looks = 0
        metrics.watch("store_bytes", "What the database takes.", lambda: float(self._fill.taken))
        metrics.watch("store_full_ratio", "Of what the database may take, so much is taken.", lambda: self._fill.share)

    async def run(self, *, every: float = EVERY_SECONDS) -> None:
        """Look for ever; a store that is away is waited for."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as trouble:
                log.info("room of the database not looked at", why=trouble.why)
            await asyncio.sleep(every)

    def shortage(self) -> Shortage:
        """What this process knows of it now."""
        if self._db.found_full(within_s=LATELY_SECONDS):
            return "refused"
        return "none" if self._fill.state == "well" else "near"

    async def look(self) -> None:
        self._fill = fill = await self._db.read(disk.measure, self._terms, heavy=True)
        again = self._looks % AGAIN_AFTER == 0
        self._looks += 1
        if fill.state == self._told and (fill.state == "well" or not again):
            return
        self._told, self._looks = fill.state, 1
        if fill.state == "well":
            log.info("the database has room again", size=str(fill))
        else:
            log.warning(
                "the database is nearly full" if fill.state == "near" else "the database is full", size=str(fill)
            )
