"""The README's commands, as a newcomer runs them in a fresh copy: the demo works and leaves nothing behind."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.standins.estate import PLANS, get
from tests.standins.processes import ROOT, Process, free_port, start

pytestmark = pytest.mark.system

READY_WITHIN_S = 420  # a bound for a machine that is busy with other things; a quiet one takes about a minute
EXPECTED = {
    "healthy-19c": "healthy",
    "healthy-23ai-cdb": "healthy",
    "healthy-rac-asm": "healthy",
    "healthy-standby-mounted": "healthy",
    "locked-account": "warning",  # nothing is known of it, which is no outage
    "neglected": "critical",
    "no-grants": "warning",
    "standby-lagging": "healthy",  # one warning costs few points
    "RETIRED-DB09": "never_run",
}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "demo state"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What somebody has who has just fetched it, and the environment that `make` would build there."""
    copy = tmp_path_factory.mktemp("fresh") / "fieldpost"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(Path(sys.executable).parent.parent)
    for older in ("pyproject.toml", "packaging/constraints.txt"):  # than the environment, which is shared and stays
        os.utime(copy / older, (0, 0))
    return copy


def commands() -> list[str]:
    """What the README says to try."""
    (found,) = re.findall(
        r"^## Try it\n.*?^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    return str(found).splitlines()


def make_demo(state: Path, tree: Path) -> Process:
    command = ["bash", "-c", f'cd "$TREE" && exec {commands()[0]}']
    # the shared environment knows another tree; programs are to be those of this one
    environment = {"TREE": str(tree), "PYTHONPATH": str(tree), "PORT": str(free_port()), "STATE": str(state)}
    return start("make demo", command, log=state.parent / "demo.log", environment=environment)


def test_the_readme_has_two_commands_and_the_second_runs_the_tests(tree: Path) -> None:
    _, second = commands()
    told = subprocess.run(["bash", "-c", f"{second} --dry-run"], cwd=tree, capture_output=True, text=True, check=True)
    assert "pytest" in told.stdout


def described(state: Path) -> dict[str, Any] | None:
    path = state / "demo.json"
    return json.loads(path.read_text()) if path.exists() else None


def interrupt(demo: Process) -> int:
    """Ctrl-C reaches the whole foreground group, as in a terminal."""
    os.killpg(demo.pid, signal.SIGINT)
    return demo.handle.wait(timeout=30)


def processes_about(state: Path) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(state) in line]


def test_the_demo_comes_up_answers_and_leaves_nothing_behind(state: Path, tree: Path) -> None:
    demo = make_demo(state, tree)
    try:
        facts = demo.wait_until(lambda: described(state), timeout_s=READY_WITHIN_S, every_s=0.5)
        keys = facts["api_keys"]
        assert isinstance(keys, dict)
        assert set(keys) == set(PLANS)
        fleet = get(f"{facts['base_url']}/api/v1/health/fleet", keys["enterprise"])
        assert {entry["name"]: entry["status"] for entry in fleet["data"]} == EXPECTED
        assert get(f"{facts['base_url']}/api/v1/health/fleet", keys["team"])["data"] == []
        assert get(f"{facts['base_url']}/api/v1/health/fleet", keys["individual"]) is None
        assert_accounts_are_linked(facts)
        assert_status_is_told(facts)
        screen = demo.wait_until(lambda: shown(demo), timeout_s=5)
        assert_curl_lines_work(screen, keys["enterprise"])
    finally:
        interrupt(demo)
    assert processes_about(state) == []
    assert "Traceback" not in demo.log.read_text()


def shown(demo: Process) -> str | None:
    text = demo.log.read_text()
    return text if "Ctrl-C stops everything" in text else None


def assert_accounts_are_linked(facts: dict[str, Any]) -> None:
    base = f"{facts['base_url']}/tuner/v1/api"
    body = json.dumps(facts["tuner"]).encode()
    login = urllib.request.Request(f"{base}/auth/login", data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(login, timeout=5) as answer:
        token = json.load(answer)["data"]["accessToken"]
    accounts = get(f"{base}/accounts", token)["data"]["accounts"]
    assert {one["accountId"]: one["status"] for one in accounts} == dict.fromkeys(facts["aws_accounts"], "ACTIVE")
    schedules = get(f"{base}/scheduler/schedules", token)["data"]["schedules"]
    assert {one["id"] for one in schedules} == {one["schedule_id"] for one in facts["aws"]["linked"]}


def assert_status_is_told(facts: dict[str, Any]) -> None:
    api, tokens = f"{facts['base_url']}/api/v1", facts["status_tokens"]
    assert set(tokens) == {"all", "read", "incidents", "maintenance"}
    services = get(f"{api}/services?visibility=public", tokens["read"])["services"]
    assert {one["name"]: one["id"] for one in services} == facts["status"]["services"]
    assert get(f"{api}/incidents/active", tokens["read"])["total"] == 1
    assert get(f"{api}/maintenance/upcoming", tokens["all"])["total"] == 1
    assert get(f"{api}/services", tokens["incidents"]) is None
    assert {one["name"] for one in get(facts["status"]["page"])["services"]} == set(facts["status"]["services"])


def assert_curl_lines_work(screen: str, key: str) -> None:
    urls = re.findall(r'curl .*?(http://[^\s"]+)', screen)
    assert len(urls) == 3
    for url in urls:
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert json.load(answer)["data"]


def test_a_folder_with_other_peoples_files_is_refused_and_left_alone(state: Path, tree: Path) -> None:
    state.mkdir()
    (state / "thesis.tex").write_text("years of work")
    demo = make_demo(state, tree)
    assert demo.handle.wait(timeout=30) != 0
    assert "thesis.tex" in demo.log.read_text()
    assert (state / "thesis.tex").read_text() == "years of work"
