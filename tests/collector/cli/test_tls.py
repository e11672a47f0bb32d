"""`tls`: what is shown, and the way of the collector's own CA to the next one."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app
from collector.core import certificates
from collector.core.certificates import Files


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), "tls", *words])


def shown(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(folder, "show", "--json").stdout)
    return found


def test_the_server_certificate_and_the_ca_are_shown_with_the_days_that_are_left(tmp_path: Path) -> None:
    server, ca = shown(tmp_path)["certificates"]
    assert (server["what"], server["days_left"], server["pin"]) == ("server", 364, "")
    assert "localhost" in server["names"]
    assert (ca["what"], ca["days_left"]) == ("ca", 3651)
    assert ca["pin"] == certificates.pin(Files(tmp_path / "tls").ca.read_bytes())
    assert ca["pin"] in run(tmp_path, "show").stdout


def test_the_ca_is_rolled_over_step_by_step(tmp_path: Path) -> None:
    first = shown(tmp_path)["certificates"][1]["pin"]
    assert "the next CA is made" in run(tmp_path, "roll").stdout
    assert shown(tmp_path)["agents_without_next_ca"] == []
    assert [one["what"] for one in shown(tmp_path)["certificates"]] == ["server", "ca", "next ca"]
    assert "moves" not in run(tmp_path, "roll").stdout
    _, ca, old = shown(tmp_path)["certificates"]
    assert (old["what"], old["pin"]) == ("old ca", first)
    assert ca["pin"] != first
    assert "trust the old CA no more" in run(tmp_path, "roll").stdout
    assert [one["what"] for one in shown(tmp_path)["certificates"]] == ["server", "ca"]


def test_somebody_elses_ca_is_not_rolled_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDPOST_TLS", "off")
    refused = run(tmp_path, "roll")
    assert refused.exit_code == 1
    assert "tls: off; only a CA of the collector's own" in str(refused.exception)
    assert "tls is off" in run(tmp_path, "show").stdout


def test_agents_that_would_be_cut_off_are_named_and_hold_up_the_move(tmp_path: Path) -> None:
    CliRunner().invoke(app, ["--state-dir", str(tmp_path), "tenant", "add", "acme"])
    with closing(sqlite3.connect(tmp_path / "collector.sqlite")) as database, database:
        database.execute(
            "INSERT INTO agent (tenant_id, id, name, hostname, version, state, enrolled_by, enrolled_at)"
            " SELECT id, 'agt_1', 'a', 'h', '0.6.0', 'active', '', 0 FROM tenant"
        )
    run(tmp_path, "roll")
    assert shown(tmp_path)["agents_without_next_ca"] == ["agt_1"]
    refused = run(tmp_path, "roll")
    assert refused.exit_code == 1
    assert "1 active agents do not know the next CA yet and would be cut off: agt_1" in str(refused.exception)
    assert run(tmp_path, "roll", "--force").exit_code == 0
    assert certificates.stage(Files(tmp_path / "tls")) == "moved"
