"""Logging as in production: an unconfigured structlog spends seconds on painting a traceback."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import logs


@pytest.fixture(scope="session", autouse=True)
def quiet() -> Iterator[None]:
    """Import this fixture where requests are made to fail."""
    with Path(os.devnull).open("w") as nowhere:
        logs.configure(stream=nowhere)
        yield
        logging.getLogger().handlers.clear()
