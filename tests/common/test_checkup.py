"""Looks end by themselves, and what they find is told so that a person can act on it."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from common import tokens
from common.checkup import Finding, Look, Report, as_json, as_text, examine, untold, unwell, well, within
from common.errors import ConfigurationError

TITLES = {"one": "first thing", "two": "second thing"}


def look(found: list[Finding], *, deadline_s: float = 5.0) -> Look[None]:
    return Look(TITLES, lambda _: iter(found), deadline_s=deadline_s)


def test_findings_get_the_title_of_their_id_and_of_what_they_are_about() -> None:
    report = examine([look([well("one", "fine"), unwell("two", "bad", "mend it", of="Sales")])], None)
    assert [finding.what for finding in report.findings] == ["first thing", "second thing of Sales"]
    assert not report.well
    assert examine([look([well("one", "fine"), untold("two", "?")])], None).well


def test_an_id_that_a_look_does_not_have_is_a_fault_of_ours() -> None:
    with pytest.raises(KeyError, match="three"):
        examine([look([well("three", "")])], None)


def test_configuration_that_cannot_be_used_is_a_finding_and_not_an_end() -> None:
    def broken(_: None) -> Iterator[Finding]:
        yield well("one", "fine")
        raise ConfigurationError("key: `x`; expected y")

    report = examine([Look(TITLES, broken), look([well("two", "fine")])], None)
    assert [finding.state for finding in report.findings] == ["well", "unwell", "well"]
    assert report.findings[1].detail == "key: `x`; expected y"


def test_looks_go_side_by_side_and_one_that_hangs_is_given_up() -> None:
    ended = threading.Event()

    def hang(_: None) -> Iterator[Finding]:
        yield well("one", "before")
        ended.wait()

    began = time.monotonic()
    report = examine([Look(TITLES, hang, deadline_s=0.2), Look(TITLES, hang, deadline_s=0.2)], None)
    ended.set()
    assert report.hung
    assert [finding.state for finding in report.findings] == ["well", "unknown"] * 2
    assert time.monotonic() - began < 60


def test_a_process_with_a_look_that_hangs_ends_all_the_same() -> None:
    script = (
        "import threading, common.checkup as c\n"
        "def hang(_):\n    yield c.well('one', 'told'); threading.Event().wait()\n"
        "report = c.examine([c.Look({'one': 'thing'}, hang, deadline_s=0.1)], None)\n"
        "print(c.as_text(report)); c.end(report)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no answer within 0.1 s" in done.stdout


def test_blocking_work_is_waited_for_so_long_and_not_longer() -> None:
    ended = threading.Event()
    assert within(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
    with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
        within(0.05, ended.wait)
    ended.set()


def test_what_is_told_names_id_and_mend_and_no_secret() -> None:
    token = tokens.mint(tokens.ENROLMENT_TOKEN)
    findings = (well("one", "fine"), unwell("two", f"bad {token}", f"first\nsecond {token}"))
    told = as_text(Report(tuple(findings)))
    assert told.splitlines()[1:4] == [
        "NOT WELL  : bad [hidden]",
        "          [two] mend it by:",
        "            first",
    ]
    assert told.endswith("2 looked at, 1 not well")
    (_, second) = json.loads(as_json(Report(findings)))
    assert second == {
        "id": "two",
        "what": "",
        "state": "unwell",
        "detail": "bad [hidden]",
        "mend": "first\nsecond [hidden]",
    }
