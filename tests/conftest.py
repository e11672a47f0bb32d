"""What every test shares: which folders are too slow for `make quick`."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent
SLOW_FOLDERS = (
    "aws_standin",
    "collector/api",
    "collector/cli",
    "collector/domain",
    "collector/notifications",
    "collector/webhooks",
    "contract",
)
"""Each test there starts a whole application or a process, and there are hundreds of them."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.path.relative_to(ROOT).as_posix() if item.path.is_relative_to(ROOT) else ""
        if place.startswith(SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
