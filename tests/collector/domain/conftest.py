"""An engine without the gateway, for tests that roll back what they wrote."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    url = make_url(database_url)
    made = create_engine(url if url.drivername == "sqlite" else url.set(drivername="postgresql+psycopg"))
    if url.drivername == "sqlite":
        event.listen(made, "connect", lambda raw, _entry: setattr(raw, "isolation_level", None))
        event.listen(made, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))
    yield made
    made.dispose()
