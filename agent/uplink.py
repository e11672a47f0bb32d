"""Sends what is spooled: one signed batch at a time, until the collector says that it durably has it.

Which records come next is the spool's business (`agent.spool`); this module packs them, sends them and does what the
answer says. Nothing that goes wrong here deletes a record: a batch that is refused is split until the one record that
cannot be taken is found, and that one becomes a dead letter.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from agent.backoff import BackOff
from agent.disk import DiskThread
from agent.host_id import new_instance, uptime
from agent.link import Link, LinkDownError, LinkTimeoutError, Reply
from agent.numbers import Numbers
from agent.problems import Problems
from agent.records import Offer
from agent.spool import Spool, SpoolUnavailableError
from agent.waiting import wait_for
from common import logs, wire
from common.clock import Now, utc_now
from common.wire import Ack, Rejection

log = logs.get("agent.uplink")

PATH = "/agent/v1/batches"
DEADLINE_S = 60.0
LOOK_EVERY_S = 15.0
MAX_BURIED_IN_A_ROW = 3
_TOPIC = "uplink"
_DOWN = "down"
_CANNOT_BE_READ = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


class Uplink:
    """The way to the collector. `wake` tells it that something new is durable; `on_ack` gets every ack."""

    def __init__(
        self,
        link: Link,
        spool: Spool,
        disk: DiskThread,
        *,
        problems: Problems,
        on_ack: Callable[[Ack], None] = lambda _: None,
        now: Now = utc_now,
    ) -> None:
        self.wake = asyncio.Event()
        self.last_ack_at: datetime | None = None
        self._link = link
        self._spool = spool
        self._disk = disk
        self._problems = problems
        self._on_ack = on_ack
        self._now = now
        self._numbers = Numbers()
        self._back_off = BackOff()
        self._size = wire.MAX_RECORDS
        self._reread = False
        self._buried = 0
        self._down = False
        self._reachable = asyncio.Event()

    async def run(self) -> None:
        """Send for ever; ends when cancelled."""
        while True:
            delay = await self.step()
            if self._down:
                await wait_for(self._reachable, delay)
            else:
                await asyncio.sleep(delay)

    def reachable(self) -> None:
        """Somebody else got through to the collector: do not wait any longer for a line that was down."""
        self._reachable.set()

    async def step(self) -> float:
        """Send one batch, if there is one; seconds to wait before the next."""
        try:
            offer = await self._disk(self._spool.offer, max_records=self._size)
            if offer is None:
                await wait_for(self.wake, LOOK_EVERY_S)
                return 0.0
            return await self._send(offer)
        except SpoolUnavailableError:
            return self._back_off.next()
        except LinkTimeoutError as error:
            self._size = max(1, self._size // 2)  # the line may be too slow for so much at once
            return self._put_off(f"the collector cannot be reached: {error}", code=_DOWN)
        except LinkDownError as error:
            return self._put_off(f"the collector cannot be reached: {error}", code=_DOWN)

    async def _send(self, offer: Offer) -> float:
        sent = self._now()
        self._numbers.offered(offer, new_epoch=self._spool.began(offer.epoch))
        origin = self._link.identity.origin
        header, body = await self._disk(
            wire.pack,
            offer.lines,
            agent=self._link.identity.agent,
            epoch=offer.epoch,
            stream=offer.stream,
            seqs=offer.seqs,
            boot=origin.boot,
            sent_at=sent,
            instance=origin.instance,
            host=origin.host,
        )
        if len(body) > wire.MAX_PACKED and len(offer.seqs) > 1:
            self._halve(offer)
            return 0.0
        headers = {
            "Content-Type": wire.CONTENT_TYPE,
            "Content-Encoding": "gzip",
            wire.SIGNATURE_HEADER: self._link.identity.key.sign(header),
        }
        reply = await self._link.request("POST", PATH, deadline_s=DEADLINE_S, body=body, headers=headers)
        return await self._answered(offer, reply, sent)

    async def _answered(self, offer: Offer, reply: Reply, sent: datetime) -> float:
        if reply.status == HTTPStatus.OK:
            return await self._acknowledged(offer, reply, sent)
        if reply.error and reply.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return await self._split(offer, reply)
        if reply.error and reply.error.code != "protocol" and reply.status in _CANNOT_BE_READ:
            if self._reread:
                return await self._split(offer, reply)
            self._reread = True  # the same bytes may have been damaged on their way: read and send them once more
            return 0.0
        return self._refused(reply)

    async def _acknowledged(self, offer: Offer, reply: Reply, sent: datetime) -> float:
        try:
            ack = wire.decode(reply.body, Ack)
        except wire.WireError as error:
            return self._put_off(f"the collector's answer is not an ack: {error.detail}", code="not an ack")
        received = self._now()
        self._link.note_clock(sent, ack.server_time, received)
        round_trip_s = abs((received - sent).total_seconds())
        self._numbers.heard(ack.server_time, at_s=uptime(), round_trip_s=round_trip_s)
        await self._disk(self._apply, offer, ack)
        self.last_ack_at = received
        self._problems.over(_TOPIC)
        self._problems.update("gaps", _unexplained(ack))
        self._back_off.reset()
        self._down = False
        self._size = min(self._size + self._size // 4 + 1, wire.MAX_RECORDS)
        self._reread = False
        self._buried = 0
        self._on_ack(ack)
        return 0.0

    def _apply(self, offer: Offer, ack: Ack) -> None:
        offered = set(offer.seqs)
        refused = [rejection for rejection in ack.rejected if rejection.seq in offered]
        if refused:
            self._bury(offer, refused)
        if self._numbers.taken(offer, ack):
            self._give_new_numbers(offer, ack.dup)
        else:
            self._spool.forget(offer, ack.acked)

    def _give_new_numbers(self, offer: Offer, known: int) -> None:
        """Somebody else gives the numbers that we give: begin anew, and say once more what counted as said."""
        self._spool.renumber(offer)
        self._link.new_instance(new_instance())
        log.warning(
            "numbers of records were used before: this machine was cloned or put back; they are sent under new ones",
            stream=offer.stream,
            records=len(offer.seqs),
            known=known,
        )

    def _bury(self, offer: Offer, refused: list[Rejection]) -> None:
        self._spool.bury(offer, refused)
        first = refused[0]
        log.warning("records refused", count=len(refused), stream=offer.stream, code=first.code, reason=first.detail)

    async def _split(self, offer: Offer, reply: Reply) -> float:
        """Halve the batch; a single record that is still refused becomes a dead letter."""
        error = reply.error
        if len(offer.seqs) > 1 or error is None:
            self._halve(offer)
            return 0.0
        if self._buried >= MAX_BURIED_IN_A_ROW:  # it is hardly the records then: go slowly
            self._buried -= 1
            return self._put_off(f"the collector refuses every batch: {reply.why()}", code=error.code)
        await self._disk(self._bury, offer, [Rejection(offer.seqs[0], error.code, error.message)])
        self._buried += 1
        self._reread = False
        return 0.0

    def _halve(self, offer: Offer) -> None:
        self._size = max(1, len(offer.seqs) // 2)

    def _refused(self, reply: Reply) -> float:
        code = reply.error.code if reply.error else str(reply.status)
        if HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
            return self._put_off(f"{reply.why()}: redirects are not followed; check the collector's URL", code=code)
        return self._put_off(f"the collector refuses: {reply.why()}", code=code, retry_after=reply.retry_after)

    def _put_off(self, text: str, *, code: str, retry_after: float | None = None) -> float:
        self._problems.report(_TOPIC, text, code=code)
        self._down = code == _DOWN
        self._reachable.clear()
        return self._back_off.next(retry_after)


def _unexplained(ack: Ack) -> str:
    """Numbers that the collector misses although they were acknowledged, as after it was restored from a backup."""
    if not ack.gaps:
        return ""
    ranges = ", ".join(f"{first}-{last}" for first, last in ack.gaps[:5])
    return f"the collector misses records {ranges}"
