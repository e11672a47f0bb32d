"""`doctor`."""

import shutil
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import typer
from sqlalchemy import Connection

from collector import migrations
from collector.cli import control
from collector.cli.context import Json, settings_of, show, table
from collector.core import certificates
from collector.core.problems import StoreUnavailable
from collector.core.settings import Settings
from common.clock import utc_now

_ENOUGH_BYTES = 1 << 30


class Finding(NamedTuple):
    """One thing that `doctor` looked at."""

    what: str
    well: bool
    detail: str


class Revision(msgspec.Struct):
    revision: str


class Nothing(msgspec.Struct):
    pass


def _revision(conn: Connection, _request: Nothing) -> Revision:
    return Revision(migrations.current(conn))


REVISION = control.command("revision", Nothing, Revision, _revision)


def doctor(context: typer.Context, *, as_json: Json = False) -> None:
    """Look at what the collector needs; exit code 1 when something is not well."""
    findings = list(_findings(settings_of(context)))
    if as_json:
        show([finding._asdict() for finding in findings])
    else:
        table([(f.what, "well" if f.well else "NOT WELL", f.detail) for f in findings], ("what", "state", "detail"))
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding("settings", True, f"state in {settings.state_dir}")
    yield _database(settings)
    yield Finding("sqlite", True, sqlite3.sqlite_version)
    if settings.state_dir.exists():
        free = shutil.disk_usage(settings.state_dir).free
        yield Finding("disk", free >= _ENOUGH_BYTES, f"{free // (1 << 20)} MiB free")
    yield _certificate(settings)


def _database(settings: Settings) -> Finding:
    try:
        found = control.call(settings, REVISION, Nothing())
    except StoreUnavailable as error:
        return Finding("database", False, error.detail)
    newest = migrations.newest()
    return Finding("database", found.revision == newest, f"at revision {found.revision}, newest is {newest}")


def _certificate(settings: Settings) -> Finding:
    path = settings.tls_certificate if settings.tls == "files" else certificates.Files(settings.tls_dir).certificate
    if settings.tls == "off":
        return Finding("certificate", True, "TLS is off, on a loopback address")
    if path is None or not path.exists():
        return Finding("certificate", settings.tls == "auto", f"{path} is not there yet")
    left = certificates.valid_until(path.read_bytes()) - utc_now()
    return Finding("certificate", left.days > 0, f"{path}: good for {left.days} days")
