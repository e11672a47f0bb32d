"""The .rpm: linted, unpacked, and its scripts run by rpm itself in a clean root - Debian's, not Enterprise Linux's."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.standins.processes import ROOT
from tests.system.packages.conftest import Made
from tests.system.packages.island import Clean
from tests.system.packages.job import AGENT, COLLECTOR

pytestmark = pytest.mark.system


def rpm(root: Clean, *words: object) -> str:
    """rpm of this host on the root: it runs the scripts inside. It knows none of Debian's packages: --nodeps."""
    command = root.island.words("rpm", "--root", root.path, "--dbpath", "/var/lib/rpm", *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("program", ["agent", "collector"])
def test_rpmlint_finds_no_error(made: Made, program: str) -> None:
    if shutil.which("rpmlint") is None:
        pytest.skip("rpmlint is not installed")
    command = ["rpmlint", "-c", str(ROOT / "packaging" / "rpmlint.toml"), str(made.rpm(program))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert " 0 errors," in done.stdout, done.stdout


@pytest.mark.parametrize("program", ["agent", "collector"])
def test_it_lays_down_what_the_deb_lays_down(made: Made, program: str, tmp_path: Path) -> None:
    unpacked, other = tmp_path / "rpm", tmp_path / "deb"
    unpacked.mkdir()
    subprocess.run(f"rpm2cpio {made.rpm(program)} | cpio -idm --quiet", shell=True, cwd=unpacked, check=True)  # noqa: S602 - a pipe
    subprocess.run(["dpkg-deb", "-x", made.deb(program), other], check=True)
    assert listed(unpacked) == listed(other)


def listed(folder: Path) -> set[str]:
    """Paths that matter on every distribution."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
    return {path for path in found if not path.startswith(("usr/share/zsh/", "usr/share/doc/"))}


def test_it_asks_for_a_python_that_enterprise_linux_has(made: Made) -> None:
    wanted = subprocess.run(["rpm", "-qpR", made.rpm("agent")], capture_output=True, text=True, check=True).stdout
    assert "(python3.13 or python3.12 or python3.11 or python3 >= 3.11)" in wanted


def test_its_scripts_install_upgrade_and_remove(root: Clean, made: Made, newer: Made) -> None:
    rpm(root, "-i", "--nodeps", made.rpm("agent"), made.rpm("collector"))
    for program in (AGENT, COLLECTOR):
        assert root.run(program, "--version", user=program) == "1.2.0\n"
        assert root.run("stat", "-c", "%U:%G %a", f"/etc/{program}/credentials") == f"root:{program} 750\n"
    (root.path / "etc" / AGENT / "agent.toml").write_text('log_level = "debug"\n')
    rpm(root, "-U", "--nodeps", newer.rpm("agent"))
    assert root.run("/usr/lib/fieldpost-agent/slot", "list", "agent") == "1.2.0 previous\n1.3.0 current\n"
    assert (root.path / "etc" / AGENT / "agent.toml").read_text() == 'log_level = "debug"\n'
    rpm(root, "-e", "--nodeps", AGENT, COLLECTOR)
    left = {path for path in root.listing() if "fieldpost" in path}
    state = {f"var/lib/{AGENT}", f"var/lib/{COLLECTOR}"}
    assert left == {*state, f"etc/{AGENT}", f"etc/{AGENT}/agent.toml.rpmsave"}
