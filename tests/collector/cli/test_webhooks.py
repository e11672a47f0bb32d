"""`webhook`, `channel` and `rule`, beside a collector that serves and without one; deliveries over kill -9."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app
from tests.collector.process import command, serving
from tests.collector.webhooks.receiving import Receiver, receiver


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *words, "--tenant", "acme"])


def ask(folder: Path, *words: str) -> Any:
    result = run(folder, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    CliRunner().invoke(app, ["--state-dir", str(tmp_path), "tenant", "add", "acme"])
    return tmp_path


def test_a_webhook_is_made_listed_changed_and_removed(acme: Path) -> None:
    made = ask(acme, "webhook", "add", "siem", "https://hooks.example.com/a", "--event", "alert.triggered")
    assert made["secret"].startswith("whsec_")
    [row] = ask(acme, "webhook", "list")
    assert (row["id"], row["name"], row["state"], row["events"]) == (made["id"], "siem", "enabled", ["alert.triggered"])
    assert made["secret"] not in json.dumps(row)
    changed = run(acme, "webhook", "change", "siem", "--url", "https://other.example.com/", "--event", "alert.resolved")
    assert "leads to https://other.example.com/, gets alert.resolved" in changed.stdout
    assert ask(acme, "webhook", "rotate", "siem")["secret"] != made["secret"]
    assert "is paused" in run(acme, "webhook", "pause", "siem").stdout
    assert "is enabled" in run(acme, "webhook", "resume", made["id"]).stdout
    assert "https://other.example.com/" in run(acme, "webhook", "list").stdout
    assert ask(acme, "webhook", "deliveries", "siem") == []
    assert "0 queued again" in run(acme, "webhook", "replay", "siem", "--dead").stdout
    assert "is removed" in run(acme, "webhook", "remove", "siem").stdout
    assert ask(acme, "webhook", "list") == []


def test_channels_and_rules(acme: Path) -> None:
    assert "dba@example.com" in run(acme, "channel", "add-email", "dbas", "DBA@example.com").stdout
    assert "tls://siem.example.com:6514" in run(acme, "channel", "add-syslog", "siem", "siem.example.com").stdout
    made = ask(
        acme, "rule", "add", "nights", "--channel", "dbas", "--tag", "prod", "--severity", "critical", "--timezone",
        "Europe/Madrid", "--hours", "18:00-08:00", "--weekdays", "1,2,3,4,5", "--quiet", "00:00-01:00", "--digest",
        "day@08:00", "--repeat-minutes", "60", "--escalate-minutes", "15", "--escalate-to", "siem",
    )[0]  # fmt: skip
    terms = made["terms"]
    assert terms["hours"] == {
        "start": "18:00", "end": "08:00", "timezone": "Europe/Madrid", "weekdays": [1, 2, 3, 4, 5],
    }  # fmt: skip
    assert (terms["repeat_s"], terms["escalate_after_s"]) == (3600, 900)
    listed = run(acme, "rule", "list").stdout
    assert "quiet 00:00-01:00 Europe/Madrid; digest each day; again every 60 min; escalates after 15 min" in listed
    refused = run(acme, "channel", "remove", "dbas")
    assert "is told by rule 'nights'" in str(refused.exception)
    assert "is disabled" in run(acme, "rule", "disable", "nights").stdout
    assert "is enabled" in run(acme, "rule", "enable", "nights").stdout
    assert "is removed" in run(acme, "rule", "remove", "nights").stdout
    assert "is removed" in run(acme, "channel", "remove", "dbas").stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("webhook", "add", "x", "http://example.com/"), "scheme 'http'"),
        (("webhook", "add", "x", "https://10.0.0.1/"), "address 10.0.0.1 is not allowed"),
        (("webhook", "add", "x", "https://example.com/", "--event", "all"), "events: 'all'"),
        (("webhook", "replay", "x"), "--dead"),
        (("channel", "add-syslog", "x", "siem.example.com", "--port", "22"), "port 22"),
        (("channel", "add-email", "x", "nobody"), "to: 'nobody'"),
        (("rule", "add", "x", "--channel", "y", "--hours", "8 to 9"), "hours: '8 to 9'"),
        (("rule", "add", "x", "--channel", "y", "--digest", "week"), "digest: 'week'"),
        (("rule", "add", "x", "--channel", "y", "--hours", "08:00-09:00", "--weekdays", "8"), "weekdays: '8'"),
    ],
)
def test_what_cannot_be_used_is_a_usage_error(acme: Path, words: tuple[str, ...], why: str) -> None:
    result = run(acme, *words)
    assert result.exit_code == 2
    assert why in " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())


def test_what_is_missing_is_refused(acme: Path) -> None:
    for words in (("webhook", "pause", "x"), ("rule", "remove", "x"), ("rule", "add", "x", "--channel", "y")):
        result = run(acme, *words)
        assert (result.exit_code, type(result.exception).__name__) == (1, "Refusal")


def allowing(there: Receiver) -> dict[str, str]:
    return {
        "FIELDPOST_DELIVERY_NETWORKS": '["127.0.0.0/8"]',
        "FIELDPOST_DELIVERY_PORTS": f"[{there.port}]",
        "FIELDPOST_DELIVERY_PLAIN_HTTP": "true",
    }


@pytest.mark.system
async def test_a_collector_that_serves_delivers_a_test_while_one_waits_for_it(tmp_path: Path) -> None:
    async with receiver() as there, serving(tmp_path / "state", **allowing(there)) as collector:
        await command(collector.state, "tenant", "add", "acme")
        code, out, _ = await command(
            collector.state, "webhook", "add", "siem", there.url, "--tenant", "acme", "--json", **allowing(there)
        )
        assert code == 0
        code, told, _ = await command(collector.state, "webhook", "test", "siem", "--tenant", "acme")
        assert (code, told.partition(" after")[0]) == (0, "204 ok")
        assert there.opened(json.loads(out)["secret"])[0]["event"] == "webhook.test"


@pytest.mark.system
async def test_what_kill_9_interrupts_is_delivered_by_the_next_start(tmp_path: Path) -> None:
    """The receiver had the first one, but its answer was never recorded: it comes again, with the same id, in order."""
    state = tmp_path / "state"
    async with receiver() as there:
        settings = allowing(there)
        await command(state, "tenant", "add", "acme")
        _, out, _ = await command(state, "webhook", "add", "siem", there.url, "--tenant", "acme", "--json", **settings)
        there.hangs = asyncio.Event()
        async with serving(state, **settings) as collector:
            await command(state, "webhook", "test", "siem", "--tenant", "acme")
            await _until(there, 1)
            await collector.kill()
        first = there.ids[0]
        there.hangs.set()
        there.hangs = None
        async with serving(state, **settings):
            await _until(there, 2)
        assert there.ids[1] == first
        assert len(there.opened(json.loads(out)["secret"])) == 2


async def _until(there: Receiver, count: int) -> None:
    while len(there.got) < count:  # noqa: ASYNC110 - the receiver has no event for it
        await asyncio.sleep(0.05)
