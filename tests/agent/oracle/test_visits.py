"""Whole visits through the unmodified driver to the stand-in: what is found, and what is said when nothing can be."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.checks import of
from agent.config import Connection
from agent.oracle.catalogue import CALL_TIMEOUT_S
from agent.oracle.checks import catalogue
from agent.oracle.logins import LoginFailure
from agent.oracle.logon import logon
from agent.oracle.runner import Visitor
from agent.oracle.samples import Samples
from agent.oracle.session import session
from agent.oracle.thresholds import Effective, effective
from agent.visiting import Place
from common.clock import utc_now
from common.scoring import Scored, score
from common.wire import Outcome, Run
from tests.agent.oracle import builders
from tests.standins.oracle.engine import load_scenario
from tests.standins.oracle.estate import scenario_names
from tests.standins.oracle.faults import parse_fault
from tests.standins.oracle.server import Standin

SCENARIOS = Path(__file__).parents[2] / "standins" / "oracle" / "scenarios"
pytestmark = pytest.mark.slow


@pytest.fixture
async def standin() -> AsyncIterator[Standin]:
    async with Standin([load_scenario(name) for name in scenario_names()]) as running:
        yield running


class Target:
    """A connection to one scenario, and visits to it."""

    def __init__(self, standin: Standin, scenario: str, folder: Path, *, user: str | None = None) -> None:
        described = yaml.safe_load((SCENARIOS / scenario / "scenario.yaml").read_text())
        self.user = user or ("C##FIELDPOST" if described.get("cdb") else "FIELDPOST")
        account = described["users"][self.user]
        self.secret = folder / f"{scenario}.secret"
        self.secret.write_text(account["password"])
        self.service = next(iter(described["services"]))
        self.samples = Samples(folder / "samples.sqlite")
        self.connection = Connection(
            key=scenario,
            name=scenario,
            host="127.0.0.1",
            port=standin.ports["23ai" if described.get("cdb") else "19c"],
            service=self.service,
            user=self.user,
            password_file=self.secret,
            mode="sysdg" if account.get("sysdg") and not user else "normal",
        )
        table = builders.reference(utc_now().date())
        self.visitor = Visitor(self.connection, self.samples, reference=lambda: table)

    async def visit(self, *ids: str) -> Run:
        return await self.visitor.visit(due(*ids), "demand")


def due(*ids: str) -> list[Effective]:
    checks = [check for check in catalogue().values() if (check.id in ids if ids else check.enabled)]
    return [effective(check, (), key="k", tags=()) for check in checks]


def found(run: Run) -> dict[str, str]:
    """The findings about the database; the one about checks without an answer is another matter."""
    bad = [o for o in run.outcomes if o.status in ("warning", "critical") and o.check != "AGENT_CHECK_ERRORS"]
    return {o.check: f"{o.status}: {o.line}" for o in bad}


def by_id(run: Run) -> dict[str, Outcome]:
    return {outcome.check: outcome for outcome in run.outcomes}


def entries(scenario: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((SCENARIOS / scenario / "planted.yaml").read_text())["findings"]
    return found


def planted(scenario: str, *, runs: int = 1, enabled_only: bool = True) -> dict[str, str]:
    """The worst planted status per check, of what so many runs in a row can see."""
    worst: dict[str, str] = {}
    for entry in entries(scenario):
        off = enabled_only and entry.get("disabled_by_default")
        if not off and entry.get("runs", 1) <= runs and worst.get(entry["check_id"]) != "critical":
            worst[entry["check_id"]] = entry["status"]
    return worst


HEALTHY = [name for name in scenario_names() if name.startswith("healthy-")]
PLANTED = [name for name in scenario_names() if entries(name) and name != "locked-account"]


@pytest.mark.parametrize("scenario", HEALTHY)
async def test_a_healthy_database_has_no_finding_and_nothing_unknown(
    standin: Standin, tmp_path: Path, scenario: str
) -> None:
    target = Target(standin, scenario, tmp_path)
    for _ in range(2):  # the second one has counters to compare with
        run = await target.visit()
        assert found(run) == {}
        assert [o.line for o in run.outcomes if o.status == "unknown"] == []
    assert run.reachable
    assert len(run.outcomes) >= 59


@pytest.mark.parametrize("scenario", PLANTED)
async def test_a_database_shows_exactly_what_was_planted(standin: Standin, tmp_path: Path, scenario: str) -> None:
    run = await Target(standin, scenario, tmp_path).visit()
    statuses = {outcome.check: outcome.status for outcome in run.outcomes}
    assert {check: statuses[check] for check in found(run)} == planted(scenario), json.dumps(found(run), indent=1)


async def test_a_locked_account_is_one_finding_and_no_outage(standin: Standin, tmp_path: Path) -> None:
    run = await Target(standin, "locked-account", tmp_path).visit()
    outcomes = by_id(run)
    assert run.reachable
    assert {check: outcomes[check].status for check in found(run)} == planted("locked-account")
    assert "ORA-28000" in outcomes["AGENT_LOGIN"].line
    assert {o.status for o in run.outcomes if o.check != "AGENT_LOGIN"} == {"unknown"}
    counted = [Scored(check=o.check, category=o.category, status=o.status, severity=o.severity) for o in run.outcomes]
    assert score(counted).value > 55  # a gate would say that it is down


async def test_every_grant_that_is_missing_is_named(standin: Standin, tmp_path: Path) -> None:
    run = await Target(standin, "no-grants", tmp_path).visit()
    outcomes = by_id(run)
    assert found(run) == {}
    assert outcomes["DB_CONNECT"].status == "ok"
    reading = [check for check in catalogue().values() if check.queries and check.id in outcomes]
    for check in reading:
        outcome = outcomes[check.id]
        assert (outcome.status, "missing grant on " in outcome.line) == ("unknown", True), outcome
        assert (outcome.fix or "").startswith("GRANT SELECT ON SYS."), outcome
    assert "GRANT SELECT ON SYS.V_$LOG TO FIELDPOST;" in (outcomes["REDOLOG_SIZE"].fix or "")
    errors = outcomes["AGENT_CHECK_ERRORS"]
    assert (errors.status, errors.severity) == ("critical", "warning")
    assert (errors.fix or "").startswith("GRANT SELECT ON SYS.")


async def test_a_full_run_takes_few_round_trips(standin: Standin, tmp_path: Path) -> None:
    run = await Target(standin, "healthy-19c", tmp_path).visit()
    queries = {query.name for check in due() for query in check.check.queries}
    assert run.round_trips <= len(queries) + 3


async def test_a_dba_sees_who_asks(standin: Standin, tmp_path: Path) -> None:
    target = Target(standin, "healthy-19c", tmp_path)
    standin.faults.set(target.service, parse_fault("x:slow-query:2,v\\$log\\b")[1])
    visit = asyncio.create_task(target.visit("REDOLOG_SIZE"))
    modules: list[object] = []
    async with session(target.connection) as dba:
        while not modules and not visit.done():
            statement = "SELECT module FROM v$session WHERE action = 'REDOLOG_SIZE'"
            rows = await dba.query(statement, action="LOOK", timeout_s=5, packs=frozenset())
            modules = [row["module"] for row in rows]
            await asyncio.sleep(0.05)
    assert modules == ["fieldpost"]
    assert by_id(await visit)["REDOLOG_SIZE"].status == "ok"


# --- when it cannot be looked at -----------------------------------------------------------------------------------


async def test_a_wrong_password_is_tried_once_in_a_quarter_of_an_hour(standin: Standin, tmp_path: Path) -> None:
    target = Target(standin, "healthy-19c", tmp_path)
    target.secret.write_text("wrong")
    started = utc_now()
    clock = [started]
    target.visitor.now = lambda: clock[0]
    for minute in range(15):
        clock[0] = started + timedelta(minutes=minute)
        run = await target.visit()
        assert run.reachable
        assert by_id(run)["AGENT_LOGIN"].status == "critical"
        assert "ORA-01017" in by_id(run)["AGENT_LOGIN"].line
        assert {o.status for o in run.outcomes if o.check != "AGENT_LOGIN"} == {"unknown"}
    with pytest.raises(LoginFailure, match="no logon is tried before"):
        async with logon(target.connection, target.samples, now=lambda: clock[0]):
            pytest.fail("the command line has no other door")
    assert len(standin.attempts) == 1
    clock[0] = started + timedelta(minutes=15, seconds=1)
    await target.visit()
    assert len(standin.attempts) == 2


async def test_a_password_that_was_put_right_works_without_a_restart(standin: Standin, tmp_path: Path) -> None:
    target = Target(standin, "healthy-19c", tmp_path)
    right = target.secret.read_text()
    target.secret.write_text("wrong")
    clock = [utc_now()]
    target.visitor.now = lambda: clock[0]
    await target.visit()
    target.secret.write_text(right)
    clock[0] += timedelta(minutes=16)
    assert by_id(await target.visit())["AGENT_LOGIN"].status == "ok"
    assert target.samples.logon_allowed_at(target.connection.key) is None


@pytest.mark.parametrize(("user", "code"), [("LOCKED_USER", "ORA-28000"), ("EXPIRED_USER", "ORA-28001")])
async def test_a_locked_or_expired_account_is_not_an_outage(
    standin: Standin, tmp_path: Path, user: str, code: str
) -> None:
    run = await Target(standin, "healthy-19c", tmp_path, user=user).visit()
    assert run.reachable
    assert code in by_id(run)["AGENT_LOGIN"].line
    assert by_id(run)["DB_CONNECT"].status == "unknown"


@pytest.mark.parametrize(
    ("fault", "code"), [("refuse:12514", "ORA-12514"), ("refuse:12541", "ORA-12541"), ("silent", "ORA-12170")]
)
async def test_a_database_that_does_not_answer_is_one_critical_finding(
    standin: Standin, tmp_path: Path, fault: str, code: str
) -> None:
    target = Target(standin, "healthy-19c", tmp_path)
    target.visitor.login_deadline_s = 1.0
    standin.faults.set(target.service, parse_fault(f"x:{fault}")[1])
    started = time.monotonic()
    run = await target.visit()
    assert time.monotonic() - started < 10
    assert not run.reachable
    assert [(o.check, o.status, o.cap) for o in run.outcomes] == [("DB_CONNECT", "critical", 0)]
    assert code in run.outcomes[0].line


async def test_a_query_that_hangs_is_broken_off_and_the_rest_is_judged(
    standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(timeouts(), "cheap", 0.5)
    target = Target(standin, "healthy-19c", tmp_path)
    standin.faults.set(target.service, parse_fault("x:slow-query:60,v\\$logfile")[1])
    outcomes = by_id(await target.visit("REDOLOG_MULTIPLEX", "INSTANCE_STATUS", "CONTROLFILE_MULTIPLEX"))
    assert outcomes["REDOLOG_MULTIPLEX"].status == "unknown"
    assert outcomes["INSTANCE_STATUS"].status == "ok"
    assert outcomes["CONTROLFILE_MULTIPLEX"].status == "ok"
    assert target.visitor.timed_out == {"REDOLOG_MULTIPLEX"}


async def test_a_server_that_freezes_ends_the_visit_in_bounded_time(
    standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cost in timeouts():
        monkeypatch.setitem(timeouts(), cost, 0.5)
    target = Target(standin, "healthy-19c", tmp_path)
    standin.faults.set(target.service, parse_fault("x:freeze:5")[1])
    started = time.monotonic()
    run = await target.visit()
    assert time.monotonic() - started < 15
    assert "unknown" in {outcome.status for outcome in run.outcomes}
    assert found(run) == {}


async def test_a_socket_that_goes_in_mid_fetch_leaves_the_rest_unknown(standin: Standin, tmp_path: Path) -> None:
    target = Target(standin, "healthy-19c", tmp_path)
    standin.faults.set(target.service, parse_fault("x:drop-fetch:6")[1])
    run = await target.visit()
    statuses = {outcome.status for outcome in run.outcomes}
    assert found(run) == {}
    assert {"ok", "unknown"} <= statuses
    standin.faults.clear()
    assert "unknown" not in {outcome.status for outcome in (await target.visit()).outcomes}


async def test_an_error_of_one_statement_costs_only_its_checks(standin: Standin, tmp_path: Path) -> None:
    target = Target(standin, "healthy-19c", tmp_path)
    standin.faults.set(target.service, parse_fault("x:error:1219@8")[1])
    run = await target.visit()
    unknown = [outcome for outcome in run.outcomes if outcome.status == "unknown"]
    assert unknown
    assert all("ORA-01219" in outcome.line for outcome in unknown)
    assert len(unknown) < 20


@pytest.mark.parametrize(
    ("state", "code", "restricted"),
    [("open_mode: MOUNTED", "ORA-01033", "unknown"), ('restricted: "true"', "ORA-01035", "critical")],
)
async def test_an_instance_that_lets_us_not_in_is_not_called_down(
    tmp_path: Path, state: str, code: str, restricted: str
) -> None:
    folder = tmp_path / "changed"
    folder.mkdir()
    (folder / "scenario.yaml").write_text(f"extends: {SCENARIOS / 'healthy-19c'}\n{state}\n")
    async with Standin([load_scenario(folder)]) as server:
        run = await Target(server, "healthy-19c", tmp_path).visit()
    outcomes = by_id(run)
    assert run.reachable
    assert outcomes["AGENT_LOGIN"].status == "critical"
    assert code in outcomes["AGENT_LOGIN"].line
    assert outcomes["DB_CONNECT"].status == "unknown"
    assert outcomes["INSTANCE_LOGINS_RESTRICTED"].status == restricted


async def test_the_host_is_looked_at_whether_or_not_its_database_answers(standin: Standin, tmp_path: Path) -> None:
    target = Target(standin, "healthy-19c", tmp_path)
    place = Place.make(replace(target.connection, host_checks=True), target.samples)
    checks = [effective(check, (), key="k", tags=()) for check in of(place.connection) if check.enabled]
    run = await place.visit(checks, "demand")
    assert run.reachable
    assert place.oracle.paths["/u02/oradata/HEALTHY"] == "datafiles"
    assert by_id(run)["HOST_MEMORY"].status in ("ok", "warning", "critical")
    standin.faults.set(target.service, parse_fault("x:refuse:12541")[1])
    run = await place.visit(checks, "demand")
    assert not run.reachable
    assert {"DB_CONNECT", "HOST_MEMORY", "HOST_CPU"} <= set(by_id(run))


def timeouts() -> dict[str, float]:
    return CALL_TIMEOUT_S  # type: ignore[return-value]  # keys are a literal type there
