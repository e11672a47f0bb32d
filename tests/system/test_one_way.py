"""An agent and a collector with no network between them: only files move, in both directions."""

import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.standins.processes import BIN, Process, free_port
from tests.system.far_away import FarAgent, Host, unavailable

NO_NAMESPACES = unavailable()
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(NO_NAMESPACES), reason=NO_NAMESPACES)]

SCENARIO = "healthy-19c"
KILLS = 4
NO_MOUNT = 77


class Site:
    """`stick`: what is carried; `agent` and `collector` share nothing else."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.stick = folder / "stick"
        self.stick.mkdir()
        port = free_port()
        off = {"FIELDPOST_TLS": "off", "FIELDPOST_PORT": str(port), "FIELDPOST_HEARTBEAT_S": "5"}
        self.collector = Host("collector", folder / "collector", off)
        stack.callback(self.collector.close)
        self.agent = FarAgent(folder / "agent")
        stack.callback(self.agent.close)
        self.collector.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
        self.enrol()
        oracle, database = self.agent.oracle(SCENARIO)
        stack.callback(oracle.stop)
        self.agent.add(database, "PROD")
        self.runs = self.agent.start("run")
        stack.callback(self.end)
        self.served: Process | None = None

    def enrol(self) -> None:
        request, reply = self.stick / "request", self.stick / "reply"
        self.agent.command("enroll", "--request", request, "--name", "far")
        self.collector.command("agent", "admit", request, "--tenant", "acme", "--reply", reply, "--yes")
        self.agent.command("enroll", "--reply", reply)
        (listed,) = self.collector.ask("agent", "list", "--tenant", "acme")
        self.id = str(listed["id"])

    def end(self) -> None:
        self.runs.stop()

    def serve(self) -> Process:
        process = self.collector.start("serve")
        log = process.log
        process.wait_until(lambda: "listening" in log.read_text() or None, timeout_s=120)
        self.served = process
        return process

    def export(self, *options: object) -> Any:
        return self.agent.ask("bundle", "export", "--to", self.stick, *options)

    def bring(self, *files: object) -> Any:
        return self.collector.ask("bundle", "import", *files, "--receipts", self.stick)

    def until_found(self, more_than: int = 0) -> None:
        """A visit to the database is in the spool."""
        self.runs.wait_until(lambda: self._records() > more_than or None, timeout_s=90, every_s=0.5, what="visiting")

    def _records(self) -> int:
        found = self.agent.status()
        reached = bool(found) and [one["reachable"] for one in found["connections"]] == [True]
        return int(found["spool"]["records"]) if reached else 0

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.collector.state}/collector.sqlite?mode=ro", uri=True)) as database:
            return list(database.execute(statement).fetchall())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        made = Site(tmp_path_factory.mktemp("oneway"), stack)
        served = made.serve()
        stack.callback(served.stop)
        made.until_found()
        yield made


def test_there_is_no_network_between_the_two(site: Site) -> None:
    assert site.agent.interfaces() == ["lo"]
    assert site.collector.interfaces() == ["lo"]
    port = site.collector.environment["FIELDPOST_PORT"]
    knock = ["python3", "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"]
    assert site.served is not None
    for host, reached in ((site.collector, True), (site.agent, False)):
        assert (host.here(*knock)[0] == 0) is reached


def test_what_was_found_far_away_is_seen_here_and_what_is_wanted_here_is_done_there(site: Site) -> None:
    made = site.export()
    answer = site.bring(made["file"])
    (brought,) = answer["bundles"]
    assert (brought["new"], brought["duplicate"], brought["rejected"]) == (made["records"], 0, 0)
    (known,) = site.collector.ask("connection", "list", "--tenant", "acme")
    assert known["name"] == "PROD"
    assert known["score"] is not None

    site.collector.command("threshold", "set", "TABLESPACE_USED_PCT", "--tenant", "acme", "--warning", 42)
    site.collector.command("bundle", "make", "--agent", site.id, "--to", site.stick)
    older, newer = sorted(site.stick.glob("*.receipt"))
    done = site.agent.ask("bundle", "import", newer)
    assert done["forgotten"] == made["records"]
    (setting,) = _assignment(site)["checks"]
    assert (setting["check"], setting["warning"]) == ("TABLESPACE_USED_PCT", 42.0)

    code, said = site.agent.attempt("bundle", "import", older)
    assert code == 1
    assert "is older than" in said
    assert site.agent.status()["problems"] == []
    (heard,) = site.rows("SELECT bundle_every_s, silence FROM agent")
    assert heard == (3600, None)


def test_a_lost_bundle_is_made_up_for_and_damaged_ones_are_refused(site: Site) -> None:
    site.until_found()
    lost = Path(site.export()["file"])
    whole = lost.read_bytes()
    damaged = [site.stick / f"damaged-{number}" for number in range(4)]
    contents = (whole[:-700], whole[: len(whole) // 2], b"", _flipped(whole))
    for path, content in zip(damaged, contents, strict=True):
        path.write_bytes(content)
    code, said = site.collector.attempt("bundle", "import", *damaged, "--receipts", site.stick)
    assert code == 1, said
    assert said.count("REFUSED") == len(damaged)
    lost.unlink()
    before = site.agent.status()["spool"]["records"]
    site.until_found(before)
    (brought,) = site.bring(site.export()["file"])["bundles"]
    assert len(brought["never_came"]) == 1
    assert brought["missing"] == []
    assert site.rows("SELECT count(*) FROM received_range WHERE first > 1") == [(0,)]


def test_a_full_stick_takes_no_bundle_and_no_number(site: Site) -> None:
    site.until_found()
    small = site.stick / "small"
    small.mkdir()
    number = site.agent.ask("bundle", "status")["number"]
    script = (
        f"mount -t tmpfs -o size=4k,mode=700 none {small} || exit {NO_MOUNT}; "
        f"{BIN}/fieldpost-agent bundle export --to {small} --all; code=$?; ls -A {small}; exit $code"
    )
    code, said = site.agent.here("unshare", "--mount", "sh", "-c", script)
    if code == NO_MOUNT:
        pytest.skip("nothing can be mounted here")
    assert code == 1
    assert "No space left on device" in said
    assert f"fieldpost-{site.id}" not in said
    assert site.agent.ask("bundle", "status")["number"] == number


def test_kills_during_exports_and_imports_lose_nothing_and_double_nothing(site: Site) -> None:
    chance = random.Random(20_261_122)
    for _ in range(KILLS):
        exporting = site.agent.start("bundle", "export", "--to", site.stick, name="export")
        time.sleep(chance.uniform(0.5, 3))
        exporting.kill()
        for path in sorted(site.stick.glob("*.bundle"))[-1:]:
            importing = site.collector.start("bundle", "import", path, "--receipts", site.stick, name="import")
            time.sleep(chance.uniform(0.5, 3))
            importing.kill()
    site.runs.kill()
    site.runs = site.agent.start("run")
    for path in site.stick.glob("*.bundle"):
        path.unlink()
    site.until_found()
    made = site.export("--all")
    (receipt,) = site.bring(made["file"])["receipts"]
    assert site.agent.ask("bundle", "import", receipt)["missing"] == 0
    assert site.rows("SELECT count(*) FROM received_range WHERE first > 1") == [(0,)]
    runs = Counter(row[0] for row in site.rows("SELECT key FROM run"))
    assert [key for key, count in runs.items() if count > 1] == []
    assert site.rows("SELECT count(*) FROM gap") == [(0,)]


def test_bundles_are_taken_in_while_the_collector_does_not_serve(site: Site) -> None:
    assert site.served is not None
    site.served.stop()
    before = site.agent.status()["spool"]["records"]
    site.until_found(before)
    assert site.runs.stop() == 0
    made = site.export()  # the agent does not run either
    answer = site.bring(made["file"])
    assert answer["bundles"][0]["new"] > 0
    done = site.agent.ask("bundle", "import", answer["receipts"][0])
    assert done["forgotten"] > 0
    assert site.agent.ask("bundle", "status")["records"] == 0
    site.collector.command("agent", "revoke", site.id, "--tenant", "acme")
    code, said = site.collector.attempt("bundle", "import", made["file"], "--receipts", site.stick)
    assert code == 1
    assert "was revoked" in said


def _assignment(site: Site) -> Any:
    return json.loads((site.agent.state / "assignment.json").read_text())


def _flipped(content: bytes) -> bytes:
    place = len(content) // 3
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
