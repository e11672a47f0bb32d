"""`agent`: keys, machines that are parked, and hosts that come by file, from the command line."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent.admission import read_reply, take_reply, write_request
from agent.enrolment import EnrolmentRefusedError
from agent.identity import load_enrolment
from collector.cli import app
from collector.core.carrier import carrier_key
from collector.core.database import Database
from collector.core.vault import Vault
from collector.domain.agents import clones, instances
from collector.domain.agents.clones import Spoken
from common import admission
from common.clock import utc_now
from common.identity import Origin


def run(folder: Path, *words: str, **given: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *words], **given)  # type: ignore[arg-type]  # its input


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    folder = tmp_path / "collector"
    run(folder, "tenant", "add", "acme")
    return folder


def admit(acme: Path, request: Path, *words: str, **given: str) -> Result:
    files = (str(request), "--reply", str(request.with_suffix(".reply")))
    return run(acme, "agent", "admit", *files, "--tenant", "acme", *words, **given)


def listed(acme: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(run(acme, "agent", "list", "--tenant", "acme", "--json").stdout)
    return found


class TestByFile:
    def test_a_host_is_let_in_by_two_files(self, acme: Path, tmp_path: Path) -> None:
        state, request = tmp_path / "agent", tmp_path / "db-1.request"
        key_id = write_request(state, request, name="db-1")
        done = admit(acme, request, input="y\n")
        assert done.exit_code == 0, done.output
        assert admission.fingerprint(key_id) in done.output
        reply = read_reply(request.with_suffix(".reply"))
        assert take_reply(state, reply).enrolment.agent == listed(acme)[0]["id"]
        known = load_enrolment(state)
        assert known
        assert (known.tenant, known.url, known.ca_pem) == ("acme", "", None)
        signer = carrier_key(Vault.of_file(acme / "vault.key")).public
        assert known.collector_key == signer.text
        assert admission.fingerprint(signer.key_id) in done.output

    def test_a_reply_that_got_lost_is_written_again_and_a_reply_for_the_network_says_where(
        self, acme: Path, tmp_path: Path
    ) -> None:
        request = tmp_path / "db-1.request"
        write_request(tmp_path / "agent", request, name="db-1")
        for _ in range(2):
            assert admit(acme, request, "--yes", "--url", "https://fieldpost.example:8443/").exit_code == 0
        assert len(listed(acme)) == 1
        reply = read_reply(request.with_suffix(".reply"))
        assert reply.url == "https://fieldpost.example:8443"
        assert reply.ca_pem
        assert reply.ca_pem.startswith("-----BEGIN CERTIFICATE")

    def test_who_does_not_confirm_the_fingerprint_lets_nobody_in(self, acme: Path, tmp_path: Path) -> None:
        request = tmp_path / "db-1.request"
        write_request(tmp_path / "agent", request, name="db-1")
        assert admit(acme, request, input="n\n").exit_code == 1
        assert listed(acme) == []
        assert not request.with_suffix(".reply").exists()

    def test_a_rebuilt_host_is_the_same_agent_again(self, acme: Path, tmp_path: Path) -> None:
        first, second = tmp_path / "first.request", tmp_path / "second.request"
        write_request(tmp_path / "old", first, name="db-1")
        admit(acme, first, "--yes")
        (one,) = listed(acme)
        write_request(tmp_path / "new", second, name="db-1")
        done = admit(acme, second, "--yes", "--agent", one["id"])
        assert "again" in done.output
        assert read_reply(second.with_suffix(".reply")).again
        assert [agent["id"] for agent in listed(acme)] == [one["id"]]
        once_more = admit(acme, first, "--yes")
        assert "registered before" in str(once_more.exception)
        with pytest.raises(EnrolmentRefusedError):
            take_reply(tmp_path / "old", read_reply(second.with_suffix(".reply")))

    def test_a_file_that_was_changed_or_is_none_is_refused(self, acme: Path, tmp_path: Path) -> None:
        request = tmp_path / "db-1.request"
        write_request(tmp_path / "agent", request, name="db-1")
        request.write_bytes(request.read_bytes().replace(b"db-1", b"db-2"))
        assert "changed on its way" in str(admit(acme, request, "--yes").exception)
        assert "cannot be read" in str(admit(acme, tmp_path / "none", "--yes").exception)
        request.write_bytes(b"x" * 100_000)
        assert "larger than" in str(admit(acme, request, "--yes").exception)
        assert listed(acme) == []


def test_parked_machines_are_listed_and_one_is_accepted(acme: Path, tmp_path: Path) -> None:
    write_request(tmp_path / "agent", tmp_path / "r", name="db-1")
    admit(acme, tmp_path / "r", "--yes")
    agent = listed(acme)[0]["id"]

    async def two_machines() -> None:
        db, now = Database.open(f"sqlite:///{acme}/collector.sqlite"), utc_now()
        for number, seconds in ((1, 0), (1, 1), (2, 2)):
            spoken = Spoken(Origin(f"i{number}", f"h{number}", "b"), now, now + timedelta(seconds=seconds))
            await db.write(instances.note, 1, agent, spoken, clones.alive_for(60))
        await db.close()

    asyncio.run(two_machines())
    words = ("agent", "parked", "--tenant", "acme")
    (one,) = json.loads(run(acme, *words, "--json").stdout)
    assert (one["agent"], one["instance"], one["host"]) == (agent, "i2", "h2")
    assert "i2" in run(acme, *words).stdout
    refused = run(acme, "agent", "accept", agent, "--tenant", "acme", "--instance", "i1")
    assert "expected one of those" in str(refused.exception)
    assert run(acme, "agent", "accept", agent, "--tenant", "acme", "--instance", "i2").exit_code == 0
    assert [one["instance"] for one in json.loads(run(acme, *words, "--json").stdout)] == ["i1"]


def test_a_key_is_replaced_on_demand_and_a_token_is_for_an_agent_that_is_there(acme: Path, tmp_path: Path) -> None:
    write_request(tmp_path / "agent", tmp_path / "r", name="db-1")
    admit(acme, tmp_path / "r", "--yes")
    agent = listed(acme)[0]["id"]
    assert "replaces its key; job job_" in run(acme, "agent", "rotate", agent, "--tenant", "acme").stdout
    assert "active" in str(run(acme, "agent", "rotate", "agt_none", "--tenant", "acme").exception)
    words = ("agent", "token", "--tenant", "acme", "--agent")
    assert json.loads(run(acme, *words, agent, "--json").stdout)["token"].startswith("fpe_")
    assert "no such agent" in str(run(acme, *words, "agt_none").exception)
