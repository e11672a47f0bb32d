"""What only a real server shows: raw bytes, keep-alive, HEAD, broken requests."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
import pytest_asyncio

from collector.edge import Edge
from tests.collector.accounts import Account
from tests.collector.server import listening

FLEET = "/api/v1/health/fleet"


@pytest.fixture(params=["sqlite"])
def store_name(request: pytest.FixtureRequest) -> str:
    """Nothing here depends on the store."""
    return str(request.param)


@pytest_asyncio.fixture
async def port(app: Edge) -> AsyncIterator[int]:
    async with listening(app) as number:
        yield number


async def exchange(port: int, request: bytes) -> bytes:
    """Send these bytes and read until the server closes or falls silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    received = b""
    try:
        while chunk := await asyncio.wait_for(reader.read(65_536), 0.5):
            received += chunk
    except TimeoutError:
        pass
    writer.close()
    await writer.wait_closed()
    return received


def get(target: bytes, *headers: bytes, method: bytes = b"GET") -> bytes:
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: collector.test", *headers, b"Connection: close"]
    return b"\r\n".join([*lines, b"", b""])


async def test_a_client_with_a_key_reads_the_fleet(port: int, owner: Account) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=owner.headers) as http:
        answers = [await http.get(FLEET) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json()["summary"]["total"] == 0


async def test_head_sends_no_body_and_the_connection_stays_usable(port: int, owner: Account) -> None:
    bearer = b"Authorization: Bearer " + owner.key.encode()
    keep = b"HEAD /api/v1/health/fleet HTTP/1.1\r\nHost: x\r\n" + bearer + b"\r\n\r\n"
    received = await exchange(port, keep + get(b"/health"))
    first, _, rest = received.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200")
    assert b"content-length: 84" in first
    assert rest.startswith(b"HTTP/1.1 200")
    assert rest.endswith(b"\r\n\r\nOK")


async def test_odd_targets_are_answered_and_never_break_the_server(port: int, owner: Account) -> None:
    bearer = b"Authorization: Bearer " + owner.key.encode()
    for target, status in (
        (b"/api/v1/health/connections/%00/checks/latest", 404),
        (b"/api/v1/health/connections/%ff%fe/checks/latest", 404),
        (b"/api/v1/health/connections/%zz/checks/latest", 404),
        (b"/api/v1/health/../health/fleet", 404),
        (b"/api/v1/health/connections?page=%00", 400),
        (b"/api/v1/health/connections?page=%", 400),
        (b"/api/v1/health/connections?page=\xd9\xa3", 400),
        (b"/api/v1/health/connections?" + b"x" * 9_000, 414),
        (b"http://elsewhere.test/api/v1/health/fleet", 200),
    ):
        received = await exchange(port, get(target, bearer))
        assert (target, received.partition(b"\r\n")[0].split(b" ")[1]) == (target, str(status).encode())
    assert (await exchange(port, get(b"/health"))).endswith(b"OK")


async def test_what_is_no_http_gets_400_and_the_server_goes_on(port: int) -> None:
    for request in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nA b: c\r\n\r\n"):
        received = await exchange(port, request + b"\r\n\r\n")
        assert received.startswith(b"HTTP/1.1 400") or received == b""
    assert (await exchange(port, get(b"/health"))).endswith(b"OK")


async def test_headers_without_end_are_refused(port: int) -> None:
    received = await exchange(port, get(FLEET.encode(), b"X-Long: " + b"x" * 40_000))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431")
    assert orjson.loads(body)["error"]["code"] == "invalid_request"


async def test_header_bytes_that_are_no_text_are_no_key(port: int) -> None:
    received = await exchange(port, get(FLEET.encode(), b"Authorization: Bearer tv_api_\xff\xfe"))
    assert received.startswith(b"HTTP/1.1 401")
