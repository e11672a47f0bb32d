"""What the service manager is told of the agent."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent import liveness
from agent.status import ConnectionStatus, Status
from common import systemd

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
CONNECTION = ConnectionStatus("k", "HR", NOW, reachable=True)
STATUS = Status(
    at=NOW,
    pid=1,
    version="0.7.0",
    started_at=NOW - timedelta(hours=1),
    last_ack_at=NOW - timedelta(seconds=30),
    clock_offset_s=0.0,
    assignment="3",
    spool=None,
    problems=(),
    connections=(CONNECTION,),
)


def line(**fields: object) -> str:
    return liveness.line(msgspec.structs.replace(STATUS, **fields))


def test_the_line_says_what_is_watched_and_who_hears_it() -> None:
    assert line() == "1 connection; the collector acknowledges"
    down = msgspec.structs.replace(CONNECTION, reachable=False)
    assert line(connections=(CONNECTION, down, down)) == "3 connections, 2 not reachable; the collector acknowledges"
    assert line(last_ack_at=None) == "1 connection; the collector has acknowledged nothing yet"
    assert line(last_ack_at=NOW - timedelta(minutes=11)).endswith("nothing since 2026-05-14 02:49 UTC")


def test_problems_are_named_by_their_topics() -> None:
    assert line(problems=("spool: disk full", "uplink: down")).endswith("; problems: spool, uplink")


def test_the_service_manager_is_told_only_when_the_line_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(systemd, "status", told.append)
    shown = liveness.Shown()
    shown.show(STATUS)
    shown.show(msgspec.structs.replace(STATUS, at=NOW + timedelta(seconds=10)))
    assert len(told) == 1
    shown.show(msgspec.structs.replace(STATUS, problems=("spool: disk full",)))
    assert len(told) == 2


def test_a_heartbeat_may_come_late_but_not_never() -> None:
    assert liveness.heartbeat_s(60) == 180
