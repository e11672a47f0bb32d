"""Watching one connection: visits it whenever a check is due, and at once when told to."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agent import liveness
from agent.checks import NONE, Own, of
from agent.oracle.runner import LOGON_CHECKS
from agent.oracle.thresholds import Effective, effective
from agent.quiet import Window
from agent.visiting import Place
from common import logs
from common.liveness import Liveness
from common.wire import CheckSetting, Run, Trigger

log = logs.get("agent.oracle")

MAX_BACK_OFF = 6
NIGHTLY_FROM_S = 86_400
_SLACK = timedelta(seconds=2)
_LONGEST_SLEEP_S = 60.0
_HEAVY_RETRY_S = 5.0


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
    """Owns the visits to one connection.

    `settings` gives the overrides of the assignment in force, `own` the operator's own checks. Heavy checks have visits
    of their own, so that they hold up no other check; those that run once a day or less often wait for the `window`,
    also for their first run. One with a shorter interval would be stale by day.
    """

    place: Place
    settings: Callable[[], Sequence[CheckSetting]]
    emit: Callable[[Run], None]
    own: Callable[[], Own] = lambda: NONE
    window: Window = field(default_factory=Window)
    alive: Liveness = field(default_factory=Liveness)
    _timetable: Timetable = field(default_factory=Timetable)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    _visited: bool = False
    _made_from: tuple[Sequence[CheckSetting], Own] | None = field(default=None, init=False)
    _made: Sequence[Effective] = field(default=(), init=False)

    async def run(self) -> None:
        """Visit for ever; ends when cancelled."""
        with self.alive.during(f"watch {self.place.connection.name}", within_s=liveness.VISIT_S) as beat:
            while True:
                beat()
                checks = self.checks()
                due = self.due(checks)
                if due:
                    await self._visit(_with_login(due, checks), "schedule" if self._visited else "first")
                await asyncio.sleep(self._pause(checks))

    def due(self, checks: Sequence[Effective]) -> list[Effective]:
        """What the next visit is for: light checks first, else the heavy ones that share a statement."""
        now = self.place.oracle.now()
        due = self._timetable.due(checks, now)
        light = [check for check in due if check.check.cost != "heavy"]
        heavy = [check for check in due if check.check.cost == "heavy" and self._may_run(check, now)]
        if light or not heavy or self.place.oracle.heavy.locked():
            return light
        wanted = {query.name for query in heavy[0].check.queries}
        return [check for check in heavy if check is heavy[0] or wanted & {query.name for query in check.check.queries}]

    def _may_run(self, check: Effective, now: datetime) -> bool:
        return check.interval_s < NIGHTLY_FROM_S or self.window.open(now)

    async def check_now(self) -> Run:
        """Run every enabled check at once, after a visit that may be under way."""
        return await self._visit([check for check in self.checks() if check.enabled], "demand")

    def checks(self) -> Sequence[Effective]:
        """The checks as they apply here; made anew when there is another assignment or other own checks."""
        settings, own = self.settings(), self.own()
        if self._made_from is None or self._made_from[0] is not settings or self._made_from[1] is not own:
            key, tags = self.place.connection.key, self.place.connection.tags
            self._made = [effective(check, settings, key=key, tags=tags) for check in of(self.place.connection, own)]
            self._made_from = settings, own
        return self._made

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
        waits = [self._wait(check, now) for check in checks if check.enabled]
        return min(max(min(waits, default=_LONGEST_SLEEP_S), 1.0), _LONGEST_SLEEP_S)

    def _wait(self, check: Effective, now: datetime) -> float:
        """Seconds until the check may run; a heavy one may be due long before."""
        wait = (self._timetable.next_at(check, now) - now).total_seconds()
        if check.check.cost != "heavy":
            return wait
        if not self._may_run(check, now):
            return _LONGEST_SLEEP_S
        return max(wait, _HEAVY_RETRY_S) if self.place.oracle.heavy.locked() else wait


def _with_login(due: Sequence[Effective], checks: Sequence[Effective]) -> list[Effective]:
    """Every visit logs on, so every visit says how that went."""
    named = {check.check.id for check in due}
    return [*due, *(c for c in checks if c.enabled and c.check.id in LOGON_CHECKS and c.check.id not in named)]
