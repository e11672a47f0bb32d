"""One line per event, and no secret in it."""

import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from common import logs, tokens


@pytest.fixture
def stream() -> io.StringIO:
    target = io.StringIO()
    logs.configure(form="json", stream=target)
    return target


def test_an_event_is_one_line_with_its_fields(stream: io.StringIO) -> None:
    logs.get("agent.test").info("visited", connection="PROD", error="first\nsecond")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    event = json.loads(lines[0])
    assert (event["event"], event["level"], event["logger"], event["connection"]) == (
        "visited",
        "info",
        "agent.test",
        "PROD",
    )


@pytest.mark.parametrize("key", ["password", "api_key", "Authorization", "client_secret", "refresh_token", "cookie"])
def test_fields_that_hold_secrets_are_hidden(stream: io.StringIO, key: str) -> None:
    logs.get("x").warning("event", **{key: "tiger"})
    assert "tiger" not in stream.getvalue()


@pytest.mark.parametrize("kind", tokens.KINDS)
def test_a_secret_inside_any_text_is_hidden(stream: io.StringIO, kind: tokens.Kind) -> None:
    secret = tokens.mint(kind)
    logs.get("x").error(f"refused {secret} today", detail=f"Bearer {secret}")
    assert secret not in stream.getvalue()


def test_a_password_in_a_url_is_hidden(stream: io.StringIO) -> None:
    logs.get("x").info("opening postgresql://me:tiger@db/fieldpost")
    assert "tiger" not in stream.getvalue()


def test_lines_of_other_libraries_come_out_alike(stream: io.StringIO) -> None:
    logging.getLogger("somebody.else").warning("hello %s", "there")
    assert json.loads(stream.getvalue())["event"] == "hello there"


def test_logfmt_keeps_an_event_on_one_line() -> None:
    target = io.StringIO()
    logs.configure(stream=target)
    logs.get("x").info("two\nlines", detail="a\nb")
    assert len(target.getvalue().splitlines()) == 1


FIELDS: dict[str, str | int | float] = {"path": "/a b", "status": 200, "ms": 1.5, "key": "-"}


def test_a_frequent_line_looks_as_any_other(stream: io.StringIO) -> None:
    logs.get("collector.edge").info("request", **FIELDS)
    logs.Lines("collector.edge", "request").write("info", FIELDS)
    usual, frequent = (json.loads(line) for line in stream.getvalue().splitlines())
    assert usual.pop("timestamp")[:16] <= frequent.pop("timestamp")[:16]
    assert usual == frequent


def test_a_frequent_line_in_logfmt_looks_as_any_other() -> None:
    target = io.StringIO()
    logs.configure(stream=target)
    logs.get("collector.edge").info("request", **FIELDS)
    logs.Lines("collector.edge", "request").write("info", FIELDS)
    usual, frequent = (line.partition(" ")[2] for line in target.getvalue().splitlines())
    assert usual == frequent == 'level=info logger=collector.edge event=request path="/a b" status=200 ms=1.5 key=-'


@pytest.mark.parametrize(
    "path", ["/a\nb", "/a\r\nlevel=error", "/\x1b[2J", '/"x"', "/a\\b", "/=", "/\u202e", "/\udc80", ""]
)
def test_a_frequent_line_stays_one_line_whatever_a_client_sends(path: str) -> None:
    target = io.StringIO()
    logs.configure(stream=target)
    logs.Lines("x", "request").write("info", {"path": path, "status": 200})
    (line,) = target.getvalue().splitlines()
    assert line.endswith(" status=200")
    assert line.isprintable()


def test_a_secret_in_a_frequent_line_is_hidden_and_a_quiet_level_writes_nothing(stream: io.StringIO) -> None:
    secret = tokens.mint(tokens.API_KEY)
    lines = logs.Lines("x", "request")
    lines.write("info", {"path": f"/api/v1/{secret}"})
    lines.write("debug", {"path": "/health"})
    assert secret not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """A stream that the journal is said to read."""
    with (tmp_path / "stderr").open("w+") as target:
        found = os.fstat(target.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        yield target
    logs.configure()


def lines_of(stream: TextIO) -> list[str]:
    stream.seek(0)
    return stream.read().splitlines()


def test_for_the_journal_lines_begin_with_their_severity_and_say_no_time(journal: TextIO) -> None:
    logs.configure(level="debug", stream=journal)
    log = logs.get("agent.journal")
    log.debug("one")
    log.info("two", connection="PROD")
    log.warning("three")
    log.error("four")
    logging.getLogger("somebody.else").critical("five")
    logs.Lines("collector.edge", "request").write("info", {"status": 200})
    assert lines_of(journal) == [
        "<7>level=debug logger=agent.journal event=one",
        "<6>level=info logger=agent.journal event=two connection=PROD",
        "<4>level=warning logger=agent.journal event=three",
        "<3>level=error logger=agent.journal event=four",
        "<2>level=critical logger=somebody.else event=five",
        "<6>level=info logger=collector.edge event=request status=200",
    ]


def test_a_traceback_is_one_line_of_the_journal(journal: TextIO) -> None:
    logs.configure(stream=journal)
    try:
        int("first\nsecond")
    except ValueError:
        logs.get("agent.journal").exception("crashed")
    (line,) = lines_of(journal)
    assert line.startswith("<3>level=error logger=agent.journal event=crashed exception=")


def test_json_for_the_journal_has_the_severity_before_it(journal: TextIO) -> None:
    logs.configure(form="json", stream=journal)
    logs.get("agent.journal").warning("full")
    (line,) = lines_of(journal)
    assert json.loads(line.removeprefix("<4>")) == {"event": "full", "level": "warning", "logger": "agent.journal"}


def test_a_stream_that_the_journal_does_not_read_keeps_its_times(journal: TextIO, tmp_path: Path) -> None:
    with (tmp_path / "other").open("w+") as other:
        logs.configure(stream=other)
        logs.get("agent.journal").info("here")
        (line,) = lines_of(other)
    assert line.startswith("timestamp=")
    assert not logs.read_by_journal(io.StringIO())
    assert logs.read_by_journal(journal)


def test_why_a_program_ends_is_an_error_of_the_journal(
    journal: TextIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.last_words("fieldpost-agent", "port: `x`")
    assert capsys.readouterr().err == "fieldpost-agent: port: `x`\n"
    monkeypatch.setattr("sys.stderr", journal)
    logs.last_words("fieldpost-agent", "port: `x`")
    assert lines_of(journal) == ["<3>fieldpost-agent: port: `x`"]
