"""Runs become the latest state of each check, those the score of their connection, and all of it what follows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from collector.core import sequences
from collector.domain.history import rules as history_rules
from collector.domain.history import store as history
from collector.domain.history.store import Change
from collector.domain.mutes import store as mutes
from collector.domain.mutes.rules import Mutes
from collector.domain.results import findings, rules, store
from collector.domain.results.batch import Batch, States
from collector.domain.results.completed import completed
from collector.domain.results.findings import Seen
from collector.domain.results.rows import RunRow, StateRow, Target, Title, title_of
from collector.domain.results.rules import Derived, Mark
from collector.domain.results.targets import Targets
from collector.domain.results.telling import tell
from collector.domain.services import coverage, measuring, recording
from collector.domain.services.measuring import Before
from collector.domain.services.recording import News
from common.wire import Outcome, Run

OWN_RUN = "collector"  # what stands for a run where the collector itself says something
_NOT_MUTED = Mutes()
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
    _before: Before | None = field(default=None, init=False)

    def apply(self, runs: Sequence[Run], *, titles_changed: bool = False, own: Outcome | None = None) -> None:
        """Take in runs in any order, then bring what follows from them up to date.

        `own`: what the collector itself has to say about every connection of this agent.
        """
        self.targets.load({run.connection for run in runs})
        self.targets.make({run.connection for run in runs})
        if titles_changed or own:
            self.targets.load_all()
        touched = self.targets.all() if titles_changed or own else self._visited(runs)
        batch = Batch(touched, self._states(touched), self._rows(runs), anew=titles_changed)
        for run in sorted(runs, key=lambda run: (run.ended_at, run.run)):
            self._take(run, batch)
        if own:
            for target in touched:
                if target.latest is not None and target.removed_at is None:
                    batch.offer(target, [own], Mark(self.now, OWN_RUN))
        self._conclude(batch)

    def refresh(self, touched: Sequence[Target]) -> None:
        """Bring up to date what time alone, or a person, has changed."""
        self._conclude(Batch(touched, self._states(touched), {}, anew=True))

    def trace(self) -> None:
        """Leave a trace of what has changed about the past; once the targets are saved."""
        if self._before is not None:
            measuring.note(self.conn, self.tenant_id, self._before, self.now)

    def _states(self, touched: Sequence[Target]) -> States:
        return store.states(self.conn, self.tenant_id, [target.id for target in touched])

    def _conclude(self, batch: Batch) -> None:
        titles = store.titles(self.conn, self.tenant_id, self.agent_id)
        muted = mutes.mutes(self.conn, self.tenant_id, list(batch.states))
        derived = [
            (target, self._derive(target, batch.states[target.id], titles, muted.get(target.id, _NOT_MUTED)))
            for target in batch.touched
            if target.reachable is not None
        ]
        for target, _ in derived:
            newest = batch.rows.get((target.id, target.latest_run_key or ""))
            if newest is not None:
                newest.score = target.score
                batch.samples.add_score(target)
        batch.samples.save(self.conn, self.tenant_id, batch.states)
        store.save_states(self.conn, self.tenant_id, _changed(batch.states))
        store.save_runs(self.conn, self.tenant_id, batch.rows.values())
        history.change_status(self.conn, self.tenant_id, _statuses(batch, derived, self.now))
        seen = Seen(batch.touched, batch.sightings, titles, muted, self.now)
        tellings = findings.settle(self.conn, self.tenant_id, seen)
        news = self._news(batch, titles, muted)
        self._before = measuring.before(self.conn, self.tenant_id, recording.past(news), self.now)
        recording.record(self.conn, self.tenant_id, news)
        tell(self.conn, self.tenant_id, [*tellings, *completed(batch, derived)])

    def _news(self, batch: Batch, titles: dict[str, Title], muted: dict[int, Mutes]) -> News:
        return News(
            touched=batch.touched,
            states=batch.states,
            sightings=batch.sightings,
            late=batch.late,
            covered=batch.covered,
            titles=titles,
            muted=muted,
            now=self.now,
            anew=batch.anew,
        )

    def _derive(self, target: Target, states: dict[str, StateRow], titles: dict[str, Title], muted: Mutes) -> Derived:
        silenced = muted.at(self.now)
        outcomes = [
            _weighed(state, title_of(titles, state.check), muted=state.check in silenced) for state in states.values()
        ]
        derived = rules.derive(outcomes, reachable=bool(target.reachable), now=self.now)
        target.score, target.raw_score, target.summary_text = derived.score, derived.raw_score, derived.summary
        target.counts, target.details = derived.counts, derived.details
        ends = [end for end in (derived.stale_at, muted.next_end(self.now)) if end is not None]
        target.stale_at = min(ends, default=None)
        self.targets.touch(target)
        return derived

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

    def _take(self, run: Run, batch: Batch) -> None:
        target = self.targets.of(run.connection)
        row = batch.rows[target.id, run.run]
        if run.part in row.parts_seen:
            return  # it came before, under another number
        outcomes = _outcomes(run)
        row.parts_seen = sorted([*row.parts_seen, run.part])
        row.started_at, row.ended_at = min(row.started_at, run.started_at), max(row.ended_at, run.ended_at)
        for word, number in rules.counts([(outcome.status, outcome.severity) for outcome in outcomes]).items():
            row.counts[word] = row.counts.get(word, 0) + number
        mark = Mark(rules.observed(run.ended_at, self.now), run.run)
        batch.offer(target, outcomes, mark)
        if coverage.informs(run):
            attempts = batch.states[target.id].get(rules.DB_CONNECT)
            batch.cover(target, mark.at, coverage.reach(run, attempts.interval_s if attempts else None))
        if run.trigger == "demand":
            batch.demanded.add(target.id)
        _see(target, run, row.id, mark)
        self.targets.touch(target)


def _outcomes(run: Run) -> tuple[Outcome, ...]:
    """A target that did not answer always has the finding that says so."""
    if run.reachable or run.parts > 1 or any(outcome.check == rules.DB_CONNECT for outcome in run.outcomes):
        return run.outcomes
    return (*run.outcomes, _NO_ANSWER)


def _state_row(outcome: Outcome, state: StateRow, connection_id: int) -> dict[str, Any]:
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
        "run_key": state.mark.run_key,
        "observed_at": state.mark.at,
        "warning": outcome.warning,
        "critical": outcome.critical,
        "confirmed": state.standing.confirmed,
        "recent": state.standing.recent,
        "finding_since": state.standing.since,
        "series_id": state.series_id,
    }


def _see(target: Target, run: Run, run_id: int, mark: Mark) -> None:
    """Remember the newest visit, and the newest one that brought facts."""
    if target.latest is None or target.latest < mark:
        target.latest_run_id, target.latest_run_key, target.latest_run_at = run_id, mark.run_key, mark.at
        target.reachable = run.reachable
    if run.facts and (target.facts_of is None or target.facts_of < mark):
        target.facts, target.facts_at, target.facts_run_key = dict(run.facts), mark.at, mark.run_key


def _statuses(batch: Batch, derived: Iterable[tuple[Target, Derived]], now: datetime) -> list[Change]:
    """The connections that are not as they were; what time alone has changed has changed now."""
    changes: list[Change] = []
    for target, found in derived:
        status = history_rules.status(score=found.score, reachable=bool(target.reachable), known=found.known)
        if status == target.status:
            continue
        came_in = (target.id, target.latest_run_key or "") in batch.rows
        at = target.latest_run_at if came_in and target.latest_run_at else now
        at = max(at, target.status_at or at)
        changes.append(Change(target.id, at, status, target.status, target.status_at))
        target.status, target.status_at = status, at
    return changes


def _weighed(state: StateRow, about: Title, *, muted: bool) -> rules.Outcome:
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
        muted=muted,
    )


def _changed(states: dict[int, dict[str, StateRow]]) -> list[dict[str, Any]]:
    return [
        _state_row(state.new, state, connection_id)
        for connection_id, by_check in states.items()
        for state in by_check.values()
        if state.new is not None
    ]
