"""Both command lines, with nothing between them but files."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent import cli as agent_cli
from agent.spool import Limits, Spool
from collector.cli import app
from common.clock import utc_now
from common.wire import Kind
from tests.collector import builders


class Sides:
    """`stick`: what is carried between the two."""

    def __init__(self, folder: Path) -> None:
        self.far, self.here, self.stick = folder / "agent", folder / "collector", folder / "stick"
        self.stick.mkdir()
        self.ok(self.collector("tenant", "add", "acme"))
        request, reply = str(self.stick / "request"), str(self.stick / "reply")
        self.ok(self.agent("enroll", "--request", request, "--name", "far"))
        self.ok(self.collector("agent", "admit", request, "--tenant", "acme", "--reply", reply, "--yes"))
        self.ok(self.agent("enroll", "--reply", reply))
        self.id = json.loads(self.ok(self.collector("agent", "list", "--tenant", "acme", "--json")))[0]["id"]

    def agent(self, *words: object) -> Result:
        arguments = ["--state-dir", str(self.far), *(str(word) for word in words)]
        return CliRunner().invoke(agent_cli.build(arguments), arguments)

    def collector(self, *words: object) -> Result:
        return CliRunner().invoke(app, ["--state-dir", str(self.here), *(str(word) for word in words)])

    def ok(self, result: Result) -> str:
        assert result.exit_code == 0, f"{result.output} {result.exception!r}"
        return result.stdout

    def find(self, count: int = 1) -> None:
        spool = Spool(self.far, Limits(min_free=0, carried=True))
        for _ in range(count):
            spool.append(Kind.HEARTBEAT, utc_now(), builders.heartbeat(utc_now()))
        spool.close()

    def export(self, *options: object) -> Any:
        return json.loads(self.ok(self.agent("bundle", "export", "--to", self.stick, "--json", *options)))

    def refused(self, result: Result) -> str:
        assert result.exit_code == 1, result.output
        return f"{result.output} {result.exception}"


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sides:
    monkeypatch.setenv("FIELDPOST_LINK", "carried")
    monkeypatch.setenv("FIELDPOST_TLS", "off")
    return Sides(tmp_path)


def test_one_round(sides: Sides) -> None:
    sides.find(3)
    made = sides.export()
    assert (made["number"], made["records"], made["kept"]) == (1, 3, 3)
    said = sides.ok(sides.collector("bundle", "import", made["file"], "--receipts", sides.stick))
    assert "bundle 1 of agt_" in said
    assert "(far)" in said
    assert "3 new, 0 known already, 0 rejected" in said
    receipt = said.splitlines()[-1].removeprefix("receipt ")
    said = sides.ok(sides.agent("bundle", "import", receipt))
    assert "3 records are safe at the collector" in said
    assert "nothing to carry" in sides.refused(sides.agent("bundle", "export", "--to", sides.stick))
    status = json.loads(sides.ok(sides.agent("bundle", "status", "--json")))
    assert (status["number"], status["records"], status["unconfirmed"]) == (1, 0, 0)


def test_bundles_in_one_go_are_each_told_about_and_one_that_is_refused_stops_no_other(sides: Sides) -> None:
    sides.find()
    first = Path(sides.export()["file"])
    sides.find()
    second = Path(sides.export("--overlap", "0")["file"])
    first.write_bytes(first.read_bytes()[:-100])
    result = sides.collector("bundle", "import", first, second, "--receipts", sides.stick, "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    damaged, whole = answer["bundles"]
    assert "cut off" in damaged["refusal"]
    assert (whole["new"], whole["never_came"]) == (1, [1])
    assert len(answer["receipts"]) == 1


def test_a_receipt_without_a_bundle_brings_what_is_wanted(sides: Sides) -> None:
    said = sides.ok(sides.collector("bundle", "make", "--agent", sides.id, "--to", sides.stick))
    sides.ok(sides.agent("bundle", "import", said.strip().removeprefix("receipt ")))
    assert json.loads((sides.far / "assignment.json").read_text())["version"].endswith(".60")
    for result in (
        sides.collector("bundle", "make", "--agent", "agt_none", "--to", sides.stick),
        sides.collector("bundle", "make", "--agent", sides.id, "--to", sides.stick / "nowhere"),
        sides.collector("bundle", "make", "--agent", sides.id, "--to", sides.stick, "--valid-for", "long"),
    ):
        assert "expected" in sides.refused(result) or "no such agent" in sides.refused(result)


def test_nothing_is_stored_when_the_receipt_could_not_be_written(sides: Sides) -> None:
    sides.find()
    made = sides.export()
    result = sides.collector("bundle", "import", made["file"], "--receipts", sides.stick / "nowhere")
    assert "expected a folder that can be written" in sides.refused(result)
    said = sides.ok(sides.collector("bundle", "import", made["file"], "--receipts", sides.stick))
    assert "1 new" in said


def test_an_agent_that_sends_over_the_network_hands_nothing_over(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDPOST_LINK", "network")
    assert 'link = "carried"' in sides.refused(sides.agent("bundle", "export", "--to", sides.stick))


def test_a_folder_that_is_not_there_takes_no_bundle(sides: Sides) -> None:
    sides.find()
    said = sides.refused(sides.agent("bundle", "export", "--to", sides.stick / "nowhere"))
    assert "cannot be written (No such file or directory); no bundle was made" in said
