"""Prometheus Alertmanager 0.25: webhooks of many alerts to a receiver that answers at once, and a list of 500 alerts.

It keeps alerts in memory and writes a snapshot now and then: what it was about to send is lost when it is killed.
"""

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import loads, packaged
from tests.bench.receiver import Receiver, receiving
from tests.bench.table import Row
from tests.standins.processes import free_port, start

ALERTS, LISTED = 4000, 500
CLIENTS, SECONDS = 2, 4.0
_PACKAGE = "prometheus-alertmanager"
_WITHIN_S = 60
_CONFIG = """
route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 5m, repeat_interval: 4h}}
receivers: [{{name: hook, webhook_configs: [{{url: 'http://127.0.0.1:{port}/hook', send_resolved: false}}]}}]
"""
_TEXT = "ALTER DATABASE ADD LOGFILE " * 20


def rows(folder: Path, ours: dict[str, float], listed: float) -> list[Row]:
    """`ours`: figures of the same run; `listed`: how often a second we answer with 500 entries."""
    name = f"Alertmanager {packaged.version(_PACKAGE)}, Go"
    with receiving() as receiver:
        with _running(folder / "many", receiver.port) as port:
            sent = _sent(port, receiver)
        with _running(folder / "few", receiver.port) as port:
            _post(port, LISTED)
            url = f"http://127.0.0.1:{port}/api/v2/alerts"
            lists, length = asyncio.run(loads.gets(url, {}, clients=CLIENTS, seconds=SECONDS))
    beside = f"{name}, nothing durable"
    return [
        Row(name="webhooks delivered", value=ours["webhooks_s"], unit="/s", beside=beside, other=sent)
        if "webhooks_s" in ours
        else Row(name=f"webhooks delivered: {beside}", value=sent, unit="/s"),
        Row(
            name=f"all {LISTED} entries in one answer, {CLIENTS} clients",
            value=listed,
            unit="/s",
            beside=f"{name}, {length / 1000:.0f} kB",
            other=lists,
        ),
    ]


def _sent(port: int, receiver: Receiver) -> float:
    before, began = receiver.count, time.monotonic()
    _post(port, ALERTS)
    while receiver.count - before < ALERTS:
        if time.monotonic() - began > _WITHIN_S:
            raise TimeoutError(f"{receiver.count - before} of {ALERTS} came within {_WITHIN_S} s")
        time.sleep(0.005)
    return ALERTS / (time.monotonic() - began)


def _post(port: int, count: int) -> None:
    alerts = [
        {
            "labels": {"alertname": f"REDOLOG_SIZE_{n}", "connection": f"PROD-DB{n:05}", "severity": "warning"},
            "annotations": {"summary": "Redo log size too small", "remediation": _TEXT},
        }
        for n in range(count)
    ]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


@contextmanager
def _running(folder: Path, receiver: int) -> Iterator[int]:
    """It looks for its templates in /usr/share: a namespace of its own shows it those of the package there."""
    program, port = packaged.debian(_PACKAGE, "usr/bin/prometheus-alertmanager"), free_port()
    folder.mkdir(parents=True)
    (folder / "config.yml").write_text(_CONFIG.format(port=receiver))
    shared = program.parents[1] / "share"
    listen = f"--web.listen-address=127.0.0.1:{port}"
    command = f'exec "{program}" --config.file=config.yml --storage.path=data {listen} --cluster.listen-address='
    mount = f'mount -t overlay overlay -o "lowerdir={shared}:/usr/share" /usr/share'
    inner = f'{mount} && cd "{folder}" && {command}'
    process = start("alertmanager", ["unshare", "-rm", "sh", "-c", inner], log=folder / "log")
    try:
        process.wait_until(lambda: _ready(port), timeout_s=30)
        yield port
    finally:
        process.stop()


def _ready(port: int) -> bool | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5) as answer:
            return bool(answer.status)
    except OSError:
        return None
