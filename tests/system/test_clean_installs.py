"""Agent and collector each install from the wheel and import whole, without what only the other one needs."""

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
AGENT_ONLY = ("oracledb", "psutil")
IN_A_CHILD = ("agent.aws.", "agent.power.")
"""Where boto3 may be imported: in a process of its own, which needs the extra `aws`."""
COLLECTOR_ONLY = ("fastapi", "sqlalchemy", "sqlmodel", "uvicorn", "alembic", "limits")

IMPORT_ALL = """
import importlib, importlib.util, pkgutil, sys
side, *absent = sys.argv[1:]
for name in absent:
    assert importlib.util.find_spec(name) is None, f"{name} is installed"
for package in (side, "common"):
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, package + "."):
        if ".migrations." in module.name:
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name not in ("boto3", "botocore", "jmespath"):  # the extra `aws`
                raise
            print(module.name)
loaded = [name for name in ("boto3", "botocore") if name in sys.modules]
assert not loaded, loaded
print("imported")
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", target, ROOT)
    return next(target.glob("fieldpost-*.whl"))


@pytest.fixture(scope="session")
def constraints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned versions without their hashes: a local wheel has none, and pip wants all or nothing."""
    text = (ROOT / "packaging" / "constraints.txt").read_text()
    pins = re.findall(r"^([\w.\[\]-]+==[^\\\n]+?)\s*\\?$", text, re.MULTILINE)
    target = tmp_path_factory.mktemp("pins") / "constraints.txt"
    target.write_text("\n".join(pins) + "\n")
    return target


def run(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=600, cwd="/")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def install(environment: Path, wheel: Path, extra: str, constraints: Path) -> Path:
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "-c", constraints, f"fieldpost[{extra}] @ {wheel.as_uri()}")
    return python


@pytest.mark.parametrize(
    ("side", "absent"),
    [("agent", (*COLLECTOR_ONLY, "boto3", "psycopg")), ("collector", (*AGENT_ONLY, "boto3", "psycopg"))],
)
def test_a_side_stands_alone(
    side: str, absent: tuple[str, ...], wheel: Path, constraints: Path, tmp_path: Path
) -> None:
    python = install(tmp_path / side, wheel, side, constraints)
    *without, last = run(python, "-c", IMPORT_ALL, side, *absent).split()
    assert last == "imported"
    assert [name for name in without if not name.startswith(IN_A_CHILD)] == []
    assert "Usage" in run(python.with_name(f"fieldpost-{side}"), "--help")


def test_the_wheel_holds_the_product_and_nothing_else(wheel: Path) -> None:
    names = run(sys.executable, "-m", "zipfile", "-l", wheel)
    folders = {match[1] for match in re.finditer(r"^([\w.-]+)/", names, re.MULTILINE)}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {"agent", "collector", "common"}


def test_no_pin_names_where_packages_come_from() -> None:
    text = (ROOT / "packaging" / "constraints.txt").read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert not list(ROOT.glob("*.lock"))
