"""Every check at its thresholds: rows of views, through the stand-in and the unmodified driver, to the outcome."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agent.oracle import plan
from agent.oracle.catalogue import Check, Facts, Levels, States, grantable, objects_read
from agent.oracle.checks import catalogue
from agent.oracle.samples import Samples
from tests.agent.oracle.cases import FOLDER, Driven, compare, driven, read
from tests.agent.oracle.driving import Driver
from tests.standins.oracle.engine.catalog import catalog
from tests.standins.oracle.engine.privileges import is_public
from tests.standins.oracle.server import Standin

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CASES = list(driven())
QUERYING = [check for check in catalogue().values() if check.queries]
PACKS = ["diagnostics", "tuning"]
STANDBY = {"DATABASE_ROLE": "PHYSICAL STANDBY", "OPEN_MODE": "READ ONLY WITH APPLY"}
# Where every check applies somewhere: an account that is not SYSDG, so that something can be taken from it.
TARGETS = (
    Driven(name="19c", packs=PACKS),
    Driven(name="23ai, root of a CDB", on="healthy-23ai-cdb", packs=PACKS),
    Driven(name="standby open for reading", packs=PACKS, set={"V$DATABASE": STANDBY}),
    Driven(name="standby of a CDB", on="healthy-23ai-cdb", packs=PACKS, set={"V$DATABASE": STANDBY}),
    Driven(
        name="primary with a standby",
        packs=PACKS,
        views={"V$PARAMETER": [{"NAME": "log_archive_config", "VALUE": "DG_CONFIG=(a,b)"}]},
    ),
    Driven(name="ASM", packs=PACKS, set={"V$DATAFILE": {"NAME": "+DATA/HEALTHY/DATAFILE/users.269.1"}}),
    Driven(
        name="packs that the instance allows",
        packs=PACKS,
        views={"V$PARAMETER": [{"NAME": "control_management_pack_access", "VALUE": "DIAGNOSTIC+TUNING"}]},
    ),
    Driven(name="RAC", packs=PACKS, views={"V$PARAMETER": [{"NAME": "cluster_database", "VALUE": "TRUE"}]}),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def driver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driver]:
    folder = tmp_path_factory.mktemp("driven")
    async with Standin([]) as standin:
        with Samples(folder / "samples.sqlite") as samples:
            driver = Driver(standin, samples, folder)
            yield driver
            driver.close()


@pytest.mark.parametrize(("check", "case"), CASES, ids=[f"{check.id}: {case.name}" for check, case in CASES])
async def test_the_outcome_is_the_expected_one(driver: Driver, check: Check, case: Driven) -> None:
    compare(await driver.drive(check, case), case.expect)


# --- a grant that is missing -----------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def targets(driver: Driver) -> list[tuple[Driven, Facts]]:
    return [(target, await driver.facts(target)) for target in TARGETS]


@pytest.mark.parametrize("check", QUERYING, ids=lambda check: check.id)
async def test_each_grant_that_is_missing_is_named(
    driver: Driver, targets: list[tuple[Driven, Facts]], check: Check
) -> None:
    target, facts = next((one, known) for one, known in targets if not plan.precondition(check, known))
    names = {name for query in check.queries for name in objects_read(query.text(facts))}
    for name in sorted(names - _public(names, facts)):
        grant = grantable(name)
        outcome = await driver.without_grant(check, target, grant.split(".", 1)[1])
        assert outcome.status == "unknown", (name, outcome)
        assert outcome.line.endswith(f"missing grant on {name}"), name
        assert f"GRANT SELECT ON {grant} TO {facts.user};" in (outcome.fix or "")


def _public(names: set[str], facts: Facts) -> set[str]:
    """What everybody may read."""
    known = catalog((*facts.release, 0, 0, 0))
    return {name for name in names if (view := known.find(name)) and is_public(view.grant)}


# --- no check without its cases --------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", QUERYING, ids=lambda check: check.id)
async def test_a_check_is_driven_at_each_of_its_levels_and_without_data(check: Check) -> None:
    missing = lacking(check)
    assert not missing, f"{check.id} has no driven case for: {', '.join(missing)}"


def lacking(check: Check) -> list[str]:
    path = FOLDER / f"{check.id}.yaml"
    cases = read(path).driven if path.exists() else []
    seen = {case.expect.status for case in cases}
    without = any(re.search(r"\b(NULL|no rows?|empty)\b", case.name, re.IGNORECASE) for case in cases)
    return [*sorted(_wanted(check) - seen), *([] if without else ["NULL or no rows (as a word of the name)"])]


def _wanted(check: Check) -> set[str]:
    declared: Levels | States = check.levels
    levels = {"warning": declared.warning, "critical": declared.critical}
    return {"ok", *(status for status, level in levels.items() if level not in (None, "", "-"))}
