"""Syslog: one line per alert over UDP, TCP or TLS, to a checked address."""

import asyncio
import socket
import ssl
from pathlib import Path

import msgspec

from collector.delivery.resolving import CheckedResolver, NotAllowed
from collector.delivery.sending import CONNECT_SECONDS, Began, within
from collector.delivery.trust import trust
from collector.domain.notifications import cef
from collector.domain.webhooks.addresses import Reach, check_host, check_syslog_port
from collector.domain.webhooks.lanes import Lane, Message, Work
from collector.domain.webhooks.rules import Attempt


class SyslogSender:
    """A connection per line over TCP and TLS: alerts are few, and a kept one hides that the other end is gone."""

    def __init__(self, reach: Reach, *, resolver: CheckedResolver | None = None, ca_file: Path | None = None) -> None:
        self._reach = reach
        self._resolver = resolver or CheckedResolver(reach.networks)
        self._trust = trust(ca_file)
        self._host = socket.gethostname()

    async def send(self, lane: Lane, work: Work, message: Message) -> Attempt:
        del lane
        began = Began.now()
        line = cef.line(msgspec.json.decode(message.body), host=self._host, at=began.at)
        target = work.target
        try:
            host = check_host(target["host"], self._reach)
            port = check_syslog_port(target["port"], self._reach)
            await within(2 * CONNECT_SECONDS, self._write(host, port, target["transport"], line))
        except NotAllowed:
            return began.failed("host: its name leads to an address that is not allowed (delivery_networks)")
        except ssl.SSLError:  # before ValueError, which some of them are too
            return began.failed("TLS: the certificate is not valid for this name, or not trusted")
        except ValueError as refused:
            return began.failed(str(refused))
        except (OSError, TimeoutError) as error:
            return began.failed(f"the connection failed ({type(error).__name__})")
        return began.well()

    async def close(self) -> None:
        await self._resolver.close()

    async def _write(self, host: str, port: int, transport: str, line: str) -> None:
        address = await self._resolver.address(host, port)
        if transport == "udp":
            await _datagram(address, port, cef.datagram(line))
            return
        context, name = (self._trust, host) if transport == "tls" else (None, None)
        _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
        try:
            writer.write(cef.frame(line))
            await writer.drain()
        finally:
            writer.close()
            await writer.wait_closed()


async def _datagram(address: str, port: int, content: bytes) -> None:
    loop = asyncio.get_running_loop()
    channel, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(address, port))
    channel.sendto(content)
    channel.close()
