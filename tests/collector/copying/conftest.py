"""Two stores, both empty, and a way to fill one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.collector.conftest import Postgres

Make = Callable[[str], str]


@pytest.fixture
def new_store(sqlite_template: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes the URL of a migrated, empty database of the kind that is asked for."""
    made: list[str] = []

    def make(name: str) -> str:
        if name == "sqlite":
            path = tmp_path / f"store{len(list(tmp_path.glob('*.sqlite')))}.sqlite"
            shutil.copy(sqlite_template, path)
            return f"sqlite:///{path}"
        server: Postgres = request.getfixturevalue("postgres")
        made.append(server.new())
        return server.url_of(made[-1])

    yield make
    for name in made:
        request.getfixturevalue("postgres").drop(name)
