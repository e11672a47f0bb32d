"""`fieldpost-agent diag`: a file for whoever helps, without a secret in it."""

from pathlib import Path
from typing import Annotated

import typer

from agent.cli import RefusedError
from common.support import default_file

To = Annotated[Path | None, typer.Option("--to", help="Where to write it; a new file in this folder without it.")]
Anonymous = Annotated[bool, typer.Option("--anonymous", help="Put a stable hash in place of each name and address.")]


def register(app: typer.Typer) -> None:
    app.command("diag")(diag)


def diag(context: typer.Context, *, to: To = None, anonymous: Anonymous = False) -> None:
    """Write a support file: versions, settings, doctor's findings, counts, the last log lines; no secret is in it."""
    from agent.doctor.support import collect  # noqa: PLC0415 - loads drivers and the catalogue

    path = (to or default_file("fieldpost-agent")).absolute()
    bundle, report = collect(context.obj, anonymous=anonymous)
    try:
        bundle.write(path)
    except OSError as error:
        raise RefusedError(f"--to: `{path}` cannot be written ({error.strerror})") from None
    typer.echo(f"wrote {path}: {', '.join(bundle.names)}")
    bad = sum(finding.state == "unwell" for finding in report.findings)
    if bad:
        typer.echo(f"doctor found {bad} things that are not well: fieldpost-agent doctor")
