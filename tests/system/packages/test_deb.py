"""The .deb in a clean Debian with the network cut off: installed, at work, upgraded, rolled back, removed, purged."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.estate import Database
from tests.system.packages.conftest import Made
from tests.system.packages.island import Clean, FailedError
from tests.system.packages.job import AGENT, COLLECTOR, at_work, oracle, run_agent

pytestmark = pytest.mark.system

CUT = "import socket; socket.create_connection(('192.0.2.1', 443), 3)"
KEPT = re.compile(
    r"var/log/(dpkg|alternatives)\.log|var/lib/dpkg/.*|etc/(passwd|group|shadow|gshadow|subuid|subgid)-|etc/\.pwd\.lock"
    r"|etc/ld\.so\.cache.*|var/cache/.*|root/.*|tmp/.*"
)
"""What dpkg and useradd themselves leave behind on every host."""


@pytest.fixture(scope="module")
def before(root: Clean) -> set[str]:
    return root.listing()


@pytest.fixture(scope="module")
def database(root: Clean, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with oracle(root.island, tmp_path_factory.mktemp("oracle")) as database:
        yield database


@pytest.fixture(scope="module")
def installed(root: Clean, made: Made, before: set[str]) -> Clean:
    assert before
    install(root, made)
    return root


def install(root: Clean, made: Made, *, expect: int = 0) -> str:
    for program in ("agent", "collector"):
        shutil.copy(made.deb(program), root.path / "root" / f"{program}.deb")
    return root.run("dpkg", "-i", "/root/agent.deb", "/root/collector.deb", expect=expect)


def runs(root: Clean, version: str) -> bool | None:
    """Whether an agent of this version says so of itself; that it reaches nobody is another matter."""
    try:
        said = json.loads((root.path / "var/lib" / AGENT / "status.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return True if said["version"] == version else None


def current(root: Clean, program: str = "agent") -> str:
    return root.run(f"/usr/lib/fieldpost-{program}/slot", "list", program)


def test_the_root_has_no_way_out(root: Clean) -> None:
    with pytest.raises(FailedError, match="unreachable"):
        root.run("python3", "-c", CUT)


def test_both_programs_are_there_and_belong_to_users_of_their_own(installed: Clean) -> None:
    for program in (AGENT, COLLECTOR):
        assert installed.run(program, "--version", user=program) == "1.2.0\n"
        assert installed.run("stat", "-c", "%U:%G %a", f"/var/lib/{program}") == f"{program}:{program} 700\n"
        assert installed.run("stat", "-c", "%U:%G %a", f"/etc/{program}/credentials") == f"root:{program} 750\n"
        assert (
            installed.run("find", f"/opt/fieldpost/{program.partition('-')[2]}", "-perm", "/022", "!", "-type", "l")
            == ""
        )


def test_what_only_installs_is_not_left_in_the_slot(installed: Clean) -> None:
    names = {path.name for path in (installed.path / "opt/fieldpost/agent/slots/1.2.0/bin").iterdir()}
    assert "fieldpost-agent" in names
    assert not [name for name in names if name.startswith("pip")]


def test_the_main_job_is_done(installed: Clean, database: Database, tmp_path: Path) -> None:
    with at_work(installed, database, tmp_path) as estate:
        found = estate.scored()
    assert (found["name"], found["status"]) == ("orders", "healthy")
    assert "Traceback" not in (tmp_path / "agent.log").read_text() + (tmp_path / "collector.log").read_text()


def test_an_upgrade_flips_the_slot_and_keeps_state_and_the_slot_before(
    installed: Clean, newer: Made, tmp_path: Path
) -> None:
    state = installed.path / "var/lib" / AGENT
    key = {path.name: path.read_bytes() for path in state.glob("*.key")}
    install(installed, newer)
    assert current(installed) == "1.2.0 previous\n1.3.0 current\n"
    assert installed.run(AGENT, "--version", user=AGENT) == "1.3.0\n"
    assert {path.name: path.read_bytes() for path in state.glob("*.key")} == key
    agent = run_agent(installed, tmp_path)
    try:
        agent.wait_until(lambda: runs(installed, "1.3.0"), every_s=1)
    finally:
        agent.stop()


def test_a_slot_that_cannot_be_made_leaves_the_old_one_running(installed: Clean, newer: Made, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    subprocess.run(["dpkg-deb", "-R", newer.deb("agent"), folder], check=True)
    wheel = next(folder.glob("usr/lib/fieldpost-agent/wheels/msgspec-*.whl"))
    wheel.write_bytes(wheel.read_bytes()[:-1])
    (folder / "usr/lib/fieldpost-agent/version").write_text("1.4.0\n")
    control = folder / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: 1.3.0", "Version: 1.4.0"))
    subprocess.run(
        ["dpkg-deb", "-b", "-Znone", folder, installed.path / "root/broken.deb"], check=True, stdout=subprocess.DEVNULL
    )
    told = installed.run("dpkg", "-i", "/root/broken.deb", expect=1)
    assert "what ran before is as it was" in told
    assert current(installed) == "1.2.0 previous\n1.3.0 current\n"
    assert installed.run(AGENT, "--version", user=AGENT) == "1.3.0\n"
    install(installed, newer)  # and the sound package mends it


def test_the_version_before_can_be_gone_back_to(installed: Clean) -> None:
    installed.run("/usr/lib/fieldpost-agent/slot", "rollback", "agent")
    assert installed.run(AGENT, "--version", user=AGENT) == "1.2.0\n"
    assert current(installed) == "1.2.0 current\n1.3.0 failed\n"
    assert "no slot to go back to" in installed.run("/usr/lib/fieldpost-agent/slot", "rollback", "agent", expect=1)


def test_removal_keeps_what_is_yours_and_purge_leaves_nothing(installed: Clean, before: set[str]) -> None:
    installed.run("dpkg", "-r", AGENT, COLLECTOR)
    left = {path for path in installed.listing() - before if not KEPT.fullmatch(path)}
    own = (f"etc/{AGENT}", f"etc/{COLLECTOR}", f"var/lib/{AGENT}", f"var/lib/{COLLECTOR}")
    assert [path for path in left if not path.startswith(own)] == []
    assert f"etc/{AGENT}/agent.toml" in left
    installed.run("dpkg", "-P", AGENT, COLLECTOR)
    assert [path for path in installed.listing() - before if not KEPT.fullmatch(path)] == []
    assert "fieldpost" not in (installed.path / "etc/passwd").read_text() + (installed.path / "etc/group").read_text()
