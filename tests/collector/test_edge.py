"""The edge: what every answer carries, whatever happens behind it."""

import io
import json
import re

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from collector import edge
from collector.core.families import Family
from collector.core.metrics import Metrics
from collector.core.problems import Problem
from collector.edge import Edge, switchboard
from common import logs

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}


def render(problem: Problem, request_id: str) -> Response:
    return PlainTextResponse(f"{problem.code} {request_id}", problem.status)


def family(name: str, app: ASGIApp | None = None) -> Family:
    return Family(name, app or PlainTextResponse(name), render)


async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise RuntimeError("a bug")


async def broken_in_the_middle(scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError(f"a bug in {scope['path']}")


def client(app: ASGIApp | None = None, metrics: Metrics | None = None) -> httpx.AsyncClient:
    one = family("one", app)
    outer = Edge(switchboard({}, {}, otherwise=one), metrics=metrics or Metrics())
    return httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://edge.test")


@pytest.fixture
def lines() -> io.StringIO:
    target = io.StringIO()
    logs.configure(level="debug", form="json", stream=target)
    return target


def requests_in(lines: io.StringIO) -> list[dict[str, object]]:
    return [line for line in map(json.loads, lines.getvalue().splitlines()) if line["logger"] == "collector.edge"]


async def test_every_answer_carries_the_security_headers() -> None:
    async with client() as http:
        answer = await http.get("/anything")
    assert {name: answer.headers[name] for name in SECURITY} == SECURITY


async def test_a_family_may_word_a_security_header_itself() -> None:
    async with client(PlainTextResponse("", headers={"Cache-Control": "private, no-cache"})) as http:
        answer = await http.get("/")
    assert answer.headers.get_list("cache-control") == ["private, no-cache"]


async def test_every_answer_has_a_request_id_of_its_own() -> None:
    async with client() as http:
        ids = {(await http.get("/")).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"req_[0-9a-z]{22}", each) for each in ids)


async def test_a_sane_request_id_of_the_client_is_kept() -> None:
    async with client() as http:
        answer = await http.get("/", headers={"X-Request-Id": "4bf92f35-77b3.A_1"})
    assert answer.headers.get_list("x-request-id") == ["4bf92f35-77b3.A_1"]


@pytest.mark.parametrize("given", ["", "short", "a b c d e f g h", "x" * 65, 'a"b"c"d"e', "newline%0d%0a"])
async def test_any_other_request_id_is_replaced(given: str) -> None:
    async with client() as http:
        answer = await http.get("/", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"].startswith("req_")


async def test_what_escapes_a_family_is_a_500_in_its_own_words() -> None:
    async with client(broken) as http:
        answer = await http.get("/")
    assert answer.status_code == 500
    assert answer.text == f"internal_error {answer.headers['x-request-id']}"


async def test_half_an_answer_is_not_completed_with_another_one() -> None:
    async with client(broken_in_the_middle) as http:
        with pytest.raises(RuntimeError, match="a bug in /"):
            await http.get("/")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/?" + "x" * edge.MAX_TARGET, {}, 414),
        ("/" + "x" * edge.MAX_TARGET, {}, 414),
        ("/", {"X-Long": "x" * edge.MAX_HEADERS}, 431),
        ("/", {"X-Long": "x" * 8_000}, 200),
    ],
)
async def test_what_is_too_long_is_refused_before_it_reaches_a_family(
    path: str, headers: dict[str, str], status: int
) -> None:
    async with client() as http:
        answer = await http.get(path, headers=headers)
    assert answer.status_code == status


async def test_one_line_says_what_was_answered_and_nothing_of_the_query(lines: io.StringIO) -> None:
    async with client() as http:
        answer = await http.get("/some/path?password=hunter2", headers={"Authorization": "Bearer tv_api_x"})
    (line,) = requests_in(lines)
    assert isinstance(line.pop("ms"), float)
    assert line.pop("timestamp")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "collector.edge",
        "method": "GET",
        "path": "/some/path",
        "status": 200,
        "client": "127.0.0.1",
        "request_id": answer.headers["x-request-id"],
        "key": "-",
    }


async def test_probes_are_logged_for_debugging_only(lines: io.StringIO) -> None:
    async with client() as http:
        await http.get("/health/live")
    assert [line["level"] for line in requests_in(lines)] == ["debug"]


async def test_figures_count_answers_by_family_and_status() -> None:
    metrics = Metrics()
    async with client(metrics=metrics) as http:
        await http.get("/")
        await http.get("/")
        await http.request("BREW", "/")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for figure in text_string_to_metric_families(metrics.render().decode())
        for sample in figure.samples
    }
    assert samples["fieldpost_http_requests_total", "200", "GET", "one"] == 2
    assert samples["fieldpost_http_requests_total", "200", "OTHER", "one"] == 1
    assert samples["fieldpost_http_request_seconds_count", "one"] == 3
    assert samples["fieldpost_http_requests_in_flight",] == 0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/health", "exact"),
        ("/api/v1/health/", "health"),
        ("/api/v1/health/fleet", "health"),
        ("/api/v1/health/connections/42/checks/latest", "health"),
        ("/api/v1/healthy", "otherwise"),
        ("/api/v1/tuneops", "tuneops"),
        ("/health", "probes"),
        ("/health/ready", "probes"),
        ("/healthz", "otherwise"),
        ("/", "otherwise"),
        ("", "otherwise"),
        ("//api/v1/health/fleet", "otherwise"),
        ("/API/V1/HEALTH/fleet", "otherwise"),
    ],
)
def test_the_switchboard_goes_by_whole_segments(path: str, expected: str) -> None:
    choose = switchboard(
        {"/api/v1/health": family("exact")},
        {"/api/v1/health": family("health"), "/api/v1/tuneops": family("tuneops"), "/health": family("probes")},
        otherwise=family("otherwise"),
    )
    assert choose(path).name == expected


async def test_shutting_down_finishes_what_requests_left_to_do() -> None:
    done: list[str] = []

    async def hook() -> None:
        done.append("settled")

    outer = Edge(lambda _path: family("one"), metrics=Metrics(), on_shutdown=(hook,))
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return messages.pop(0)

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message["type"])

    await outer({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert done == ["settled"]
