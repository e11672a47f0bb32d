"""Pure: whether the numbers of our records are ours alone.

A machine that was cloned, or put back to an earlier state, gives numbers that were given before; the collector then
takes new records for old ones. It shows when a batch that was never sent before is known there. A batch that was sent
twice says nothing by that, unless there is reason to doubt: then its records go out once more under new numbers, and
what is there twice does no harm.
"""

from datetime import datetime

from agent.records import Offer
from common.wire import Ack

MOST_JUMP_S = 30.0
"""By so much more than a round trip the collector's clock may run off from ours between two answers."""

_Line = tuple[str, str]


class Numbers:
    """What this process has seen of its numbers."""

    def __init__(self) -> None:
        self._given: dict[_Line, int] = {}
        self._proved: set[_Line] = set()
        self._ahead: float | None = None

    def offered(self, offer: Offer, *, new_epoch: bool) -> None:
        """Take note before a batch is sent. `new_epoch`: nobody had these numbers before this process."""
        line = (offer.epoch, offer.stream)
        if offer.fresh and line not in self._given:
            self._given[line] = offer.seqs[0]
            if new_epoch:
                self._proved.add(line)

    def heard(self, server_time: datetime, *, at_s: float, round_trip_s: float) -> None:
        """Compare the collector's clock with our uptime: where it jumps, this machine was put back or held."""
        ahead = server_time.timestamp() - at_s
        if self._ahead is not None and abs(ahead - self._ahead) > MOST_JUMP_S + round_trip_s:
            self._proved.clear()
        self._ahead = ahead

    def taken(self, offer: Offer, ack: Ack) -> bool:
        """Whether others may have used these numbers, by what the collector knew of the batch."""
        line = (offer.epoch, offer.stream)
        if ack.dup == 0:
            if offer.fresh:
                self._proved.add(line)
            return False
        ours = line in self._given and self._given[line] <= offer.seqs[0]
        return ours and (offer.fresh or line not in self._proved)
