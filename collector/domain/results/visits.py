"""Runs become the latest state of each check, and those the score of their connection."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from collector.core import sequences
from collector.domain.results import rules, store
from collector.domain.results.rows import RunRow, StateRow, Target, Title
from collector.domain.results.rules import Mark
from collector.domain.results.targets import Targets
from common.wire import Outcome, Run

_NO_TITLE = Title(title="", interval_s=0, enabled=True)
_NO_ANSWER = Outcome(
    check=rules.DB_CONNECT,
    category="availability",
    status="critical",
    severity="critical",
    line="no connection",
    cap=0,
    interval_s=60,
)


@dataclass(slots=True)
class Visits:
    """The runs and check states that a batch touches, read once and written once."""

    conn: Connection
    tenant_id: int
    agent_id: str
    targets: Targets
    now: datetime

    def apply(self, runs: Sequence[Run], *, titles_changed: bool) -> None:
        """Take in runs in any order, then bring the scores of their connections up to date."""
        self.targets.load({run.connection for run in runs})
        self.targets.make({run.connection for run in runs})
        if titles_changed:
            self.targets.load_all()
        touched = self.targets.all() if titles_changed else self._visited(runs)
        states = store.states(self.conn, self.tenant_id, [target.id for target in touched])
        rows = self._rows(runs)
        for run in sorted(runs, key=lambda run: (run.ended_at, run.run), reverse=True):  # then older ones lose at once
            self._take(run, rows[self.targets.of(run.connection).id, run.run], states)
        self.derive(touched, states)
        for target in touched:
            _note_score(target, rows)
        store.save_states(self.conn, self.tenant_id, _changed(states))
        store.save_runs(self.conn, self.tenant_id, rows.values())

    def derive(self, touched: Iterable[Target], states: dict[int, dict[str, StateRow]]) -> None:
        titles = store.titles(self.conn, self.tenant_id, self.agent_id)
        for target in touched:
            if target.reachable is None:
                continue
            outcomes = [_weighed(state, titles.get(state.check, _NO_TITLE)) for state in states[target.id].values()]
            derived = rules.derive(outcomes, reachable=target.reachable, now=self.now)
            target.score, target.summary_text = derived.score, derived.summary
            target.counts, target.details, target.stale_at = derived.counts, derived.details, derived.stale_at
            self.targets.touch(target)

    def _visited(self, runs: Iterable[Run]) -> list[Target]:
        return [self.targets.of(key) for key in sorted({run.connection for run in runs})]

    def _rows(self, runs: Sequence[Run]) -> dict[tuple[int, str], RunRow]:
        visited = self._visited(runs)
        keys = sorted({run.run for run in runs})
        known = store.runs(self.conn, self.tenant_id, [target.id for target in visited], keys) if runs else []
        rows = {(row.connection_id, row.key): row for row in known}
        new = {(self.targets.of(run.connection).id, run.run): run for run in runs}
        fresh = sorted(set(new) - set(rows))
        for number, place in zip(sequences.take(self.conn, "run", len(fresh)), fresh, strict=True):
            rows[place] = self._row(number, place[0], new[place])
        return rows

    def _row(self, number: int, connection_id: int, run: Run) -> RunRow:
        return RunRow(
            tenant_id=self.tenant_id,
            id=number,
            connection_id=connection_id,
            key=run.run,
            started_at=run.started_at,
            ended_at=run.ended_at,
            received_at=self.now,
            trigger=run.trigger,
            reachable=run.reachable,
            parts=run.parts,
        )

    def _take(self, run: Run, row: RunRow, states: dict[int, dict[str, StateRow]]) -> None:
        if run.part in row.parts_seen:
            return  # it came before, under another number
        outcomes = _outcomes(run)
        row.parts_seen = sorted([*row.parts_seen, run.part])
        row.started_at, row.ended_at = min(row.started_at, run.started_at), max(row.ended_at, run.ended_at)
        for word, number in rules.counts([(outcome.status, outcome.severity) for outcome in outcomes]).items():
            row.counts[word] = row.counts.get(word, 0) + number
        mark = Mark(rules.observed(run.ended_at, self.now), run.run)
        target = self.targets.of(run.connection)
        _offer(states[target.id], outcomes, mark)
        _see(target, run, row.id, mark)
        self.targets.touch(target)


def _outcomes(run: Run) -> tuple[Outcome, ...]:
    """A target that did not answer always has the finding that says so."""
    if run.reachable or run.parts > 1 or any(outcome.check == rules.DB_CONNECT for outcome in run.outcomes):
        return run.outcomes
    return (*run.outcomes, _NO_ANSWER)


def _offer(states: dict[str, StateRow], outcomes: Iterable[Outcome], mark: Mark) -> None:
    """Let an outcome replace the stored one, unless that one is newer."""
    for outcome in outcomes:
        known = states.get(outcome.check)
        if known is None or known.mark < mark:
            states[outcome.check] = StateRow(
                outcome.check,
                outcome.category,
                outcome.status,
                outcome.severity,
                outcome.line,
                outcome.cap,
                outcome.interval_s,
                mark,
                outcome,
            )


def _state_row(outcome: Outcome, mark: Mark, connection_id: int) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "check_id": outcome.check,
        "category": outcome.category,
        "status": outcome.status,
        "severity": outcome.severity,
        "line": outcome.line,
        "value": outcome.value,
        "unit": outcome.unit,
        "cap": outcome.cap,
        "fix": outcome.fix,
        "origin": outcome.origin,
        "items": [msgspec.to_builtins(item) for item in outcome.items],
        "interval_s": outcome.interval_s,
        "run_key": mark.run_key,
        "observed_at": mark.at,
    }


def _see(target: Target, run: Run, run_id: int, mark: Mark) -> None:
    """Remember the newest visit, and the newest one that brought facts."""
    if target.latest is None or target.latest < mark:
        target.latest_run_id, target.latest_run_key, target.latest_run_at = run_id, mark.run_key, mark.at
        target.reachable = run.reachable
    if run.facts and (target.facts_of is None or target.facts_of < mark):
        target.facts, target.facts_at, target.facts_run_key = dict(run.facts), mark.at, mark.run_key


def _note_score(target: Target, rows: dict[tuple[int, str], RunRow]) -> None:
    newest = rows.get((target.id, target.latest_run_key or ""))
    if newest is not None:
        newest.score = target.score


def _weighed(state: StateRow, about: Title) -> rules.Outcome:
    return rules.Outcome(
        check=state.check,
        category=state.category,
        status=state.status,
        severity=state.severity,
        line=state.line,
        cap=state.cap,
        interval_s=state.interval_s or about.interval_s,
        observed_at=state.mark.at,
        title=about.title or state.check,
        enabled=about.enabled,
    )


def _changed(states: dict[int, dict[str, StateRow]]) -> list[dict[str, Any]]:
    return [
        _state_row(state.new, state.mark, connection_id)
        for connection_id, by_check in states.items()
        for state in by_check.values()
        if state.new is not None
    ]
