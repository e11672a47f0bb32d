"""The grants script: what the checks read and nothing else, for a plain database and for a CDB."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import build
from agent.cli.grants import granted, script
from agent.oracle.checks import catalogue

EXPECTED = Path(__file__).parents[2] / "standins" / "oracle" / "data" / "catalogue_grants.txt"


@pytest.mark.parametrize("cdb", [False, True])
def test_the_documented_account_may_read_what_the_script_grants(*, cdb: bool) -> None:
    """The stand-in's accounts hold the documented grants; a check that reads more must be documented first."""
    documented = {line for line in EXPECTED.read_text().split("\n") if line and not line.startswith("#")}
    assert {name.split(".", 1)[1] for name in granted(catalogue().values(), cdb=cdb)} <= documented


def test_a_common_user_reads_cdb_views_and_a_local_one_dba_views() -> None:
    plain, common = granted(catalogue().values(), cdb=False), granted(catalogue().values(), cdb=True)
    assert "SYS.DBA_DATA_FILES" in plain
    assert "SYS.CDB_DATA_FILES" in common
    assert not [name for name in plain if name.startswith("SYS.CDB_")]


def test_no_role_and_no_any_privilege_is_granted() -> None:
    text = "\n".join(script(granted(catalogue().values(), cdb=True), "C##FIELDPOST", cdb=True))
    assert "GRANT CREATE SESSION TO C##FIELDPOST CONTAINER=ALL;" in text
    assert "SET CONTAINER_DATA=ALL" in text
    assert "SELECT ANY" not in text
    assert "CATALOG_ROLE" not in text
    assert "V$" not in text.replace("V_$", "")


@pytest.mark.parametrize(
    "arguments", [["--user", "C##X"], ["--user", "X", "--cdb"], ["--user", "x; DROP USER sys"], ["--user", ""]]
)
def test_a_name_that_cannot_be_is_refused_and_named(arguments: list[str]) -> None:
    result = CliRunner().invoke(build(["grants"]), ["grants", *arguments])
    assert result.exit_code == 2
    assert "--user" in result.output
