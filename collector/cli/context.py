"""What every command starts from: the settings, and how its answer is shown."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from collector.core.settings import Settings
from common import logs
from common.settings import installed, load

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


SYSTEM_SETTINGS_FILE = Path("/etc/fieldpost-collector/collector.toml")


@dataclass(frozen=True, slots=True)
class Options:
    """The options before the command."""

    config: Path | None = None
    state_dir: Path | None = None

    def settings(self, **flags: object) -> Settings:
        """Read the settings; `ConfigurationError` names what cannot be used."""
        file = self.config or installed(SYSTEM_SETTINGS_FILE)
        return load(Settings, file=file, flags={"state_dir": self.state_dir, **flags})


def _tell_version(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - only here

        typer.echo(version("fieldpost"))
        raise typer.Exit


def root(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help=f"Settings file (TOML); {SYSTEM_SETTINGS_FILE} when it exists.")
    ] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Folder of the database and certificates.")] = None,
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    os.umask(0o077)  # whatever we make is for our own eyes
    logs.configure(level="warning")  # on standard error; what a command answers is alone on standard output
    context.obj = Options(config, state_dir)


def settings_of(context: typer.Context, **flags: object) -> Settings:
    options: Options = context.obj
    return options.settings(**flags)


def show(answer: object) -> None:
    """Print as JSON, times as ISO 8601."""
    typer.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())


def table(rows: Sequence[Sequence[object]], titles: Sequence[str]) -> None:
    """Print rows in columns as wide as their widest cell."""
    cells = [list(titles), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    text = msgspec.json.encode(value).decode().strip('"') if not isinstance(value, str) else value
    return "".join(character if character.isprintable() else "?" for character in text)
