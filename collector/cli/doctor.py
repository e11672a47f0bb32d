"""`doctor`: looks at what the collector needs, and says what is wrong and what mends it."""

import typer

from collector.cli.context import SYSTEM_SETTINGS_FILE, Json, Options
from common import checkup
from common.settings import installed


def doctor(context: typer.Context, *, as_json: Json = False) -> None:
    """Look for what is set up wrong, and print what mends it; exit code 1 when something is.

    Nothing is changed. It takes a minute at most, whether or not the collector serves.
    """
    from collector.doctor.examining import Source, examined  # noqa: PLC0415 - loads what no other command needs

    options: Options = context.obj
    source = Source(options.config or installed(SYSTEM_SETTINGS_FILE), {"state_dir": options.state_dir})
    report = examined(source)
    typer.echo(checkup.as_json(report) if as_json else checkup.as_text(report))
    raise typer.Exit(checkup.end(report))
