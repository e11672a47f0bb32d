"""One line per event, and no secret in it."""

import io
import json
import logging

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
