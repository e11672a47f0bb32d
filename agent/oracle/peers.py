"""The latest outcome of each check of one target, for the checks that look at the others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from common.wire import Outcome

_LEAST_S = 3600
_INTERVALS = 3


@dataclass(slots=True)
class Latest:
    """Lives as long as the target is watched. A check that is long overdue is no longer run: it is left out."""

    _by_check: dict[str, tuple[datetime, Outcome]] = field(default_factory=dict)

    def note(self, outcomes: Iterable[Outcome], at: datetime) -> None:
        self._by_check.update({outcome.check: (at, outcome) for outcome in outcomes})

    def peers(self, check: str, now: datetime) -> tuple[Outcome, ...]:
        """What was found by all checks but this one, by id."""
        return tuple(
            outcome
            for name, (at, outcome) in sorted(self._by_check.items())
            if name != check and now - at <= _stands_for(outcome)
        )


def _stands_for(outcome: Outcome) -> timedelta:
    return timedelta(seconds=max(_LEAST_S, _INTERVALS * outcome.interval_s))
