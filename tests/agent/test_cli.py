import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.cli import main
from agent.config import load_connections
from agent.spool import Limits, Spool
from common.wire import Rejection

Run = Callable[..., int]


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The commands set up logging for their process; here they share one."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["fieldpost-agent", "--state-dir", str(tmp_path / "state"), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return call


ADD = ("connection", "add", "--name", "Sales", "--user", "fp", "--password-env", "SALES_PASSWORD")
WHERE = ("--host", "db1", "--service", "sales")


def test_a_connection_is_added_listed_and_removed(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ADD, *WHERE, "--tag", "emea", "--tag", "erp", "--pack", "diagnostics", "--tier", "test") == 0
    (connection,) = load_connections(tmp_path / "state" / "connections.toml")
    assert (connection.tags, connection.tier) == (("emea", "erp"), "test")
    assert connection.packs == {"diagnostics"}
    assert connection.key in capsys.readouterr().out
    assert run("connection", "list", "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["target"], listed["password"]) == ("db1:1521/sales", "variable SALES_PASSWORD")
    assert run("connection", "list") == 0
    assert "Sales  db1:1521/sales  fp" in capsys.readouterr().out
    assert run("connection", "pause", "Sales") == 0
    assert load_connections(tmp_path / "state" / "connections.toml")[0].paused
    assert run("connection", "resume", "Sales") == 0
    assert not load_connections(tmp_path / "state" / "connections.toml")[0].paused
    assert run("connection", "remove", "Sales") == 0
    assert load_connections(tmp_path / "state" / "connections.toml") == ()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((*ADD, "--host", "a b", "--service", "x"), 78, "host: `a b`; expected a host name"),
        ((*ADD, *WHERE, "--descriptor", "db1/sales"), 78, "descriptor: given beside host or port"),
        ((*ADD, *WHERE, "--mode", "sysoper"), 78, "mode: `sysoper`; expected one of"),
        (
            (*ADD, *WHERE, "--password-file", "/nonexistent/file"),
            78,
            "`/nonexistent/file`; expected something that exists",
        ),
        ((*ADD, *WHERE, "--port", "many"), 2, "--port"),
        ((*ADD, *WHERE, "--password", "tiger"), 2, "No such option"),
        (("connection", "remove", "Nobody"), 1, "name: `Nobody`; expected one of"),
        (("connection", "test", "Nobody"), 1, "name: `Nobody`; expected one of"),
        (("spool", "status"), 1, "there is no spool"),
        (("enroll", "--url", "http://elsewhere.example.com"), 78, "expected https"),
        (("enroll", "--url", "https://127.0.0.1:9", "--token-file", "/nonexistent"), 78, "token-file: `/nonexistent`"),
        (("enroll", "--url", "https://127.0.0.1:9", "--ca-pin", "x", "--ca-file", "y"), 78, "expected at most one"),
        (("--log-level", "loud", "status"), 78, "log_level"),
        (("--config", "/nonexistent.toml", "status"), 78, "settings file /nonexistent.toml: not found"),
        (("dance",), 2, "dance"),
    ],
)
def test_what_is_wrong_is_named_and_the_exit_code_says_whose_fault_it_is(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert run(*arguments) == code
    output = capsys.readouterr().err
    assert message in output
    assert "Traceback" not in output


def test_one_name_is_one_connection(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ADD, *WHERE) == 0
    assert run(*ADD, *WHERE) == 78
    assert "expected one that no other connection has" in capsys.readouterr().err


def test_a_database_that_does_not_answer_fails_the_test(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ADD, "--host", "127.0.0.1", "--port", "1", "--service", "x") == 0
    capsys.readouterr()
    assert run("connection", "test", "--json") == 1
    (result,) = json.loads(capsys.readouterr().out)
    assert result["ok"] is False
    assert "SALES_PASSWORD" in result["detail"], "the password's source is what is missing first"


def test_status_and_doctor_say_that_nothing_is_there_yet(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status") == 1
    assert capsys.readouterr().out == "not enrolled\nthe agent does not run\n"
    assert run("doctor", "--json") == 1
    found = {finding["id"]: finding["state"] for finding in json.loads(capsys.readouterr().out)}
    assert (found["state-folder"], found["enrolment"], found["spool"]) == ("unwell", "unwell", "well")


def test_dead_letters_can_be_read(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").mkdir()
    with closing(Spool(tmp_path / "state", Limits(min_free=0))) as spool:
        spool.append("run", datetime.now(UTC), {"n": 1})
        spool.flush()
        offer = spool.offer()
        assert offer
        spool.bury(offer, [Rejection(1, "malformed", "body.n: expected a string")])
    assert run("spool", "dead") == 0
    assert "live 1  run  malformed: body.n: expected a string" in capsys.readouterr().out
    assert run("spool", "dead", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["body"] == {"n": 1}
    assert run("spool", "status") == 0
    assert "1 dead letters" in capsys.readouterr().out


def test_dead_letters_are_sent_once_more(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").mkdir()
    with closing(Spool(tmp_path / "state", Limits(min_free=0))) as spool:
        spool.append("run", datetime.now(UTC), {"n": 1})
        spool.flush()
        offer = spool.offer()
        assert offer
        spool.bury(offer, [Rejection(1, "malformed", "body.n: expected a string")])
    assert run("spool", "retry") == 0
    assert "1 dead letters are sent once more" in capsys.readouterr().out
    assert run("spool", "retry") == 0
    assert "no dead letters" in capsys.readouterr().out
    with closing(Spool(tmp_path / "state", Limits(min_free=0))) as spool:
        again = spool.offer()
    assert again
    assert again.seqs == (2,), "under a number that was not refused"
    assert b'{"n":1}' in again.lines[0]


def test_help_names_every_command(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    text = capsys.readouterr().out
    for command in ("enroll", "run", "connection", "check", "grants", "reference", "spool", "status", "doctor"):
        assert f"\n  {command}" in text
