from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.records import Keep
from agent.sink import Sink, catalogue_parts, inventory_parts, parts
from agent.spool import Limits, Spool
from common import wire
from common.wire import MAX_PARTS, CatalogueEntry, ConnectionInfo, Item, Outcome, Run, Status, Trigger
from common.wire_aws import Applied, Execution, Matched, Matches

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with closing(Spool(tmp_path, Limits(min_free=0))) as opened:
        yield opened


def outcome(check: str, status: Status = "ok", *, detail: str = "", items: int = 0) -> Outcome:
    found = tuple(Item(f"item {number}", status, detail=detail) for number in range(items))
    return Outcome(check, "backup", status, "critical", "a line", items=found)


def run(*outcomes: Outcome, trigger: Trigger = "schedule") -> Run:
    return Run("run_1", "key_1", NOW, NOW, trigger, outcomes)


def kept(spool: Spool) -> list[Keep]:
    return [entry.keep for entry in spool._buffer]


def test_a_status_that_changes_is_pressing_and_is_kept_longest(spool: Spool) -> None:
    sink = Sink(spool)
    sink.run(run(outcome("A"), outcome("B")))
    assert sink.pressing.is_set(), "the first outcomes are news"
    sink.pressing.clear()
    sink.run(run(outcome("A"), outcome("B")))
    assert not sink.pressing.is_set()
    sink.run(run(outcome("A"), outcome("B", "critical")))
    assert sink.pressing.is_set()
    sink.pressing.clear()
    sink.run(run(outcome("A"), outcome("B", "critical")))
    assert not sink.pressing.is_set()
    assert kept(spool) == [Keep.CHANGE, Keep.REPEAT, Keep.CHANGE, Keep.RESULT]


def test_a_run_on_demand_does_not_wait(spool: Spool) -> None:
    sink = Sink(spool)
    sink.run(run(outcome("A")))
    sink.pressing.clear()
    sink.run(run(outcome("A"), trigger="demand"))
    assert sink.pressing.is_set()


def test_a_large_run_travels_in_parts_that_each_fit_into_a_record(spool: Spool) -> None:
    large = run(*(outcome(f"CHECK_{number}", items=20, detail="x" * 500) for number in range(60)))
    made = list(parts(large))
    assert [part.part for part in made] == list(range(1, len(made) + 1))
    assert {part.parts for part in made} == {len(made)}
    assert [o.check for part in made for o in part.outcomes] == [o.check for o in large.outcomes]
    Sink(spool).run(large)
    assert spool.flush()
    assert spool.state().records == len(made)


def test_a_run_without_outcomes_is_one_part() -> None:
    assert [part.parts for part in parts(run())] == [1]


def test_an_outcome_that_is_larger_than_a_record_keeps_its_verdict() -> None:
    huge = outcome("A", "critical", items=40, detail="x" * 4_000)
    (part,) = parts(run(huge))
    assert part.outcomes[0].status == "critical"
    assert len(wire.encode(part)) < wire.MAX_RECORD
    assert part.outcomes[0].items


def test_an_inventory_that_has_been_said_is_not_said_again(spool: Spool) -> None:
    sink = Sink(spool)
    info = ConnectionInfo("k", "n", "direct", "h", 1521, "prod")
    sink.inventory([info])
    sink.inventory([info])
    assert len(spool._buffer) == 1
    sink.inventory([])
    assert len(spool._buffer) == 2


def test_a_catalogue_travels_in_parts_with_one_digest() -> None:
    entries = [
        CatalogueEntry(f"CHECK_{number}", "backup", "t" * 300, "r" * 2_000, "%", "critical", 60, "cheap", "instance")
        for number in range(200)
    ]
    made = catalogue_parts(entries)
    assert len(made) > 5
    assert len({part.digest for part in made}) == 1
    assert [entry for part in made for entry in part.entries] == entries
    assert all(len(wire.encode(part)) < wire.MAX_RECORD for part in made)


def known(count: int) -> list[ConnectionInfo]:
    return [
        ConnectionInfo(f"key-{n}", f"Database {n}", "direct", f"db{n}.example.com", 1521, "prod", ("erp",))
        for n in range(count)
    ]


def test_many_connections_are_said_in_parts_of_the_same_instant(spool: Spool) -> None:
    sink = Sink(spool)
    sink.inventory(known(2000))
    said = [(entry.at, entry.replaces, wire.decode(entry.body, wire.Inventory)) for entry in spool._buffer]
    assert len(said) > 2
    assert len({at for at, _, _ in said}) == 1
    assert [replaces for _, replaces, _ in said] == [True] + [False] * (len(said) - 1), "what was said before is void"
    assert [(part.part, part.parts, part.total) for _, _, part in said] == [
        (number, len(said), 2000) for number in range(1, len(said) + 1)
    ]
    assert [info.key for _, _, part in said for info in part.connections] == [f"key-{n}" for n in range(2000)]


def test_few_connections_are_said_as_an_older_collector_knows_it() -> None:
    (part,) = inventory_parts(known(3))
    assert set(wire.decode(wire.encode(part), dict)) == {"connections"}


def test_more_connections_than_records_can_hold_are_refused() -> None:
    with pytest.raises(wire.WireError, match="cannot hold them"):
        inventory_parts(known(MAX_PARTS * 400))


def test_what_a_schedule_matches_and_what_became_of_an_edge_fit_into_records_whatever_their_size(spool: Spool) -> None:
    matched = tuple(Matched(f"i-{number:017}", "EC2", name="x" * 60) for number in range(2000))
    results = tuple(Applied(f"i-{number:017}", "EC2", "FAILED", "y" * 400) for number in range(600))
    sink = Sink(spool)
    sink.matches(Matches("s1", NOW, matched, 12.5))
    sink.execution(Execution("s1", NOW, "STOP", NOW, "FAILED", results))
    said = [(entry.kind, entry.body) for entry in spool._buffer]
    assert max(len(body) for _, body in said) < wire.MAX_RECORD
    parts = [wire.decode(body, Matches) for kind, body in said if kind == "aws_matches"]
    assert [(one.part, one.parts) for one in parts] == [(n, len(parts)) for n in range(1, len(parts) + 1)]
    assert tuple(one for part in parts for one in part.matched) == matched
    reports = [wire.decode(body, Execution) for kind, body in said if kind == "aws_execution"]
    assert len(reports) > 1
    assert tuple(one for report in reports for one in report.results) == results
    assert {(one.edge, one.status) for one in reports} == {(NOW, "FAILED")}
