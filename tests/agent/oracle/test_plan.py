"""Which checks apply to a target, what a refused view means, and how an outcome is weighed."""

from dataclasses import replace

import msgspec
import pytest

from agent.oracle.catalogue import Check, Facts, Levels, Query, Verdict
from agent.oracle.judging import ok
from agent.oracle.plan import capped, judge, missing_grant, outcome, precondition, why_failed
from agent.oracle.session import StatementFailure
from agent.oracle.thresholds import effective
from common.wire import Item, Outcome, Severity, Status
from tests.agent.oracle.builders import facts, seen

LOGS = Query("logs", "SELECT l.group#, f.member FROM v$log l, v$logfile f")
CHECK = Check(
    id="SAMPLE",
    category="redo_logs",
    title="Sample",
    unit="MB",
    levels=Levels(500, 100, below=True),
    judge=lambda _: ok("fine"),
    remediation="",
    source="",
    interval_s=300,
    queries=(LOGS,),
)


@pytest.mark.parametrize(
    ("check", "target", "reason"),
    [
        (CHECK, facts(), None),
        (replace(CHECK, min_release=(23, 0)), facts(), "needs Oracle 23.0 or later"),
        (replace(CHECK, mount=False), facts(open_mode="MOUNTED", role="PHYSICAL STANDBY"), "needs an open database"),
        (CHECK, facts(open_mode="MOUNTED", role="PHYSICAL STANDBY"), None),
        (replace(CHECK, pack="tuning"), facts(), "needs the tuning pack, which is not declared for this connection"),
        (replace(CHECK, pack="tuning"), facts(packs={"tuning"}), None),
        (replace(CHECK, needs=(lambda _: None, lambda _: "not today")), facts(), "not today"),
    ],
)
def test_a_check_applies_or_says_why_not(check: Check, target: Facts, reason: str | None) -> None:
    assert precondition(check, target) == reason


@pytest.mark.parametrize(("scope", "skipped"), [("root", True), ("per-PDB", True), ("instance", False)])
def test_what_belongs_to_the_whole_cluster_is_reported_by_its_first_instance(scope: str, *, skipped: bool) -> None:
    check = replace(CHECK, scope=scope)  # type: ignore[arg-type]  # a parameter of this test
    assert precondition(check, facts(rac=True, lowest_instance=True)) is None
    assert (precondition(check, facts(rac=True, lowest_instance=False)) is not None) == skipped


def test_a_missing_grant_names_the_refused_view_and_prints_all_that_the_check_needs() -> None:
    verdict = why_failed(CHECK, StatementFailure("ORA-00942", "ORA-00942: no", "V$LOGFILE"), facts())
    assert verdict.status == "unknown"
    assert verdict.line == "ORA-00942: missing grant on V$LOGFILE"
    assert verdict.fix == "GRANT SELECT ON SYS.V_$LOG TO MON;\nGRANT SELECT ON SYS.V_$LOGFILE TO MON;"


def test_a_server_that_does_not_say_which_view_leaves_all_of_them() -> None:
    verdict = missing_grant(["V$LOG", "DBA_USERS"], StatementFailure("ORA-01031", "no"), user="MON")
    assert verdict.line == "ORA-01031: missing grant on V$LOG, DBA_USERS"


def test_another_failure_is_unknown_with_the_servers_words() -> None:
    verdict = why_failed(CHECK, StatementFailure("ORA-01219", "ORA-01219: not open"), facts())
    assert (verdict.status, verdict.line, verdict.fix) == ("unknown", "ORA-01219: not open", None)


def test_a_judge_that_meets_unexpected_data_says_unknown_and_never_ok() -> None:
    check = replace(CHECK, judge=lambda seen: ok(str(seen.of(LOGS)[0]["nonsense"])))
    verdict = judge(effective(check, (), key="k", tags=()), seen(check, rows={"logs": [{"group#": 1}]}))
    assert verdict.status == "unknown"
    assert "nonsense" in verdict.line


@pytest.mark.parametrize(
    ("status", "ceiling", "severity"),
    [
        ("critical", "critical", "critical"),
        ("critical", "warning", "warning"),
        ("critical", "info", "info"),
        ("warning", "critical", "warning"),
        ("warning", "info", "info"),
        ("ok", "critical", "info"),
        ("unknown", "critical", "info"),
    ],
)
def test_severity_is_the_lower_of_status_and_ceiling(status: Status, ceiling: Severity, severity: Severity) -> None:
    assert capped(status, ceiling) == severity


@pytest.mark.parametrize(
    ("verdict", "gated", "cap"),
    [
        (Verdict(status="critical", line=""), True, 55),
        (Verdict(status="warning", line=""), True, None),
        (Verdict(status="critical", line=""), False, None),
        (Verdict(status="critical", line="", cap=79), False, 79),
        (Verdict(status="critical", line="", cap=0), True, 0),
    ],
)
def test_a_gate_caps_the_score(verdict: Verdict, *, gated: bool, cap: int | None) -> None:
    found = outcome(effective(replace(CHECK, gated=gated), (), key="k", tags=()), verdict)
    assert found.cap == cap


def test_an_outcome_fits_a_record_however_long_the_names_are() -> None:
    found = replace(ok("fine"), items=(Item("x" * 600, "ok", detail="y" * 5000),), fix="z" * 5000)
    written = msgspec.json.encode(outcome(effective(CHECK, (), key="k", tags=()), found))
    sent = msgspec.json.decode(written, type=Outcome)
    assert sent.items[0].name == "x" * 256
    assert len(sent.fix or "") == 4000
