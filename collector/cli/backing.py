"""`backup`: everything that is stored, as one file, while the collector goes on serving."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from collector.cli.context import SYSTEM_SETTINGS_FILE, Json, Options, settings_of, show
from collector.copying import archive, backup, keys
from collector.copying.archive import About, Manifest
from collector.copying.connecting import is_sqlite
from collector.core.settings import Settings
from common.clock import iso
from common.settings import installed

_EVERY_S = 5.0

Target = Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="New file, or the folder to write one into.")]
Verify = Annotated[bool, typer.Option("--verify", help="Only read this backup from end to end, and say what is in it.")]
WithKeys = Annotated[
    bool, typer.Option("--with-keys", help="Take along the vault key, the certificates and the settings file.")
]


class Shown(msgspec.Struct, frozen=True):
    """`vault`: fingerprint of the key that its secrets are sealed under; `signed`: whether by it, if known."""

    file: str
    bytes: int
    made_at: datetime
    version: str
    store: str
    revision: str
    tables: int
    rows: int
    vault: str
    signed: bool | None
    keys: tuple[str, ...]


@dataclass(slots=True)
class Progress:
    """A line on standard error now and then, for whoever waits."""

    say: Callable[[str], None] = lambda line: typer.echo(line, err=True)
    said_at: float = field(default_factory=time.monotonic)

    def __call__(self, table: str, rows: int) -> None:
        now = time.monotonic()
        if now - self.said_at >= _EVERY_S:
            self.said_at = now
            self.say(f"{table}: {rows:,} rows")


def back_up(
    context: typer.Context,
    target: Target,
    *,
    verify: Verify = False,
    with_keys: WithKeys = False,
    as_json: Json = False,
) -> None:
    """Write everything that is stored into one file, while the collector goes on serving, and check that file.

    The keys that open what is sealed in it are not in it, unless you say so. Exit code 1 when it cannot be made, or
    when a backup that is verified is damaged.
    """
    settings = settings_of(context)
    progress = Progress()
    if verify:
        path, signed, manifest = target, *_verified(settings, target, progress)
    else:
        options: Options = context.obj
        config = options.config or installed(SYSTEM_SETTINGS_FILE)
        about = _about(settings, config, with_keys=with_keys)
        made = backup.make(settings.store_url, backup.place_of(target), about, progress)
        path, signed, manifest = made.path, True if made.manifest.vault else None, made.manifest
    shown = _shown(path, manifest, signed=signed)
    if as_json:
        show(shown)
    else:
        _tell(shown, "is whole" if verify else "written and read again")


def _verified(settings: Settings, path: Path, progress: Progress) -> tuple[bool | None, Manifest]:
    with archive.opened(path, keys.vault_of(settings)) as opened:
        opened.verify(progress)
        return opened.signed, opened.manifest


def _about(settings: Settings, config: Path | None, *, with_keys: bool) -> About:
    return About(
        version=version("fieldpost"),
        store="sqlite" if is_sqlite(settings.store_url) else "postgresql",
        vault=keys.vault_of(settings),
        keys=keys.gather(settings, config) if with_keys else {},
    )


def _shown(path: Path, manifest: Manifest, *, signed: bool | None) -> Shown:
    return Shown(
        file=str(path),
        bytes=path.stat().st_size,
        made_at=manifest.made_at,
        version=manifest.version,
        store=manifest.store,
        revision=manifest.revision,
        tables=len(manifest.tables),
        rows=manifest.rows,
        vault=manifest.vault,
        signed=signed,
        keys=tuple(manifest.keys),
    )


def _tell(shown: Shown, state: str) -> None:
    typer.echo(
        f"{shown.file}: {state}; {shown.rows:,} rows of {shown.tables} tables, {shown.bytes / 2**20:,.1f} MiB,"
        f" of {iso(shown.made_at)}, version {shown.version}, revision {shown.revision}"
    )
    if shown.keys:
        typer.echo(f"keys are in it ({', '.join(shown.keys)}): keep it as you keep passwords")
    elif shown.vault:
        typer.echo(f"secrets in it open with the vault key {shown.vault} alone, which is not in it: keep that key too")
    if shown.vault and shown.signed is None:
        typer.echo("whether this installation made it cannot be told: the vault key that it names is not here")
