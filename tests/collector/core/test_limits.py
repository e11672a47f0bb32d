"""Rate limits: what is counted, what is left, when it starts again."""

import time

import pytest

from collector.core.limits import Limiter, Windows, source


async def test_each_request_takes_one_from_the_window() -> None:
    limiter = Limiter()
    quotas = [await limiter.hit("key", "a", per_minute=3) for _ in range(4)]
    assert [(quota.remaining, quota.allowed) for quota in quotas] == [(2, True), (1, True), (0, True), (0, False)]
    assert {quota.limit for quota in quotas} == {3}


async def test_the_window_ends_within_a_minute_and_does_not_move() -> None:
    limiter = Limiter()
    began = time.time()
    first = await limiter.hit("key", "a", per_minute=1)
    second = await limiter.hit("key", "a", per_minute=1)
    assert began + 59 <= first.reset <= began + 62
    assert second.reset == first.reset
    assert 1 <= second.retry_after <= 60


async def test_keys_do_not_share_a_window() -> None:
    limiter = Limiter()
    assert (await limiter.hit("key", "a", per_minute=1)).allowed
    assert (await limiter.hit("key", "b", per_minute=1)).allowed
    assert (await limiter.hit("ip", "a", per_minute=1)).allowed


async def test_a_window_starts_again_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr("collector.core.limits.time.time", lambda: now[0])
    limiter = Limiter()
    await limiter.hit("a", per_minute=1)
    refused = await limiter.hit("a", per_minute=1)
    assert not refused.allowed
    now[0] += refused.retry_after
    assert (await limiter.hit("a", per_minute=1)).allowed


async def test_windows_that_are_over_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr("collector.core.limits.time.time", lambda: now[0])
    windows = Windows()
    for number in range(3_000):
        windows.take("ip", f"{number}")
    now[0] += 61
    for _ in range(3_000):
        windows.take("other")
    assert len(windows._windows) == 1


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),  # the same client through a dual-stack socket
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_clients_are_counted_by_what_they_own(host: str, bucket: str) -> None:
    assert source(host) == bucket
