"""A sign of life is given only while everything goes on."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import liveness
from common.liveness import Late, Liveness


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_work_that_says_so_in_time_is_never_late() -> None:
    clock = Clock()
    alive = Liveness(clock)
    for _ in range(5):
        alive.beat("spool", within_s=30)
        clock.now += 29
        assert alive.late() == ()


def test_work_that_stops_is_named_with_how_late_it_is() -> None:
    clock = Clock()
    alive = Liveness(clock)
    alive.beat("spool", within_s=30)
    alive.beat("heartbeat", within_s=180)
    clock.now += 45
    assert alive.late() == (Late("spool", 15.0),)
    clock.now += 200
    assert [one.name for one in alive.late()] == ["heartbeat", "spool"]


def test_work_that_has_ended_is_not_waited_for() -> None:
    clock = Clock()
    alive = Liveness(clock)
    with alive.during("watch HR", within_s=60):
        clock.now += 61
        assert alive.late()
    assert alive.late() == ()
    with pytest.raises(RuntimeError), alive.during("watch HR", within_s=60):
        raise RuntimeError
    clock.now += 1000
    assert alive.late() == ()


@given(
    beats=st.lists(st.tuples(st.sampled_from("abc"), st.floats(1, 100), st.floats(0, 50)), max_size=12),
    later=st.floats(0, 200),
)
@settings(max_examples=80)
def test_only_the_last_word_of_each_counts(beats: list[tuple[str, float, float]], later: float) -> None:
    clock = Clock()
    alive = Liveness(clock)
    last: dict[str, float] = {}
    for name, within, passed in beats:
        alive.beat(name, within_s=within)
        last[name] = clock.now + within
        clock.now += passed
    clock.now += later
    assert {one.name for one in alive.late()} == {name for name, due in last.items() if due < clock.now}


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def heard(manager: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(manager.recv(200).decode())
        except BlockingIOError:
            return found


async def test_the_watchdog_is_fed_until_something_is_stuck_and_again_afterwards(manager: socket.socket) -> None:
    clock = Clock()
    alive = Liveness(clock)
    alive.beat("spool", within_s=30)
    task = asyncio.create_task(liveness.watch(alive, every_s=0.001))
    try:
        await asyncio.sleep(0.02)
        assert set(heard(manager)) == {"WATCHDOG=1"}
        clock.now += 31
        await asyncio.sleep(0.02)
        heard(manager)
        await asyncio.sleep(0.02)
        assert set(heard(manager)) == {"STATUS=no progress: spool"}
        alive.beat("spool", within_s=30)
        await asyncio.sleep(0.02)
        assert heard(manager)[-1] == "WATCHDOG=1"
    finally:
        task.cancel()


async def test_without_a_watchdog_nothing_is_sent(manager: socket.socket) -> None:
    task = asyncio.create_task(liveness.watch(Liveness(), every_s=None))
    await asyncio.sleep(0.01)
    assert not task.done()
    assert heard(manager) == []
    task.cancel()
