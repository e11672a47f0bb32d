"""`fieldpost-agent doctor`: looks at everything this agent needs, and says what is wrong and what to do."""

import asyncio
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Annotated

import typer

from agent.config import load_connections
from agent.identity import KEY_FILE, load_enrolment
from agent.settings import Settings
from agent.spool import FILE_NAME
from agent.spool_file import SpoolFile
from common.clock import utc_now
from common.errors import ConfigurationError

_MAX_SKEW_S = 30.0

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Look at state folder, key, spool, connections and the way to the collector; exit code 1 when one is not well."""
    settings: Settings = context.obj
    looks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _state,
        _key,
        _spool,
        _connections,
        _local,
        _collector,
    )
    findings = [finding for look in looks for finding in _caught(look, settings)]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    for finding in [] if as_json else findings:
        typer.echo(f"{'ok' if finding.ok else 'WRONG':5}  {finding.what}: {finding.detail}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _caught(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    try:
        return list(look(settings))
    except ConfigurationError as error:
        return [Finding(look.__name__.removeprefix("_"), ok=False, detail=str(error))]


def _state(settings: Settings) -> Iterator[Finding]:
    folder = settings.state_dir
    if not folder.is_dir():
        yield Finding("state folder", ok=False, detail=f"{folder} is not there; `enroll` makes it")
        return
    open_to_others = stat.S_IMODE(folder.stat().st_mode) & 0o077
    writable = os.access(folder, os.W_OK)
    detail = f"{folder}" if writable else f"{folder} cannot be written by this user"
    if open_to_others:
        detail += "; others may enter it, expected mode 0700"
    yield Finding("state folder", ok=writable and not open_to_others, detail=detail)
    free = shutil.disk_usage(folder).free
    yield Finding(
        "disk",
        ok=free >= settings.spool_min_free_bytes,
        detail=f"{free / 2**30:.1f} GiB free, {settings.spool_min_free_bytes / 2**30:.1f} GiB are wanted",
    )


def _key(settings: Settings) -> Iterator[Finding]:
    path = settings.state_dir / KEY_FILE
    if not path.exists():
        yield Finding("key", ok=False, detail=f"{path} is not there; run `fieldpost-agent enroll`")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    yield Finding("key", ok=mode == 0o600, detail=f"{path}, mode {mode:04o}, expected 0600")  # noqa: PLR2004 - says so


def _spool(settings: Settings) -> Iterator[Finding]:
    path = settings.state_dir / FILE_NAME
    if not path.exists():
        yield Finding("spool", ok=True, detail="not made yet")
        return
    try:
        file = SpoolFile(path, read_only=True)
        try:
            file.check()
            counts = file.counts()
        finally:
            file.close()
    except sqlite3.Error as error:
        yield Finding("spool", ok=False, detail=f"{path}: {error}")
        return
    aside = len([file for file in path.parent.glob(f"{FILE_NAME}.corrupt-*") if not file.name.endswith(("wal", "shm"))])
    detail = f"sound, {counts['records']} records wait, {counts['dead']} dead letters, {aside} damaged files set aside"
    yield Finding("spool", ok=counts["dead"] == 0, detail=detail)


def _connections(settings: Settings) -> Iterator[Finding]:
    connections = load_connections(settings.connections_file)
    yield Finding("connections", ok=True, detail=f"{len(connections)} defined")
    for connection in connections:
        try:
            connection.read_password()
        except ConfigurationError as error:
            yield Finding(f"password of {connection.name}", ok=False, detail=str(error))


def _local(settings: Settings) -> Iterator[Finding]:
    from agent.cli.reference import described  # noqa: PLC0415 - the catalogue is loaded here alone
    from agent.local import own_checks  # noqa: PLC0415 - likewise
    from agent.reference_data import current  # noqa: PLC0415 - likewise

    checks, wrong = own_checks(settings.config_dir)
    yield Finding("own checks", ok=not wrong, detail="; ".join(wrong) or f"{len(checks)} in {settings.config_dir}")
    reference, bad = current(settings.state_dir, settings.config_dir)
    today = utc_now().date()
    detail = described(reference, today) + (f"; ignored: {bad}" if bad else "")
    yield Finding("reference data", ok=not bad and not reference.stale(today), detail=detail)


def _collector(settings: Settings) -> Iterator[Finding]:
    from agent.enrolment import state_at_collector  # noqa: PLC0415 - loads the HTTP client
    from agent.link import LinkDownError  # noqa: PLC0415 - likewise

    enrolment = load_enrolment(settings.state_dir)
    if enrolment is None:
        yield Finding("collector", ok=False, detail="not enrolled; run `fieldpost-agent enroll`")
        return
    try:
        reply, offset = asyncio.run(state_at_collector(settings.state_dir, enrolment, url=settings.collector_url))
    except LinkDownError as error:
        yield Finding("collector", ok=False, detail=f"{enrolment.url} cannot be reached: {error}")
        return
    known = reply.status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED)
    yield Finding("collector", ok=known, detail=f"{enrolment.url} knows {enrolment.agent}" if known else reply.why())
    if offset is not None:
        yield Finding("clock", ok=abs(offset) < _MAX_SKEW_S, detail=f"{offset:+.1f} s from the collector's")
