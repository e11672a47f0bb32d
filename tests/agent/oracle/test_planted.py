"""What was planted in the stand-in's databases is found, as bad as it was meant, and nothing else is."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from agent.oracle import plan
from agent.oracle.catalogue import Check, Container, Facts, Verdict
from agent.oracle.checks import catalogue
from tests.agent.oracle import builders
from tests.agent.oracle.test_statements import rows_of
from tests.standins.oracle.engine.backend import Database, load_scenario
from tests.standins.oracle.engine.scenario import SCENARIOS
from tests.standins.oracle.types import Login

pytestmark = pytest.mark.slow
OPEN_DATABASES = ("healthy-19c", "healthy-23ai-cdb", "neglected")
FINDINGS = ("critical", "warning")


@cache
def planted(scenario: str) -> dict[str, list[dict[str, Any]]]:
    """Findings by check; the ones that take several runs, or a later check, are left to the tests that wait."""
    found = defaultdict(list)
    for entry in yaml.safe_load((SCENARIOS / scenario / "planted.yaml").read_text())["findings"]:
        found[entry["check_id"]].append(entry)
    return dict(found)


def _facts(database: Database) -> Facts:
    cdb = database.scenario.cdb
    pdbs = [(number, name) for number, name in ((1, "CDB$ROOT"), (3, "SALES"), (4, "HR"), (5, "ERP"), (6, "REPORTING"))]
    containers = tuple(Container(number, name, "READ WRITE", restricted=False) for number, name in pdbs) if cdb else ()
    return builders.facts(release=database.release[:2], cdb=cdb, containers=containers)


def _verdicts(scenario: str) -> Iterator[tuple[Check, Verdict]]:
    database = load_scenario(scenario)
    try:
        facts = _facts(database)
        user = next(user for name, user in database.scenario.users.items() if name.endswith("FIELDPOST"))
        session = database.open_session(user.account, Login(service=next(iter(database.services()))))
        for check in catalogue().values():
            if not plan.precondition(check, facts):
                rows = {query.name: rows_of(session, query.text(facts)) for query in check.queries}
                yield check, check.judge(builders.seen(check, rows=rows, facts=facts))
    finally:
        database.close()


@cache
def verdicts(scenario: str) -> dict[str, tuple[Check, Verdict]]:
    return {check.id: (check, verdict) for check, verdict in _verdicts(scenario)}


@pytest.mark.parametrize("scenario", OPEN_DATABASES)
def test_every_planted_finding_is_found(scenario: str) -> None:
    for check_id, entries in planted(scenario).items():
        if any("runs" in entry for entry in entries):
            continue
        check, verdict = verdicts(scenario)[check_id]
        worst = "critical" if any(entry["status"] == "critical" for entry in entries) else "warning"
        assert verdict.status == worst, (check_id, verdict)
        severity = next((entry["severity"] for entry in entries if "severity" in entry), worst)
        assert plan.capped(verdict.status, check.ceiling) == severity, check_id


@pytest.mark.parametrize("scenario", OPEN_DATABASES)
def test_nothing_else_is_found(scenario: str) -> None:
    found = {id_ for id_, (_, verdict) in verdicts(scenario).items() if verdict.status in FINDINGS}
    assert found - set(planted(scenario)) == set()


@pytest.mark.parametrize("scenario", OPEN_DATABASES)
def test_no_check_is_left_without_an_answer(scenario: str) -> None:
    unknown = {id_: verdict.line for id_, (_, verdict) in verdicts(scenario).items() if verdict.status == "unknown"}
    assert unknown == {}
