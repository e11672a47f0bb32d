"""What a batch is about, in memory between one read and one write."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from collector.core.columns import microseconds
from collector.domain.results import levels
from collector.domain.results.levels import UNSEEN
from collector.domain.results.rows import RunRow, Sighting, StateRow, Target
from collector.domain.results.rules import Mark
from collector.domain.results.series import Samples
from collector.domain.services.baselines import Late
from collector.domain.services.coverage import Stretch
from common.wire import Outcome

States = dict[int, dict[str, StateRow]]


@dataclass(slots=True)
class Batch:
    """The connections that are concerned, their latest outcomes, their runs, and what has been seen of findings."""

    touched: Sequence[Target]
    states: States
    rows: dict[tuple[int, str], RunRow]
    samples: Samples = field(default_factory=Samples)
    sightings: list[Sighting] = field(default_factory=list)
    demanded: set[int] = field(default_factory=set)
    """Connections that somebody wanted to be checked, and now are."""
    late: list[Late] = field(default_factory=list)
    """Outcomes that came after newer ones, of which nothing follows but what services were like then."""
    covered: dict[int, list[Stretch]] = field(default_factory=dict)
    """When the data of a connection said something about its database."""
    anew: bool = False
    """What findings mean for services may have changed without one of them being seen."""

    def offer(self, target: Target, outcomes: Iterable[Outcome], mark: Mark) -> None:
        """Let outcomes replace the stored ones, unless those are newer; every value belongs to the history."""
        states, at = self.states[target.id], microseconds(mark.at)
        for outcome in outcomes:
            known = states.get(outcome.check)
            if known is None or known.mark < mark:
                states[outcome.check] = self._next(target, known, outcome, mark)
            elif mark < known.mark and target.removed_at is None:
                self.late.append(Late(target.id, outcome, mark.at))
            if outcome.value is not None:
                self.samples.add(target.id, outcome.check, at, outcome.value)

    def cover(self, target: Target, began_at: datetime, length: timedelta) -> None:
        self.covered.setdefault(target.id, []).append(Stretch(began_at, began_at + length))

    def _next(self, target: Target, known: StateRow | None, outcome: Outcome, mark: Mark) -> StateRow:
        before = UNSEEN if known is None else known.standing
        after = UNSEEN if target.removed_at else levels.step(before, outcome, mark.at)
        if before.confirmed or after.confirmed:
            self.sightings.append(Sighting(target.id, outcome, mark.at, before, after))
        return StateRow(
            outcome.check,
            outcome.category,
            outcome.status,
            outcome.severity,
            outcome.line,
            outcome.cap,
            outcome.interval_s,
            mark,
            after,
            None if known is None else known.series_id,
            outcome,
        )
