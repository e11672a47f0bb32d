"""`diag`: a file for whoever helps, without a secret in it."""

from pathlib import Path
from typing import Annotated

import typer

from collector.cli.context import SYSTEM_SETTINGS_FILE, Options
from collector.core.problems import Refusal
from common.settings import installed
from common.support import default_file

To = Annotated[Path | None, typer.Option("--to", help="Where to write it; a new file in this folder without it.")]
Anonymous = Annotated[bool, typer.Option("--anonymous", help="Put a stable hash in place of each name and address.")]


def diag(context: typer.Context, *, to: To = None, anonymous: Anonymous = False) -> None:
    """Write a support file: versions, settings, doctor's findings, counts, the last log lines; no secret is in it."""
    from collector.doctor.examining import Source  # noqa: PLC0415 - loads what no other command needs
    from collector.doctor.support import collect  # noqa: PLC0415 - likewise

    options: Options = context.obj
    path = (to or default_file("fieldpost-collector")).absolute()
    source = Source(options.config or installed(SYSTEM_SETTINGS_FILE), {"state_dir": options.state_dir})
    bundle, report = collect(source, anonymous=anonymous)
    try:
        bundle.write(path)
    except OSError as error:
        raise Refusal(f"--to: `{path}` cannot be written ({error.strerror})") from None
    typer.echo(f"wrote {path}: {', '.join(bundle.names)}")
    bad = sum(finding.state == "unwell" for finding in report.findings)
    if bad:
        typer.echo(f"doctor found {bad} things that are not well: fieldpost-collector doctor")
