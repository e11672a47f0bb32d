"""What goes wrong with TLS on the way to the collector, as the agent says it: against real servers and real bytes."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from agent.link import LinkDownError, fetch, new_session
from agent.proxy import Proxy
from agent.route import Route, tls_context
from collector.core import certificates
from collector.core.certificates import Files
from collector.core.tls import ServerTls, Sources
from common.clock import utc_now
from tests import client_certificates

HERE = ("127.0.0.1",)
NOW = utc_now()  # OpenSSL verifies by the host's own clock


async def shut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def listening(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object] = shut, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)  # type: ignore[arg-type]
    async with server:
        yield server.sockets[0].getsockname()[1]


def trusting(ca: Path) -> ssl.SSLContext:
    return tls_context(ca.read_text())


async def why(url: str, ca: Path, *, proxy: str = "", oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> str:
    context = trusting(ca)
    context.minimum_version = oldest
    route = Route(context, Proxy(proxy) if proxy else None)
    async with new_session() as session:
        with pytest.raises(LinkDownError) as raised:
            await fetch(session, route, "GET", url, deadline_s=20)
    return str(raised.value)


@pytest.fixture
def good(tmp_path: Path) -> Files:
    return certificates.ensure(tmp_path / "good", HERE, NOW)


def context_of(files: Files) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


@pytest.mark.parametrize(
    ("names", "made", "sentence"),
    [
        (("collector.example",), NOW, "its certificate has other names (IP address mismatch"),
        (HERE, NOW - timedelta(days=400), "its certificate has expired; renew it (`fieldpost-collector tls show`"),
        (HERE, NOW + timedelta(days=40), "its certificate is not valid yet; set the clock of this host"),
    ],
)
async def test_a_certificate_that_does_not_fit_is_explained(
    tmp_path: Path, names: tuple[str, ...], made: object, sentence: str
) -> None:
    files = certificates.ensure(tmp_path, names, made)  # type: ignore[arg-type]
    async with listening(context=context_of(files)) as port:
        said = await why(f"https://127.0.0.1:{port}", files.ca)
    assert said.startswith(sentence)
    assert ("this host's clock says" in said) == (made != NOW)


async def test_an_unknown_authority_is_explained(tmp_path: Path, good: Files) -> None:
    other = certificates.ensure(tmp_path / "other", HERE, NOW)
    async with listening(context=context_of(other)) as port:
        said = await why(f"https://127.0.0.1:{port}", good.ca)
    assert "of an authority that this agent does not trust" in said
    assert "--ca-pin" in said


async def test_a_client_certificate_that_is_wanted_is_named(tmp_path: Path, good: Files) -> None:
    context = context_of(good)
    context.verify_mode = ssl.CERT_REQUIRED
    context.sslobject_class = ServerTls(Sources(good.certificate, good.key)).context.sslobject_class
    context.load_verify_locations(client_certificates.made(tmp_path / "clients").ca)

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with listening(wait, context) as port:
        assert "it wants a client certificate; set client_certificate_file" in await why(
            f"https://127.0.0.1:{port}", good.ca
        )


async def test_no_version_in_common_is_explained(good: Files) -> None:
    context = ServerTls(Sources(good.certificate, good.key)).context
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with listening(context=context) as port:
        said = await why(f"https://127.0.0.1:{port}", good.ca, oldest=ssl.TLSVersion.TLSv1_3)
    assert said.startswith("no version of TLS in common; at least TLS 1.2")


async def test_what_does_not_speak_tls_is_explained(good: Files) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.close()

    async with listening(plain) as port:
        assert "does not speak TLS; check host and port" in await why(f"https://127.0.0.1:{port}", good.ca)
    async with listening(cut) as port:
        assert "was cut" in await why(f"https://127.0.0.1:{port}", good.ca)


async def test_nobody_there_and_no_such_name_are_explained(good: Files) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        assert (await why(f"https://127.0.0.1:{port}", good.ca)).startswith("nothing listens there; check whether")
        said = await why("https://collector.example", good.ca, proxy=f"http://127.0.0.1:{port}")
        assert said.startswith(f"the proxy 127.0.0.1:{port} cannot be reached: nothing listens there")
    assert "does not resolve" in await why("https://nobody.invalid", good.ca)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("407 Proxy Authentication Required", "the proxy wants a login, or refuses the one it got (HTTP 407)"),
        ("401 Unauthorized", "the proxy wants a login, or refuses the one it got (HTTP 401)"),
        ("403 Filtered", "the proxy does not allow the way to the collector (HTTP 403)"),
        ("502 Bad Gateway", "the proxy cannot reach the collector (HTTP 502)"),
    ],
)
async def test_what_a_proxy_answers_is_explained(good: Files, status: str, sentence: str) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    async with listening(refuse) as port:
        said = await why("https://collector.example:8443", good.ca, proxy=f"http://127.0.0.1:{port}")
    assert said.startswith(sentence)
    assert asked[0].startswith(b"CONNECT collector.example:8443 HTTP/1.1\r\n")
    assert b"Bearer" not in asked[0]
