"""`restore`: a backup becomes the content of an empty database, all of it or nothing."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from collector import migrations
from collector.cli.backing import Progress
from collector.cli.context import Json, settings_of, show
from collector.copying import archive, keys, loading, targets
from collector.copying.archive import Archive
from collector.copying.snapshots import of_running, workplace
from collector.core.problems import Refusal
from collector.core.settings import Settings

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]
Compare = Annotated[bool, typer.Option("--compare", help="Only compare the database with the backup; changes nothing.")]
WithKeys = Annotated[
    bool, typer.Option("--with-keys", help="Put the vault key and the certificates of the backup in place, too.")
]
OtherKey = Annotated[
    bool, typer.Option("--other-vault-key", help="Restore although the vault key here opens no secret of the backup.")
]


class Restored(msgspec.Struct, frozen=True):
    """`revision`: at which the database is now; `vault`: the fingerprint of the key that its secrets need."""

    tables: int
    rows: int
    revision: str
    vault: str
    vault_here: bool
    files: tuple[str, ...]


class Compared(msgspec.Struct, frozen=True):
    """`differing`: a sentence for each table that is not as in the backup."""

    tables: int
    rows: int
    differing: tuple[str, ...]


def restore(
    context: typer.Context,
    file: File,
    *,
    compare: Compare = False,
    with_keys: WithKeys = False,
    other_vault_key: OtherKey = False,
    as_json: Json = False,
) -> None:
    """Fill the empty database of the settings from a backup of either store, and compare it row by row.

    The collector has to be stopped. A database that holds anything is refused; when it fails, nothing was changed.
    """
    settings = settings_of(context)
    with archive.opened(file, keys.vault_of(settings)) as opened:
        if compare:
            _compare(settings, opened, as_json=as_json)
            return
        files = opened.keys() if with_keys else {}
        _check_keys(settings, opened, files, with_keys=with_keys, other=other_vault_key)
        restored = _restore(settings, opened, files)
    if as_json:
        show(restored)
    else:
        _tell(restored)


def _restore(settings: Settings, opened: Archive, files: dict[str, bytes]) -> Restored:
    with targets.emptied(settings.store_url) as conn:
        copied = targets.fill(conn, opened, opened.manifest.copied, Progress())
        placed = keys.put(settings, files)
    needed = opened.manifest.vault
    return Restored(
        tables=len(copied),
        rows=sum(one.rows for one in copied),
        revision=migrations.newest(),
        vault=needed,
        vault_here=keys.fingerprint(keys.vault_of(settings)) == needed,
        files=tuple(str(path) for path in placed),
    )


def _check_keys(settings: Settings, opened: Archive, files: dict[str, bytes], *, with_keys: bool, other: bool) -> None:
    """Before anything is written: nobody's key is overwritten, and nobody ends up with secrets that nothing opens."""
    if with_keys and not files:
        raise Refusal("--with-keys: this backup was made without; expected one of `backup --with-keys`")
    if blocked := keys.in_the_way(settings, files):
        raise Refusal(f"{blocked[0]}: is there already, and another one than in the backup; move it away first")
    here = keys.fingerprint(keys.vault_of(settings))
    if here and here != opened.manifest.vault and not other:
        raise Refusal(
            f"{settings.vault_path}: is the vault key {here}; the secrets of the backup are sealed under"
            f" {opened.manifest.vault or 'none'}. Put that key there, or say --other-vault-key and do without them"
        )


def _compare(settings: Settings, opened: Archive, *, as_json: bool) -> None:
    with workplace(settings.state_dir / "compare") as folder, of_running(settings.store_url, folder) as store:
        if store.revision != opened.revision:
            raise Refusal(f"the database is at revision {store.revision}, the backup at {opened.revision}")
        differing = loading.compare(store.conn, opened.manifest.copied, Progress())
    compared = Compared(len(opened.manifest.tables), opened.manifest.rows, tuple(differing))
    if as_json:
        show(compared)
    else:
        for sentence in differing:
            typer.echo(sentence)
        typer.echo(f"{len(differing)} of {compared.tables} tables differ; {compared.rows:,} rows in the backup")
    if differing:
        raise typer.Exit(1)


def _tell(restored: Restored) -> None:
    typer.echo(f"{restored.rows:,} rows of {restored.tables} tables, compared; at revision {restored.revision}")
    for path in restored.files:
        typer.echo(f"put in place: {path}")
    if restored.vault and not restored.vault_here:
        typer.echo(f"secrets in it open with the vault key {restored.vault} alone: put it in place before you serve")
    typer.echo("next: fieldpost-collector doctor, then start the collector; what agents do now: docs/backup.md")
