"""What every test shares: which folders are too slow for `make quick`, and where files of tests are kept."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

_SETTINGS = "_hypothesis_internal_use_settings"  # where hypothesis keeps what `@settings` says of a test
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
    "versions",
)
"""Each test there starts a whole application or a process, or there are hundreds of them that take their time."""

THOROUGH = "hypothesis"
"""What `make thorough` asks for to have every property tried with as many examples as its test says."""

SHARE = 4
FEWEST = 15
"""Everywhere else a property is tried with a quarter of them, but not with fewer than these."""

ASKED_OF_BOTH_STORES = ("collector/api", "contract", "versions")
"""What is asked of a whole application there is asked again of one on PostgreSQL: by `make system`.

What a store itself must do is asked of both in `make test`: collector/domain, collector/core and what is beside them.
"""


def pytest_configure(config: pytest.Config) -> None:
    settings.register_profile("thrifty", max_examples=_share_of(settings().max_examples))
    if not _is_thorough(config):
        settings.load_profile("thrifty")
    _keep_files_in_memory(config)


def _is_thorough(config: pytest.Config) -> bool:
    return THOROUGH in str(config.getoption("markexpr"))


def _share_of(examples: int) -> int:
    return min(examples, max(FEWEST, examples // SHARE))


def _keep_files_in_memory(config: pytest.Config) -> None:
    """Keep files in memory: thousands of databases are made and thrown away, and a disk waits for each commit."""
    chosen = os.environ.get("TMPDIR")
    if chosen or config.getoption("markexpr") in ON_DISK or not _has_room(RAM):
        return
    os.environ["TMPDIR"] = str(RAM)
    tempfile.tempdir = None  # looked up again


def _has_room(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and shutil.disk_usage(folder).free >= ENOUGH


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    thorough = _is_thorough(config)
    for item in items:
        if not thorough and isinstance(item, pytest.Function):
            _try_fewer(item)
        place = item.path.relative_to(ROOT).as_posix() if item.path.is_relative_to(ROOT) else ""
        if place.startswith(SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
        if place.startswith(ASKED_OF_BOTH_STORES) and _store_of(item) == "postgres":
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.postgres)


def _try_fewer(item: pytest.Function) -> None:
    """Tests of one function share it: what has been cut once stays as it is."""
    test = getattr(item.obj, "__func__", item.obj)
    chosen = getattr(test, _SETTINGS, None)
    if chosen is not None and not hasattr(test, "examples_of_its_own"):
        test.examples_of_its_own = chosen.max_examples
        setattr(test, _SETTINGS, settings(chosen, max_examples=_share_of(chosen.max_examples)))


def _store_of(item: pytest.Item) -> object:
    called = getattr(item, "callspec", None)
    return called.params.get("store_name") if called else None
