"""The service manager hears what is announced to it, and nothing is sent where there is none."""

import socket
from pathlib import Path

import pytest

from common import systemd


def test_a_state_arrives_at_the_socket_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        systemd.notify("READY=1")
        assert manager.recv(64) == b"READY=1"
        systemd.status("two\nlines")
        assert manager.recv(64) == b"STATUS=two lines"
        systemd.more_time_to_start(90)
        assert manager.recv(64) == b"EXTEND_TIMEOUT_USEC=90000000"


def test_without_a_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    systemd.notify("READY=1")
    assert systemd.watchdog_seconds() is None


def test_the_watchdog_is_fed_twice_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    assert systemd.watchdog_seconds() == 30
