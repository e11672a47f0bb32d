"""The values and scores that a batch adds to the history."""

from collections.abc import Mapping

from sqlalchemy import Connection

from collector.core import sequences
from collector.core.columns import microseconds
from collector.domain.history import store as history
from collector.domain.history.rules import Point
from collector.domain.results import store
from collector.domain.results.rows import StateRow, Target


class Samples:
    """Values by check and connection until they have a series, which each gets with its first value."""

    def __init__(self) -> None:
        self._values: list[tuple[int, str, int, float]] = []
        self._scores: list[tuple[Target, int, float]] = []

    def add(self, connection_id: int, check: str, at: int, value: float) -> None:
        self._values.append((connection_id, check, at, value))

    def add_score(self, target: Target) -> None:
        """The score that follows from the newest run of this connection."""
        if target.latest_run_at is not None and target.score is not None:
            self._scores.append((target, microseconds(target.latest_run_at), float(target.score)))

    def save(self, conn: Connection, tenant_id: int, states: Mapping[int, Mapping[str, StateRow]]) -> None:
        """Number what has no series yet, then store everything; states must be stored after this."""
        self._number(conn, tenant_id, states)
        points = [Point(_series(states[place][check].series_id), at, value) for place, check, at, value in self._values]
        points += [Point(_series(target.series_id), at, value) for target, at, value in self._scores]
        history.add(conn, tenant_id, points)

    def _number(self, conn: Connection, tenant_id: int, states: Mapping[int, Mapping[str, StateRow]]) -> None:
        bare = dict.fromkeys((place, check) for place, check, *_ in self._values if not states[place][check].series_id)
        targets = [target for target, *_ in self._scores if target.series_id is None]
        numbers = sequences.take(conn, "series", len(bare) + len(targets))
        for (place, check), number in zip(bare, numbers, strict=False):
            states[place][check].series_id = number
        for target, number in zip(targets, numbers[len(bare) :], strict=True):
            target.series_id = number
        late = [(place, check) for place, check in bare if states[place][check].new is None]
        store.save_series(conn, tenant_id, [(*place, _series(states[place[0]][place[1]].series_id)) for place in late])


def _series(number: int | None) -> int:
    if number is None:
        raise AssertionError("every sample has a series by now")
    return number
