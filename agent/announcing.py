"""What an agent says once, and again when it changes: its connections and its checks."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from agent.config import Connection
from agent.disk import DiskThread
from agent.problems import Problems
from agent.sink import Sink, catalogue_digest
from agent.spool import Spool
from common.wire import CatalogueEntry, WireError

CATALOGUE_FILE = "catalogue.digest"


def say_inventory(sink: Sink, connections: Iterable[Connection], problems: Problems) -> None:
    try:
        sink.inventory(connection.info() for connection in connections)
    except WireError as error:
        problems.report("inventory", f"too many connections for one agent: {error.detail}")
    else:
        problems.over("inventory")


async def say_catalogue(
    sink: Sink, entries: list[CatalogueEntry], *, agent: str, folder: Path, spool: Spool, disk: DiskThread
) -> None:
    """Upload the checks when they differ from what this agent uploaded last."""
    path = folder / CATALOGUE_FILE
    said = f"{agent} {catalogue_digest(entries)}\n"
    if path.exists() and path.read_text() == said:
        return
    sink.catalogue(entries)
    if await disk(spool.flush):
        with suppress(OSError):  # it is uploaded once more then
            path.write_text(said)
