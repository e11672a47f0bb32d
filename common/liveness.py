"""Whether everything that must go on still does: each piece of work says by when it will have come round again."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from common import logs, systemd

log = logs.get("watchdog")

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, order=True)
class Late:
    """A piece of work that should have come round `by_s` seconds ago."""

    name: str
    by_s: float


def late(due: Mapping[str, float], now: float) -> tuple[Late, ...]:
    """Pure: what should have come round before now."""
    return tuple(sorted(Late(name, now - at) for name, at in due.items() if at < now))


class Liveness:
    """By when each piece of work has to say again that it goes on."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}

    def beat(self, name: str, *, within_s: float) -> None:
        """This work goes on; it will say so again within so many seconds."""
        self._due[name] = self._clock() + within_s

    def forget(self, name: str) -> None:
        """This work has ended, as it should."""
        self._due.pop(name, None)

    @contextmanager
    def during(self, name: str, *, within_s: float) -> Iterator[Callable[[], None]]:
        """A beat now, one at each call of what this gives, and none expected any more at its end."""

        def beat() -> None:
            self.beat(name, within_s=within_s)

        beat()
        try:
            yield beat
        finally:
            self.forget(name)

    def late(self) -> tuple[Late, ...]:
        return late(self._due, self._clock())


async def watch(alive: Liveness, *, every_s: float | None) -> None:
    """Give the service manager a sign of life for as long as nothing is late; for ever, also where it wants none.

    That this is called at all shows that the event loop turns. What is late is logged once, and shown as the status.
    """
    stuck: frozenset[str] = frozenset()
    while every_s is not None:
        found = alive.late()
        if found:
            _tell(found, stuck)
        else:
            systemd.notify("WATCHDOG=1")
            if stuck:
                log.info("work goes on again", work=", ".join(sorted(stuck)))
        stuck = frozenset(one.name for one in found)
        await asyncio.sleep(every_s / 2)  # so that one look that finds something late is not the last
    await asyncio.Event().wait()


def _tell(found: tuple[Late, ...], known: frozenset[str]) -> None:
    for one in found:
        if one.name not in known:
            log.error("no progress: the service manager gets no sign of life", work=one.name, late_s=round(one.by_s))
    systemd.status("no progress: " + ", ".join(one.name for one in found))
