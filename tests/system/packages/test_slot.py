"""Slots with real virtual environments and a payload of one small wheel: what interrupts them and what mends them."""

import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.standins.processes import ROOT

pytestmark = pytest.mark.system

SLOT = ROOT / "packaging" / "scripts" / "slot"


@dataclass(frozen=True, slots=True)
class Host:
    """A root that has only what the script looks at."""

    root: Path

    @property
    def base(self) -> Path:
        return self.root / "opt/fieldpost/agent"

    def carry(self, version: str, says: str | None = None) -> None:
        """Lay down the payload of a version: one wheel with one program."""
        payload = self.root / "usr/lib/fieldpost-agent"
        (payload / "wheels").mkdir(parents=True, exist_ok=True)
        for old in (payload / "wheels").iterdir():
            old.unlink()
        path = payload / "wheels" / f"fieldpost-{version}-py3-none-any.whl"
        write_wheel(path, version, says or version)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        (payload / "requirements.txt").write_text(f"fieldpost=={version} --hash=sha256:{digest}\n")
        (payload / "version").write_text(f"{version}\n")

    def words(self, action: str) -> list[str]:
        return ["sh", str(SLOT), action, "agent"]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "FIELDPOST_ROOT": str(self.root), "FIELDPOST_PYTHON": sys.executable}

    def slot(self, action: str, *, expect: int = 0) -> str:
        done = subprocess.run(self.words(action), capture_output=True, text=True, check=False, env=self.environment)
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    def says(self) -> str:
        return subprocess.run(
            [self.base / "current/bin/fieldpost-agent"], capture_output=True, text=True, check=True
        ).stdout


def write_wheel(path: Path, version: str, says: str) -> None:
    info = f"fieldpost-{version}.dist-info"
    files = {
        "small.py": f"def main():\n    print('{says}')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: fieldpost\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nfieldpost-agent = small:main\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD")))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.carry("1.0")
    return host


def test_only_the_version_before_is_kept(host: Host) -> None:
    host.slot("install")
    for version in ("1.1", "1.2"):
        host.carry(version)
        host.slot("install")
    assert host.slot("list") == "1.1 previous\n1.2 current\n"
    assert host.says() == "1.2\n"
    host.slot("remove")
    assert not (host.root / "opt/fieldpost").exists()


def test_another_build_of_the_same_version_gets_a_slot_beside_it(host: Host) -> None:
    host.slot("install")
    host.carry("1.0", says="rebuilt")
    host.slot("install")
    assert host.slot("list") == "1.0 previous\n1.0-2 current\n"
    assert host.says() == "rebuilt\n"
    host.slot("rollback")
    assert host.says() == "1.0\n"


def test_the_same_build_twice_changes_nothing(host: Host) -> None:
    host.slot("install")
    made = (host.base / "slots/1.0").stat().st_ino
    host.slot("install")
    assert host.slot("list") == "1.0 current\n"
    assert (host.base / "slots/1.0").stat().st_ino == made


def test_what_is_killed_while_it_makes_a_slot_is_made_up_for_by_the_next(host: Host) -> None:
    host.slot("install")
    host.carry("1.1")
    making = subprocess.Popen(host.words("install"), env=host.environment, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (host.base / "slots/1.1/bin/python").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(making.pid, signal.SIGKILL)
    making.wait()
    assert host.says() == "1.0\n"
    host.slot("install")
    assert host.slot("list") == "1.0 previous\n1.1 current\n"


def test_a_wheel_that_was_changed_is_not_installed(host: Host) -> None:
    host.slot("install")
    host.carry("1.1")
    write_wheel(next(host.root.glob("usr/lib/fieldpost-agent/wheels/*.whl")), "1.1", "something else")
    assert "what ran before is as it was" in host.slot("install", expect=1)
    assert host.slot("list") == "1.0 current\n"


def test_a_slot_whose_python_is_gone_is_made_anew_and_others_are_left_alone(host: Host) -> None:
    host.slot("install")
    made = (host.base / "slots/1.0").stat().st_ino
    host.slot("mend")
    assert (host.base / "slots/1.0").stat().st_ino == made
    for link in (host.base / "slots/1.0/bin").glob("python*"):
        link.unlink()
        link.symlink_to("/nowhere/python3")
    host.slot("mend")
    assert host.says() == "1.0\n"


def test_without_a_fitting_python_it_says_what_to_install(host: Host) -> None:
    environment = {**host.environment, "FIELDPOST_PYTHON": "false"}
    done = subprocess.run(host.words("install"), capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert "expected one of python3.13, python3.12, python3.11" in done.stderr
    assert not (host.base / "current").exists()


@pytest.mark.parametrize("words", [[], ["install"], ["install", "both"], ["explode", "agent"]])
def test_wrong_words_are_answered_by_the_right_ones(words: list[str]) -> None:
    done = subprocess.run(["sh", str(SLOT), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "slot rollback agent|collector" in done.stderr
