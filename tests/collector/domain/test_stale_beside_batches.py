"""The sweep for results that are too old, while another replica takes the next batch of the same agent."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, create_engine, insert, select

from collector.domain.agents.tables import agent
from collector.domain.results import ingest, taking
from collector.domain.results.decode import decode_batch
from collector.domain.results.received import Source
from collector.domain.results.tables import connection
from collector.domain.results.taking import Job
from collector.domain.tenants.tables import tenant
from common import wire
from common.wire import Kind
from tests.collector import builders
from tests.collector.builders import T0
from tests.collector.conftest import Postgres
from tests.collector.waiting import until

_LATER = timedelta(hours=12)


@pytest.fixture
def server(postgres: Postgres) -> Iterator[Engine]:
    name = postgres.new()
    made = create_engine(postgres.url.set(database=name))
    yield made
    made.dispose()
    postgres.drop(name)


async def test_a_visit_that_is_being_taken_is_not_undone_by_the_sweep(server: Engine) -> None:
    with server.begin() as conn:
        row = {"id": 1, "slug": "acme", "name": "Acme", "plan": "enterprise", "created_at": T0}
        conn.execute(insert(tenant), row)
        known = {"tenant_id": 1, "id": "agt_1", "name": "a", "hostname": "h", "version": "0", "state": "active"}
        conn.execute(insert(agent), {**known, "enrolled_by": "etk_1", "enrolled_at": T0})
        taking.ingest_all(conn, 1, [_visit(1)])
    swept: list[int] = []
    sweep = threading.Thread(target=lambda: swept.append(_sweep(server)))
    with server.begin() as conn:
        taking.ingest_all(conn, 1, [_visit(2)])
        sweep.start()
        await until(lambda: _waits(server))
    sweep.join(30)
    with server.connect() as conn:
        found = conn.execute(select(connection.c.latest_run_key, connection.c.latest_run_at)).one()
    assert (swept, tuple(found)) == ([1], ("run_2", T0 + _LATER))


def _visit(number: int) -> Job:
    at = T0 + (number - 1) * _LATER
    run = builders.run([builders.outcome("DB_CONNECT")], key=f"run_{number}", at=at, connection="a")
    lines = [wire.record_line(number, Kind.RUN, at, run)]
    _, packed = wire.pack(lines, agent="agt_1", epoch="e", stream="live", seqs=[number], boot="b", sent_at=at)
    return Job(Source(1, "agt_1", "e", "live"), decode_batch(wire.unpack(packed)), at)


def _sweep(server: Engine) -> int:
    with server.begin() as conn:
        return ingest.refresh_stale(conn, T0 + _LATER, 10)


def _waits(server: Engine) -> bool:
    """Somebody waits for a row that another transaction holds."""
    with server.connect() as conn:
        words = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(conn.exec_driver_sql(words).scalar_one())
