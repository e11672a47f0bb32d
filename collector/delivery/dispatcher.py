"""Drains the outbox: claims lanes that have something to deliver and serves each in a task of its own."""

import asyncio
import time
from collections.abc import Callable, Mapping

from collector.core.database import Database
from collector.core.metrics import Metrics
from collector.core.problems import StoreUnavailable
from collector.delivery.sending import Sender
from collector.domain.webhooks import lanes
from collector.domain.webhooks.lanes import Lane, Result, Work
from collector.domain.webhooks.rules import Kind, judge
from common import logs
from common.clock import utc_now
from common.ids import new_id

SLOTS = 64
FAILING_SLOTS = 16  # receivers that hang never hold more, so that the others find a free one
SLICE_SECONDS = 10.0  # together with one attempt it stays below the lease
MESSAGES = 100
UNSAVED_SECONDS = 0.25  # how much may be delivered twice after kill -9
_STOP_SECONDS = 2.0
_SILENT_SECONDS = 30.0

log = logs.get(__name__)


class Dispatcher:
    """One per process; any number of processes share the work by leases."""

    def __init__(
        self, db: Database, senders: Mapping[Kind, Sender], *, every: float, metrics: Metrics | None = None
    ) -> None:
        self._db = db
        self._senders = senders
        self._every = every
        self._metrics = metrics or Metrics()
        self._owner = new_id("lane")
        self._running: dict[asyncio.Task[None], Lane] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self.turned_at = time.monotonic()

    async def run(self, turned: Callable[[], None] = lambda: None) -> None:
        """Deliver until cancelled; then finish what is under way, for a moment. `turned` is told of each turn."""
        try:
            while True:
                turned()
                await self.turn()
                await self._rest()
        finally:
            await self._stop()

    async def turn(self) -> None:
        """Start what can be started; a store that is away is waited for."""
        self._wake.clear()
        free = SLOTS - len(self._running)
        try:
            if free > 0 and await self._db.read(lanes.claimable, utc_now()):
                failing = FAILING_SLOTS - sum(lane.failing for lane in self._running.values())
                claimed = await self._db.write(lanes.claim, self._owner, utc_now(), free, failing)
                for lane in set(claimed) - self._served():  # an attempt may have outlasted its lease
                    self._start(lane)
        except StoreUnavailable as trouble:
            log.warning("deliveries put off", why=trouble.why, detail=trouble.detail)
        else:
            self.turned_at = time.monotonic()

    async def check(self) -> None:
        """`StoreUnavailable` when the last turn is too long ago."""
        silent = time.monotonic() - self.turned_at
        if silent > max(_SILENT_SECONDS, 3 * self._every):
            raise StoreUnavailable("slow", f"the outbox was looked at {silent:.0f} s ago")

    async def settle(self) -> None:
        """Wait until every lane that was started has been served."""
        while self._running:
            await asyncio.wait(self._running)

    def _served(self) -> set[Lane]:
        return {lane._replace(failing=failing) for lane in self._running.values() for failing in (True, False)}

    def _start(self, lane: Lane) -> None:
        task = asyncio.create_task(self._serve(lane), name=f"lane {lane.endpoint_id}")
        self._running[task] = lane
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("delivery failed", task=task.get_name(), exc_info=error)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._every):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _stop(self) -> None:
        self._stopping = True
        if self._running:
            await asyncio.wait(self._running, timeout=_STOP_SECONDS)
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for sender in self._senders.values():
            await sender.close()

    async def _serve(self, lane: Lane) -> None:
        until = time.monotonic() + SLICE_SECONDS
        try:
            while time.monotonic() < until and not self._stopping and await self._deliver_some(lane, until):
                pass
            await self._db.write(lanes.release, lane, self._owner)
        except StoreUnavailable as trouble:
            log.warning("a delivery could not be recorded", endpoint=lane.endpoint_id, why=trouble.why)

    async def _deliver_some(self, lane: Lane, until: float) -> bool:
        """Whether the lane may go on at once."""
        work = await self._db.read(lanes.load, lane, self._owner, utc_now(), MESSAGES)
        if work is None or not work.messages:
            return False
        results = await self._send(lane, work, until)
        await self._db.write(lanes.finish, lane, self._owner, results, utc_now())
        return _goes_on(results[-1])

    async def _send(self, lane: Lane, work: Work, until: float) -> list[Result]:
        sender = self._senders[work.kind]
        save_at = min(until, time.monotonic() + UNSAVED_SECONDS)
        results: list[Result] = []
        for message in work.messages:
            attempt = await sender.send(lane, work, message)
            results.append(Result(message, attempt, judge(attempt, message.tries + 1)))
            self._metrics.attempted(work.kind, results[-1].verdict)
            if not _goes_on(results[-1]) or time.monotonic() >= save_at or self._stopping:
                break
        return results


def _goes_on(result: Result) -> bool:
    return result.verdict == "delivered" or lanes.answered_no(result)
