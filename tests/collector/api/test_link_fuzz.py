"""Whatever an enrolled agent sends, the answer is an ack or a refusal, never an error of ours."""

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from collector.core.database import Database
from common import wire
from common.wire import Ack, Kind
from tests.collector import builders
from tests.collector.accounts import client_of, serving
from tests.collector.builders import T0

SAMPLES: list[dict[str, Any]] = [
    msgspec.json.decode(wire.record_line(1, kind, T0, body))
    for kind, body in (
        (Kind.RUN, builders.run([builders.outcome("A", "critical", value=1.5)], key="r", facts={"v": "19"})),
        (Kind.HEARTBEAT, builders.heartbeat()),
        (Kind.INVENTORY, builders.inventory("PROD")),
        (Kind.CATALOGUE, builders.catalogue("A")),
        (Kind.JOB, wire.JobResult("job_1", "lse_1", "failed", "x")),
        (Kind.GAP, wire.Gap(stream="bulk", first=1, last=2, reason="operator", count=2)),
    )
]

odd: st.SearchStrategy[object] = st.sampled_from(
    [
        None, True, -1, 0, 2**53, 2**63, 2**64, 1e308, -0.0, "", "\0", "\ud7ff", "\U0010ffff", "x" * 5000, "'; --", [],
        {}, "0001-01-01T00:00:00Z", "2026-05-14T03:00:00+23:59", "2026-05-14T03:00:00.999999999Z", "%s", "?",
    ]
)  # fmt: skip


Path = tuple[Any, ...]


def paths_of(value: object, path: Path = ()) -> list[Path]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in pairs for found in [(*path, key), *paths_of(inner, (*path, key))]]


def changed(value: Any, path: Path, new: object) -> Any:
    """A copy in which `new` stands at `path`."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


PLACES = [(sample, path) for sample in SAMPLES for path in paths_of(sample) if path != ("seq",)]


@st.composite
def oddities(draw: st.DrawFn) -> dict[str, Any]:
    sample, path = draw(st.sampled_from(PLACES))
    record: dict[str, Any] = changed(sample, path, draw(odd))
    return record


@given(records=st.lists(oddities(), min_size=5, max_size=40))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@pytest.mark.slow
def test_odd_values_never_make_the_collector_fail(database_url: str, records: list[dict[str, Any]]) -> None:
    asyncio.run(_send(database_url, records))


async def _send(database_url: str, records: list[dict[str, Any]]) -> None:
    database = Database.open(database_url)
    try:
        await _send_twice(database, records)
    finally:
        await database.close()


async def _send_twice(database: Database, records: list[dict[str, Any]]) -> None:
    here = await builders.agent(database)
    lines = [msgspec.json.encode(record | {"seq": seq}) for seq, record in enumerate(records, start=1)]
    body, signature = here.batch(lines, seqs=range(1, len(lines) + 1))
    async with serving(database) as app, client_of(app) as client:
        answers = [await here.send(client, body, signature) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    first, second = (wire.decode(answer.content, Ack) for answer in answers)
    assert first.new + len(first.rejected) == len(records)
    assert (second.new, second.rejected) == (0, first.rejected)
