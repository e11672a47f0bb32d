"""A request may be cut anywhere: a proxy between driver and stand-in cuts every request into crumbs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import oracledb
import pytest

from tests.oracle_standin.canned import PASSWORD
from tests.oracle_standin.canned_answers import INSERT_RETURNING, LONG_TEXT
from tests.standins.oracle.packets import PacketType, frame
from tests.standins.oracle.server import HOST, RunningStandin


async def _shred(source: asyncio.StreamReader, sink: asyncio.StreamWriter, crumb: int) -> None:
    """Pass packets on, DATA packets as many small ones; the handshake stays as it is."""
    connect = await source.readexactly(2)
    sink.write(connect + await source.readexactly(int.from_bytes(connect) - 2))
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            header = await source.readexactly(8)
            body = await source.readexactly(int.from_bytes(header[:4]) - 8)
            for packet in _crumbs(header, body, crumb):
                sink.write(packet)
            await sink.drain()
    sink.close()


def _crumbs(header: bytes, body: bytes, crumb: int) -> list[bytes]:
    if header[4] != PacketType.DATA or len(body) == 2:
        return [header + body]
    pieces = [body[at : at + crumb] for at in range(2, len(body), crumb)]
    return [frame(PacketType.DATA, body[:2] + piece, large=True) for piece in pieces]


async def _hide_fast_login(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass answers on, but take the offer of a fast login out of the ACCEPT packet."""
    accept = bytearray(await source.readexactly(45))
    accept[41] &= 0xEF
    sink.write(accept)
    await _copy(source, sink)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def _proxy(port: int, crumb: int, *, fast_login: bool = True) -> AsyncIterator[int]:
    give_back = _copy if fast_login else _hide_fast_login
    tasks: set[asyncio.Task[None]] = set()

    async def receive(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, forth = await asyncio.open_connection(HOST, port)
        tasks.add(asyncio.create_task(_shred(client, forth, crumb)))
        tasks.add(asyncio.create_task(give_back(server, back)))

    listener = await asyncio.start_server(receive, HOST, 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("crumb", [1, 7, 100])
async def test_requests_in_crumbs_are_understood(server: RunningStandin, persona: str, crumb: int) -> None:
    async with _proxy(server.ports[persona], crumb) as port:
        dsn = f"{HOST}:{port}/canned"
        async with oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn) as connection:
            connection.module = "fieldpost"
            assert len(await connection.fetchall("select n from hundred")) == 100
            assert await connection.fetchone("select :1 from dual", ["größer"]) == ("größer",)
            row = await connection.fetchone("select * from typed")
            assert await row[-2].read() == LONG_TEXT
            with connection.cursor() as cursor:
                twice, upper = cursor.var(int), cursor.var(str)
                await cursor.execute(INSERT_RETURNING, n=1, name="a", t=twice, u=upper)
                assert upper.getvalue() == ["A"]
            with pytest.raises(oracledb.DatabaseError, match="ORA-00942"):
                await connection.fetchall("select * from nope")
            await connection.commit()


async def test_a_client_without_fast_login_takes_the_long_way_into_23ai(server: RunningStandin) -> None:
    async with _proxy(server.ports["23ai"], 100, fast_login=False) as port:
        dsn = f"{HOST}:{port}/canned"
        async with oracledb.connect_async(user="scott", password=PASSWORD, dsn=dsn) as connection:
            assert len(await connection.fetchall("select n from hundred")) == 100
        with pytest.raises(oracledb.DatabaseError, match="ORA-01017"):
            await oracledb.connect_async(user="scott", password="wrong", dsn=dsn)
