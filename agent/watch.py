"""Watching one connection: visits it whenever a check is due, and at once when told to."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agent.checks import of
from agent.oracle.runner import LOGON_CHECKS
from agent.oracle.thresholds import Effective, effective
from agent.visiting import Place
from common import logs
from common.wire import CheckSetting, Run, Trigger

log = logs.get("agent.oracle")

MAX_BACK_OFF = 6
_SLACK = timedelta(seconds=2)
_LONGEST_SLEEP_S = 60.0


@dataclass(slots=True)
class Timetable:
    """Pure: when each check of one connection ran last; a check that timed out waits twice as long each time."""

    _last: dict[str, datetime] = field(default_factory=dict)
    _back_off: dict[str, int] = field(default_factory=dict)

    def due(self, checks: Sequence[Effective], now: datetime) -> list[Effective]:
        """The enabled checks whose interval has passed, a little early so that neighbours share a visit."""
        return [check for check in checks if check.enabled and self.next_at(check, now) - _SLACK <= now]

    def next_at(self, check: Effective, now: datetime) -> datetime:
        last = self._last.get(check.check.id)
        if last is None or last > now:  # a clock that jumped back must not silence a check
            return now
        return last + timedelta(seconds=check.interval_s) * (1 << self._back_off.get(check.check.id, 0))

    def ran(self, checks: Sequence[Effective], at: datetime, *, timed_out: frozenset[str]) -> None:
        for check in checks:
            name = check.check.id
            self._last[name] = at
            late = self._back_off.get(name, 0) + 1 if name in timed_out else 0
            self._back_off[name] = min(late, MAX_BACK_OFF)


@dataclass(slots=True)
class Watch:
    """Owns the visits to one connection. `settings` gives the overrides of the assignment in force."""

    place: Place
    settings: Callable[[], Sequence[CheckSetting]]
    emit: Callable[[Run], None]
    _timetable: Timetable = field(default_factory=Timetable)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    _visited: bool = False

    async def run(self) -> None:
        """Visit for ever; ends when cancelled."""
        while True:
            now = self.place.oracle.now()
            checks = self.checks()
            due = self._timetable.due(checks, now)
            if due:
                await self._visit(_with_login(due, checks), "schedule" if self._visited else "first")
            await asyncio.sleep(self._pause(checks))

    async def check_now(self) -> Run:
        """Run every enabled check at once, after a visit that may be under way."""
        return await self._visit([check for check in self.checks() if check.enabled], "demand")

    def checks(self) -> list[Effective]:
        connection = self.place.connection
        settings = self.settings()
        return [effective(check, settings, key=connection.key, tags=connection.tags) for check in of(connection)]

    async def _visit(self, due: Sequence[Effective], trigger: Trigger) -> Run:
        async with self._busy:
            at = self.place.oracle.now()
            run = await self.place.visit(due, trigger)
            self._timetable.ran(due, at, timed_out=self.place.oracle.timed_out)
            self._visited = True
            self.emit(run)
            return run

    def _pause(self, checks: Sequence[Effective]) -> float:
        now = self.place.oracle.now()
        waits = [(self._timetable.next_at(check, now) - now).total_seconds() for check in checks if check.enabled]
        return min(max(min(waits, default=_LONGEST_SLEEP_S), 1.0), _LONGEST_SLEEP_S)


def _with_login(due: Sequence[Effective], checks: Sequence[Effective]) -> list[Effective]:
    """Every visit logs on, so every visit says how that went."""
    named = {check.check.id for check in due}
    return [*due, *(c for c in checks if c.enabled and c.check.id in LOGON_CHECKS and c.check.id not in named)]
