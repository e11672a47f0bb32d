"""Lines reach a real receiver over each transport, and say the same whatever is in them."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from collector.core import certificates
from collector.delivery.resolving import CheckedResolver
from collector.delivery.syslog import SyslogSender
from collector.domain.notifications import cef
from collector.domain.webhooks.addresses import Reach
from collector.domain.webhooks.lanes import Lane
from collector.domain.webhooks.rules import Attempt
from common.clock import utc_now
from tests.collector.delivery.messages import AT, alert, message, work
from tests.collector.webhooks.receiving import reach_of

LANE = Lane(1, "chn_1")
LINE = re.compile(rb"<(\d+)>1 (\S+Z) (\S+) fieldpost - (\S+) - (CEF:0\|.*)", re.DOTALL)


def body(kind: str = "alert.triggered", **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(message(kind, alert(**changes)).body)
    return found


@asynccontextmanager
async def stream(context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, "asyncio.Queue[bytes]"]]:
    lines: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.put_nowait(await reader.read())
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1], lines
    server.close()
    await server.wait_closed()


async def send(reach: Reach, port: int, transport: str, *, host: str = "127.0.0.1", ca: Path | None = None) -> Attempt:
    resolver = CheckedResolver(reach.networks, look_up=lambda *_: [(2, "127.0.0.1")])
    sender = SyslogSender(reach, ca_file=ca, resolver=resolver)
    there = work("syslog", host=host, port=port, transport=transport)
    try:
        return await sender.send(LANE, there, message("alert.triggered", alert()))
    finally:
        await sender.close()


async def test_over_tcp_a_line_comes_with_its_length() -> None:
    async with stream() as (port, lines):
        assert (await send(reach_of(port), port, "tcp")).error == ""
        content = await lines.get()
    length, _, line = content.partition(b" ")
    assert int(length) == len(line)
    found = LINE.fullmatch(line)
    assert found is not None
    assert found[1] == b"130"  # local0, critical
    assert found[4] == b"alert.triggered"


async def test_over_tls_the_certificate_has_to_be_that_of_the_name(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path / "tls", ("siem.example",), utc_now())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    async with stream(context) as (port, lines):
        assert (await send(reach_of(port), port, "tls", host="siem.example", ca=files.ca)).error == ""
        assert LINE.search(await lines.get())
        other = await send(reach_of(port), port, "tls", host="other.example", ca=files.ca)
        assert other.error.startswith("TLS: the certificate")


async def test_over_udp_it_is_one_datagram() -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()

    class Takes(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
            del addr
            got.put_nowait(data)

    channel, _ = await asyncio.get_running_loop().create_datagram_endpoint(Takes, local_addr=("127.0.0.1", 0))
    port = channel.get_extra_info("sockname")[1]
    assert (await send(reach_of(port), port, "udp")).error == ""
    assert LINE.fullmatch(await got.get())
    channel.close()


async def test_the_address_rule_holds_for_syslog_too() -> None:
    async with stream() as (port, lines):
        named = await send(Reach(ports=frozenset({port})), port, "tcp", host="siem.example")
        literal = await send(Reach(ports=frozenset({port})), port, "tcp")
        closed = await send(Reach(), port, "tcp")
        assert "leads to an address that is not allowed" in named.error
        assert "127.0.0.1 is not allowed" in literal.error
        assert closed.error.startswith("host: address") or closed.error.startswith("port:")
        assert lines.empty()
    gone = await send(reach_of(port), port, "tcp")
    assert gone.error == "the connection failed (ConnectionRefusedError)"


def test_a_cef_line_has_the_fields_that_a_siem_looks_for() -> None:
    assert cef.cef(body()) == (
        "CEF:0|Fieldpost|Fieldpost|1|TABLESPACE_USED_PCT|Tablespace nearly full|9|act=triggered externalId=1"
        " dhost=db1.example cs1Label=connection cs1=PROD cs2Label=value cs2=97.0 cs3Label=threshold cs3=95.0"
        " cs4Label=unit cs4=% start=1778727600000 msg=USERS 97% (threshold 95%)"
    )
    over = cef.cef(body("alert.resolved", resolved_at="2026-05-14T03:01:00Z"))
    assert "|3|act=resolved" in over
    assert "end=1778727660000" in over


def unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), text)


def split(line: str) -> list[str]:
    return [field.replace("\\|", "|").replace("\\\\", "\\") for field in re.split(r"(?<!\\)(?:\\\\)*\|", line)]


@given(title=st.text(alphabet="ab|\\= \n\r\tä", max_size=30), text=st.text(alphabet="ab|\\= \n\r\tä", max_size=30))
def test_whatever_is_in_a_field_stays_in_it(title: str, text: str) -> None:
    line = cef.line(body(title=title, metric_line=text), host="db 1", at=AT)
    assert "\n" not in line
    assert "\r" not in line
    bars = re.findall(r"\\.|\|", line)
    assert bars[: len(bars)].count("|") >= 7
    extension = line[line.index("act=triggered") :]
    values = re.split(r"(?<!\\) ?(\w+)=", re.sub(r"\\=", "\0", extension))
    if text:
        last = values[-1].replace("\0", "\\=")
        assert unescape(last) == text.replace("\t", " ")


@given(name=st.text(max_size=60))
def test_a_header_is_one_word_per_field(name: str) -> None:
    line = cef.line(body(), host=name, at=AT)
    assert LINE.fullmatch(line.encode())


@given(text=st.text(min_size=1500, max_size=3000))
def test_a_datagram_is_short_and_whole(text: str) -> None:
    content = cef.datagram(text.encode(errors="ignore").decode())
    assert len(content) <= cef.MAX_UDP
    content.decode()
