"""What every test shares: which folders are too slow for `make quick`, and where files of tests are kept."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

RAM = Path("/dev/shm")  # noqa: S108 - a file system, below which every run has a folder of its own
ENOUGH = 4 * 1024**3
ON_DISK = {"system", "system and not postgres", "bench"}
"""Proofs and measurements keep their files where users have them."""

ROOT = Path(__file__).parent
SLOW_FOLDERS = (
    "agent/power",
    "aws_standin",
    "collector/api",
    "collector/cli",
    "collector/domain",
    "collector/incidents",
    "collector/maintenance",
    "collector/notifications",
    "collector/reports",
    "collector/services",
    "collector/statuspage",
    "collector/test_stores.py",
    "collector/web",
    "collector/webhooks",
    "contract",
    "oracle_standin",
)
"""Each test there starts a whole application or a process, or there are hundreds of them that take their time."""

ASKED_OF_BOTH_STORES = ("collector/api", "contract")
"""What is asked of a whole application there is asked again of one on PostgreSQL: by `make system`.

What a store itself must do is asked of both in `make test`: collector/domain, collector/core and what is beside them.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Keep files in memory: thousands of databases are made and thrown away, and a disk waits for each commit."""
    chosen = os.environ.get("TMPDIR")
    if chosen or config.getoption("markexpr") in ON_DISK or not _has_room(RAM):
        return
    os.environ["TMPDIR"] = str(RAM)
    tempfile.tempdir = None  # looked up again


def _has_room(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and shutil.disk_usage(folder).free >= ENOUGH


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.path.relative_to(ROOT).as_posix() if item.path.is_relative_to(ROOT) else ""
        if place.startswith(SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
        if place.startswith(ASKED_OF_BOTH_STORES) and _store_of(item) == "postgres":
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.postgres)


def _store_of(item: pytest.Item) -> object:
    called = getattr(item, "callspec", None)
    return called.params.get("store_name") if called else None
