"""Many connections at once: everything that is wrong is named, and nothing is imported by halves."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import Connection, load_connections, make_connection
from agent.importing import COLUMNS, Import, connections, from_csv, from_tnsnames
from common.errors import ConfigurationError
from tests.agent.test_cli import Run, logs_as_before, run

__all__ = ["logs_as_before", "run"]
DEFAULTS = {"user": "fp", "password_env": "FP_PASSWORD"}
HEAD = "name,host,port,service,user,password_env,tier,tags\n"
TNS = """
# the estate
IFILE = /etc/more.ora
SALES, SALES.WORLD =
  (DESCRIPTION =
    (ADDRESS_LIST = (LOAD_BALANCE = ON)
      (ADDRESS = (PROTOCOL = TCP)(HOST = scan1)(PORT = 1522))
      (ADDRESS = (PROTOCOL = TCP)(HOST = scan2)(PORT = 1522)))  # the other site (soon)
    # (SECURITY = none)
    (CONNECT_DATA = (SERVICE_NAME = sales.example.com)))
hr = (DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=db2)(PORT=1521))(CONNECT_DATA=(SID=HR)))
HR_AGAIN = (DESCRIPTION= (ADDRESS=(PROTOCOL=TCP)(HOST=db2)(PORT=1521)) (CONNECT_DATA=(SID=HR)))
LISTENER_X = (ADDRESS = (PROTOCOL = TCP)(HOST = db3)(PORT = 1521))
"""


def of_csv(text: str, known: tuple[Connection, ...] = (), **changes: Any) -> Import:
    return connections(from_csv(text), known, DEFAULTS, **changes)


def test_a_table_gives_connections_with_their_own_values_or_the_common_ones() -> None:
    made = of_csv(HEAD + "A,db1,1522,sales,mon,A_PASSWORD,test,erp emea\n\nB,db2,,hr,,,,\n").connections
    assert [(one.name, one.host, one.port, one.service, one.user) for one in made] == [
        ("A", "db1", 1522, "sales", "mon"),
        ("B", "db2", 1521, "hr", "fp"),
    ]
    assert [(one.password_env, one.tier, one.tags) for one in made] == [
        ("A_PASSWORD", "test", ("erp", "emea")),
        ("FP_PASSWORD", "prod", ()),
    ]
    assert len({one.key for one in made}) == 2


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_what_spreadsheets_write_can_be_read(delimiter: str) -> None:
    text = 'name;host;service;host_checks;packs\n"A";db1;sales;yes;diagnostics tuning\n'.replace(";", delimiter)
    (made,) = of_csv(text).connections
    assert (made.name, made.host_checks, sorted(made.packs)) == ("A", True, ["diagnostics", "tuning"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header: no column name"),
        ("host,service\ndb1,x\n", "header: no column name"),
        ("name,password\nA,tiger\n", "column password: a password does not belong here; expected password_file or"),
        ("name,PWD\nA,tiger\n", "column pwd: a password does not belong here"),
        ("name,colour\nA,red\n", "column `colour`; expected the columns name, host"),
        ("name,key\nA,1\n", "column `key`; expected the columns"),
        ("name,name\nA,B\n", "expected each column once"),
        ("name,host\nA,db1,extra\n", "line 2: 3 cells; expected at most 2"),
        (HEAD + "A,db 1,1521,x,,,,\nB,db2,0,y,,,prd,\n", "line 2: host: `db 1`; expected a host name"),
        (HEAD + "A,db 1,1521,x,,,,\nB,db2,0,y,,,prd,\n", "line 3: port: `0`; expected a number from 1 to 65535; tier"),
        (HEAD + "A,db1,many,x,,,,\n", "line 2: port: `many`; expected a number"),
        (HEAD + "A,db1,,x,,,,\nA,db2,,y,,,,\n", "line 3: name: `A` is that of line 2"),
        ("name,host,service,password_file\nA,db1,x,/nonexistent\n", "`/nonexistent`; expected a file that exists"),
        ("name,host,service,paused\nA,db1,x,maybe\n", "paused: `maybe`; expected true or false"),
        ('name,host\n"A,db1\n', "unexpected end of data"),
    ],
)
def test_all_that_is_wrong_is_named_and_no_password_is_repeated(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        of_csv(text)
    assert message in str(raised.value)
    assert "tiger" not in str(raised.value)


def test_what_is_known_is_refused_by_name_and_left_out_as_a_second_way_to_the_same_target() -> None:
    known = make_connection({"key": "k", "name": "A", "host": "DB1", "service": "x", **DEFAULTS})
    with pytest.raises(ConfigurationError, match="line 2: name: `A` is that of a connection of this agent"):
        of_csv(HEAD + "A,db9,,z,,,,\n", (known,))
    skipped = of_csv(HEAD + "A,db9,,z,,,,\nB,db2,,y,,,,\n", (known,), skip_known=True)
    assert [one.name for one in skipped.connections] == ["B"]
    assert "`A` is that of" in skipped.notes[0]
    same = of_csv(HEAD + "C,db1,1521,x,,,,\n", (known,))
    assert (list(same.connections), same.notes) == ([], ["line 2: left out; A is the same target"])


def test_entries_of_tnsnames_keep_their_whole_address_list() -> None:
    found = connections(from_tnsnames(TNS, []), (), DEFAULTS)
    assert [(one.name, one.host, one.port, one.type) for one in found.connections] == [
        ("SALES", "scan1", 1522, "descriptor"),
        ("hr", "db2", 1521, "descriptor"),
    ]
    assert "HOST = scan2" in str(found.connections[0].descriptor)
    assert "#" not in str(found.connections[0].descriptor)
    assert "\n" not in str(found.connections[0].descriptor)
    assert list(found.notes) == [
        "IFILE /etc/more.ora: not followed; import that file by itself",
        "SALES: stands for SALES.WORLD too",
        "LISTENER_X: left out; it names no SERVICE_NAME and no SID",
        "HR_AGAIN: left out; hr is the same target",
    ]


def test_aliases_are_chosen_by_pattern() -> None:
    chosen = connections(from_tnsnames(TNS, ["H*"]), (), DEFAULTS)
    assert [one.name for one in chosen.connections] == ["hr"]
    with pytest.raises(ConfigurationError, match="alias: `nothing\\*`; expected a pattern that fits a name"):
        from_tnsnames(TNS, ["nothing*"])


def test_an_entry_that_holds_a_password_is_refused_without_repeating_it() -> None:
    text = TNS.replace("(SID=HR)", "(SID=HR)(PASSWORD=tiger)")
    with pytest.raises(ConfigurationError) as raised:
        connections(from_tnsnames(text, []), (), DEFAULTS)
    assert "hr: descriptor: it holds a user or a password" in str(raised.value)
    assert "tiger" not in str(raised.value)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_no_text_makes_more_than_a_refusal(text: str) -> None:
    for reading in (from_csv, lambda found: from_tnsnames(found, [])):
        with suppress(ConfigurationError):
            connections(reading(text), (), DEFAULTS)


# --- the command ---------------------------------------------------------------------------------------------------


def test_nothing_is_changed_without_apply(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tnsnames.ora"
    file.write_text(TNS)
    (tmp_path / "SALES.secret").write_text("x")
    secrets = str(tmp_path / "{name}.secret")
    chosen = ("connection", "import", str(file), "--alias", "sales")
    arguments = (*chosen, "--user", "fp", "--tag", "erp", "--tier", "test", "--password-file", secrets)
    assert run(*arguments) == 0
    assert "would add  SALES  scan1:1522  fp  test" in capsys.readouterr().out
    assert load_connections(tmp_path / "state" / "connections.toml") == ()
    assert run(*arguments, "--apply", "--json") == 0
    assert json.loads(capsys.readouterr().out)["applied"] is True
    (made,) = load_connections(tmp_path / "state" / "connections.toml")
    assert (made.name, made.tags, made.password_file) == ("SALES", ("erp",), tmp_path / "SALES.secret")
    assert run(*arguments, "--apply") == 1
    assert "SALES: name: `SALES` is that of a connection of this agent" in capsys.readouterr().err
    assert run(*arguments, "--apply", "--skip-known") == 0
    assert "0 connections added" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("/nonexistent.csv",), "/nonexistent.csv: cannot be read (No such file or directory)"),
        (("{file}", "--format", "xml"), "format: `xml`; expected csv or tnsnames"),
        (("{file}", "--alias", "x"), "alias: given beside a CSV file"),
        (("{file}",), "line 2: user: missing"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    file = tmp_path / "estate.csv"
    file.write_text("name,host,service\nA,db1,x\n")
    assert run("connection", "import", *(part.format(file=file) for part in arguments), "--apply") == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_the_header_knows_every_field_but_the_key() -> None:
    assert "key" not in COLUMNS
    assert {"name", "user", "share", "password_credential"} <= set(COLUMNS)
