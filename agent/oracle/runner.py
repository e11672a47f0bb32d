"""One visit to a connection: log on, read the facts, run the queries that the due checks share, judge, report."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agent.config import Connection
from agent.oracle import facts as facts_reader
from agent.oracle import plan
from agent.oracle.answers import Answers
from agent.oracle.bundling import Bundles
from agent.oracle.catalogue import Disk, Facts, Login, Rows, Sample, Seen, Verdict
from agent.oracle.judging import unknown
from agent.oracle.logins import LoginFailure
from agent.oracle.logon import logon
from agent.oracle.paths import PATHS, labelled
from agent.oracle.peers import Latest
from agent.oracle.reference import Reference
from agent.oracle.samples import Note, Samples
from agent.oracle.session import LOGIN_DEADLINE_S, Session, StatementFailure
from agent.oracle.thresholds import Effective
from common import ids, logs
from common.clock import Now, utc_now
from common.wire import Outcome, Run, Trigger

log = logs.get("agent.oracle")

CONNECT = "DB_CONNECT"
LOGIN_FINDING = "AGENT_LOGIN"
THIN_MODE = "AGENT_THIN_COMPAT"
RESTRICTED, RESTRICTED_CODE = "INSTANCE_LOGINS_RESTRICTED", "ORA-01035"
LOGON_CHECKS = (CONNECT, LOGIN_FINDING)


@dataclass(slots=True)
class Visitor:
    """Visits one connection, again and again, one visit at a time; what it must remember is in `samples`.

    `timed_out`: the checks of the last visit that went over their call timeout. `heavy`: held by who runs a heavy
    statement, so that one agent runs one at a time.
    """

    connection: Connection
    samples: Samples
    login_deadline_s: float = LOGIN_DEADLINE_S
    now: Now = utc_now
    heavy: asyncio.Lock = field(default_factory=asyncio.Lock)
    reference: Callable[[], Reference | None] = lambda: None
    latest: Latest = field(default_factory=Latest, init=False)
    timed_out: frozenset[str] = field(default=frozenset(), init=False)
    paths: Mapping[str, str] = field(default_factory=dict, init=False)
    release: tuple[int, int] | None = field(default=None, init=False)
    _logged_on_before: bool = field(default=False, init=False)
    _bundles: Bundles = field(default_factory=Bundles, init=False)

    async def visit(self, due: Sequence[Effective], trigger: Trigger, *, disks: Sequence[Disk] = ()) -> Run:
        """Run these checks now. A target that cannot be reached gives a run too; nothing is raised for it.

        `disks`: the file systems of the database's host, where the agent runs on it.
        """
        started = self.now()
        due = sorted((e for e in due if not e.check.by_collector), key=lambda e: e.check.reviews)
        self.timed_out = frozenset()
        try:
            door = logon(self.connection, self.samples, deadline_s=self.login_deadline_s, now=self.now)
            async with door as opened:
                outcomes, facts = await self._look(opened, due, started, disks)
                self._logged_on_before = True
                return self._run(started, trigger, outcomes, facts=facts, round_trips=opened.round_trips)
        except LoginFailure as failure:
            return self._not_logged_on(failure, due, started, trigger)

    # --- without a session ---

    def _not_logged_on(
        self, failure: LoginFailure, due: Sequence[Effective], started: datetime, trigger: Trigger
    ) -> Run:
        log.warning("logon failed", connection=self.connection.name, code=failure.code, kind=failure.kind)
        outcomes = self._down(failure, due) if failure.means_down else self._refused(due, failure)
        self.latest.note(outcomes, started)
        return self._run(started, trigger, outcomes, reachable=not failure.means_down)

    def _down(self, failure: LoginFailure, due: Sequence[Effective]) -> list[Outcome]:
        """Nobody gets in: one critical finding; what was known of the rest stands until it is stale."""
        login = Login(ok=False, code=failure.code, text=str(failure), kind=failure.kind)
        seen = self._seen_login(due, login)
        return [
            plan.outcome(effective, plan.judge(effective, seen(effective)))
            for effective in due
            if effective.check.id == CONNECT
        ]

    def _refused(self, due: Sequence[Effective], failure: LoginFailure) -> list[Outcome]:
        """We do not get in, the users may: the checks are unknown, and one finding says why."""
        judged = (LOGIN_FINDING, THIN_MODE, *([RESTRICTED] if failure.code == RESTRICTED_CODE else ()))
        login = Login(ok=False, code=failure.code, text=str(failure), kind=failure.kind)
        seen = self._seen_login(due, login)
        return [
            plan.outcome(
                effective,
                plan.judge(effective, seen(effective))
                if effective.check.id in judged
                else unknown(f"no logon: {failure}"),
            )
            for effective in due
        ]

    # --- with a session ---

    async def _look(
        self, opened: Session, due: Sequence[Effective], started: datetime, disks: Sequence[Disk]
    ) -> tuple[list[Outcome], Facts | None]:
        login = Login(ok=True, seconds=opened.login_seconds, first_since_start=not self._logged_on_before)
        try:
            facts = await facts_reader.read(opened, self.connection)
            if not facts.mounted:
                await opened.read_only()
        except StatementFailure as failure:
            return self._without_facts(due, failure, login), None
        answers = Answers(opened, facts, self._bundles, self.heavy)
        visit = _Visit(answers, login, self._history(due), disks, started, self.latest, self.reference())
        outcomes = await visit.checks(due)
        if self.connection.host_checks:
            self.paths = await visit.paths() or self.paths
        self.release = facts.release
        self.samples.remember(self.connection.key, started, visit.notes)
        self.timed_out = frozenset(visit.timed_out)
        return outcomes, facts

    def _without_facts(self, due: Sequence[Effective], failure: StatementFailure, login: Login) -> list[Outcome]:
        """Logged on, but not even the facts can be read: what needs no query is judged, the rest says what it lacks."""
        seen = self._seen_login(due, login)
        outcomes = []
        for effective in due:
            queries = effective.check.queries
            if not queries:
                verdict = plan.judge(effective, seen(effective))
            elif failure.not_granted:
                verdict = plan.nothing_granted(effective.check, failure, user=self.connection.user.upper())
            else:
                verdict = unknown(failure.text)
            outcomes.append(plan.outcome(effective, verdict))
            self.latest.note(outcomes[-1:], self.now())
        return outcomes

    def _history(self, due: Iterable[Effective]) -> Mapping[str, Sequence[Sample]]:
        return self.samples.history(self.connection.key, (effective.check.id for effective in due))

    def _seen_login(self, due: Iterable[Effective], login: Login) -> Callable[[Effective], Seen]:
        """What a check may look at that needs no session: how the logon went."""
        nothing, at = facts_reader.unread(self.connection), self.now()
        history = self._history(due)

        def seen(effective: Effective) -> Seen:
            name = effective.check.id
            return Seen(
                facts=nothing,
                rows={},
                levels=effective.levels,
                now=at,
                login=login,
                history=history.get(name, ()),
                peers=self.latest.peers(name, at) if effective.check.reviews else (),
                reference=self.reference(),
            )

        return seen

    def _run(
        self,
        started: datetime,
        trigger: Trigger,
        outcomes: Sequence[Outcome],
        *,
        reachable: bool = True,
        facts: Facts | None = None,
        round_trips: int = 0,
    ) -> Run:
        return Run(
            run=ids.new_id("run"),
            connection=self.connection.key,
            started_at=started,
            ended_at=max(self.now(), started),
            trigger=trigger,
            outcomes=tuple(outcomes),
            reachable=reachable,
            facts=_shown(facts) if facts else {},
            round_trips=round_trips,
        )


@dataclass(slots=True)
class _Visit:
    """The part of a visit that has a session and facts."""

    answers: Answers
    login: Login
    history: Mapping[str, Sequence[Sample]]
    disks: Sequence[Disk]
    started: datetime
    latest: Latest
    reference: Reference | None
    notes: list[Note] = field(default_factory=list)
    timed_out: set[str] = field(default_factory=set)

    @property
    def facts(self) -> Facts:
        return self.answers.facts

    async def checks(self, due: Sequence[Effective]) -> list[Outcome]:
        applying = [e for e in due if not plan.precondition(e.check, self.facts)]
        await self.answers.prefetch([(effective.check, effective.interval_s) for effective in applying])
        outcomes: list[Outcome] = []
        for effective in due:
            outcomes.append(await self.check(effective))
            self.latest.note(outcomes[-1:], self.started)
        self.answers.bundles.settle()
        return outcomes

    async def check(self, effective: Effective) -> Outcome:
        check = effective.check
        reason = plan.precondition(check, self.facts)
        if reason:
            return plan.skip(effective, reason)
        rows: dict[str, Rows] = {}
        elapsed = 0.0
        for query in check.queries:
            answer = await self.answers.of(query, check.id)
            if answer.failure:
                if answer.failure.timed_out:
                    self.timed_out.add(check.id)
                return plan.outcome(effective, plan.why_failed(check, answer.failure, self.facts))
            rows[query.name] = answer.rows
            elapsed += answer.elapsed_ms
        verdict = plan.judge(effective, self._seen(effective, rows))
        self._note(effective, verdict)
        return plan.outcome(effective, verdict, elapsed_ms=elapsed)

    async def paths(self) -> Mapping[str, str]:
        """Where the database keeps its files; nothing when that cannot be read now."""
        return labelled((await self.answers.of(PATHS, "PATHS")).rows)

    def _seen(self, effective: Effective, rows: Mapping[str, Rows]) -> Seen:
        return Seen(
            facts=self.facts,
            rows=rows,
            levels=effective.levels,
            now=self.started,
            login=self.login,
            history=self.history.get(effective.check.id, ()),
            disks=self.disks,
            peers=self.latest.peers(effective.check.id, self.started) if effective.check.reviews else (),
            reference=self.reference,
        )

    def _note(self, effective: Effective, verdict: Verdict) -> None:
        if verdict.note is not None:
            self.notes.append(Note(effective.check.id, verdict.note, effective.check.keep_s))


def _shown(facts: Facts) -> dict[str, str | int | bool | None]:
    """The facts that the collector may show of a connection."""
    return {
        "db_name": facts.db_name,
        "unique_name": facts.unique_name,
        "instance_name": facts.instance_name,
        "host_name": facts.host_name,
        "version": facts.version,
        "edition": facts.edition,
        "role": facts.role,
        "open_mode": facts.open_mode,
        "log_mode": facts.log_mode,
        "cdb": facts.cdb,
        "container": facts.con_name,
        "rac": facts.rac,
    }
