"""Driven cases: rows of dictionary views -> the stand-in -> the driver -> the check's own SQL -> its outcome."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent.config import Connection
from agent.oracle import facts as facts_reader
from agent.oracle.catalogue import Check, Facts
from agent.oracle.reference import Reference
from agent.oracle.runner import Visitor
from agent.oracle.samples import Note, Samples
from agent.oracle.session import session
from agent.oracle.thresholds import effective
from common.wire import CheckSetting, Outcome
from tests.agent.oracle.builders import NOW, reference
from tests.agent.oracle.cases import Driven, Earlier, Got
from tests.standins.oracle.engine import Database, load_scenario
from tests.standins.oracle.engine.overlay import Changes, overlay
from tests.standins.oracle.engine.scenario import User
from tests.standins.oracle.engine.values import as_timestamp, decode
from tests.standins.oracle.server import Standin

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a DATE has no zone


@dataclass
class Driver:
    """One stand-in for all cases of a worker; what is costly (scenario files, plans of statements) is made once."""

    standin: Standin
    samples: Samples
    folder: Path
    _bases: dict[str, Database] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def close(self) -> None:
        for base in self._bases.values():
            base.close()

    async def drive(self, check: Check, case: Driven) -> Got:
        """The outcome of the last visit, after those that the case had before."""
        key = f"case{next(self._numbers)}"
        self._remember(check, case, key)
        for earlier in sorted(case.earlier, key=lambda one: -one.ago_s):
            await self._visit(check, case, key, earlier)
        outcome = await self._visit(check, case, key, None)
        noted = self.samples.history(key, [check.id]).get(check.id, [])
        fresh = noted and noted[-1].at == NOW
        return _got(outcome, check, noted[-1].values if fresh else None)

    async def without_grant(self, check: Check, case: Driven, name: str) -> Outcome:
        """The outcome of a visit by an account that may read everything but this object (V_$LOG)."""
        changes = Changes(case.views, case.set, frozenset({name}))
        return await self._look(check, case, f"case{next(self._numbers)}", changes, NOW)

    async def facts(self, case: Driven) -> Facts:
        """What a visit to the case's database knows of it."""
        with self._serve(case, Changes(case.views, case.set), "facts", NOW) as connection:
            async with session(connection) as opened:
                return await facts_reader.read(opened, connection)

    async def _visit(self, check: Check, case: Driven, key: str, earlier: Earlier | None) -> Outcome:
        if earlier is None:
            return await self._look(check, case, key, Changes(case.views, case.set), NOW)
        changes = Changes({**case.views, **earlier.views}, {**case.set, **earlier.set})
        return await self._look(check, case, key, changes, NOW - timedelta(seconds=earlier.ago_s))

    async def _look(self, check: Check, case: Driven, key: str, changes: Changes, at: datetime) -> Outcome:
        with self._serve(case, changes, key, at) as connection:
            table = _reference(case)
            visitor = Visitor(connection, self.samples, now=lambda: at, reference=lambda: table)
            due = [effective(check, _settings(check, case), key=key, tags=())]
            run = await visitor.visit(due, "demand", disks=case.disks)
        assert run.reachable, [outcome.line for outcome in run.outcomes]
        return next(outcome for outcome in run.outcomes if outcome.check == check.id)

    @contextmanager
    def _serve(self, case: Driven, changes: Changes, key: str, at: datetime) -> Iterator[Connection]:
        base = self._base(case.on)
        database = overlay(base, changes, name=key, at=at, started=NOW, service=case.service)
        self.standin.add(database)
        try:
            yield self._connection(database, case, key)
        finally:
            self.standin.remove(database)

    def _base(self, name: str) -> Database:
        if name not in self._bases:
            self._bases[name] = load_scenario(name)
        return self._bases[name]

    def _connection(self, database: Database, case: Driven, key: str) -> Connection:
        user = _watcher(database.scenario.users)
        secret = self.folder / f"{case.on}.secret"
        if not secret.exists():
            secret.write_text(user.account.password)
        more: dict[str, Any] = {} if case.share is None else {"share": frozenset(case.share)}
        return Connection(
            key=key,
            name=key,
            host="127.0.0.1",
            port=self.standin.ports["23ai" if database.release[0] >= 23 else "19c"],
            service=key,
            user=user.account.name,
            password_file=secret,
            mode="sysdg" if "sysdg" in user.account.modes else "normal",
            tier=case.tier,  # type: ignore[arg-type]  # the words of the connection's own type, from a file
            packs=frozenset(case.packs),  # type: ignore[arg-type]  # alike
            **more,
        )

    def _remember(self, check: Check, case: Driven, key: str) -> None:
        base = self._base(case.on)
        own = {"started_s": _started_s(base, case), "instance": 1.0}
        for past in sorted(case.history, key=lambda one: -one.ago_s):
            numbers = {name: own[name] if value == "same" else float(value) for name, value in past.values.items()}
            self.samples.remember(key, NOW - timedelta(seconds=past.ago_s), [Note(check.id, numbers, check.keep_s)])


def _watcher(users: Mapping[str, User]) -> User:
    return next(user for name, user in users.items() if name.endswith("FIELDPOST"))


def _started_s(base: Database, case: Driven) -> float:
    """Since when the instance of the case runs, in seconds since 1970."""
    changed = overlay(base, Changes(case.views, case.set), name="start", at=NOW, started=NOW)
    try:
        rows = changed.rows("V$INSTANCE")
    finally:
        changed.close()
    cell = rows[0].get("STARTUP_TIME") if rows else None
    started = cell if cell is None or isinstance(cell, str | bytes | int | float) else cell.at(NOW, NOW, 0)
    value = decode(started)
    return (as_timestamp(value) - EPOCH).total_seconds() if isinstance(value, datetime) else 0.0


def _reference(case: Driven) -> Reference:
    """Without a table of its own, a case has one in which nothing is old."""
    own = case.reference
    return reference(issued=own.issued, updates=own.updates, support=own.support) if own else reference()


def _settings(check: Check, case: Driven) -> Sequence[CheckSetting]:
    if not case.levels:
        return ()
    levels = case.levels
    return [CheckSetting(check.id, "tenant", warning=levels.get("warning"), critical=levels.get("critical"))]


def _got(outcome: Outcome, check: Check, note: Mapping[str, float] | None) -> Got:
    return Got(
        status=outcome.status,
        line=outcome.line,
        value=outcome.value,
        items=outcome.items,
        cap=outcome.cap,
        fix=outcome.fix or check.remediation,
        note=note,
        severity=outcome.severity,
    )
