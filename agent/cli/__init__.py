"""`fieldpost-agent`: one module per command group, of which only the one that is asked for is loaded."""

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.doctor.settings_file import Source
from agent.settings import SYSTEM_SETTINGS_FILE, Settings
from common import logs, settings
from common.errors import EXIT_CONFIGURATION, ConfigurationError

EXIT_REFUSED = 1
_MODULES = {
    "enroll": "enroll",
    "key": "key",
    "run": "run",
    "connection": "connection",
    "check": "check",
    "grants": "grants",
    "aws": "aws",
    "pricebook": "pricebook",
    "schedule": "schedule",
    "reference": "reference",
    "spool": "spool",
    "bundle": "bundle",
    "status": "status",
    "doctor": "doctor",
    "diag": "diag",
}
_READ_SETTINGS_THEMSELVES = ("doctor", "diag")  # so that they can say what is wrong with them

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", envvar="FIELDPOST_CONFIG", help=f"Settings file; {SYSTEM_SETTINGS_FILE} when it exists."),
]
StateDir = Annotated[Path | None, typer.Option("--state-dir", help="Folder of key, spool and connections.")]
LogLevel = Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error.")]
LogFormat = Annotated[str | None, typer.Option("--log-format", help="logfmt or json.")]
Version = Annotated[bool, typer.Option("--version", help="Print the version and end.")]


class RefusedError(Exception):
    """A command that ends with exit code 1 and this one line."""


def main() -> None:
    """Entry point. Exit codes: 0 well, 1 a finding or a refusal, 2 usage, 78 configuration."""
    app = build(sys.argv[1:])
    try:
        app()
    except ConfigurationError as error:
        _end(str(error), EXIT_CONFIGURATION)
    except _refusals() as error:
        _end(str(error), EXIT_REFUSED)


def build(arguments: list[str]) -> typer.Typer:
    """The commands that `arguments` may mean; all of them when that is not clear, as for `--help`."""
    app = typer.Typer(
        name="fieldpost-agent",
        help="Runs Oracle checks near the databases and sends what they found to the collector.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_prepare)
    asked = [name for name in _MODULES if name in arguments] or list(_MODULES)
    for name in asked:
        importlib.import_module(f"agent.cli.{_MODULES[name]}").register(app)
    if len(asked) == 1:  # a single command would otherwise lose its name
        app.command("help", hidden=True)(_nothing)
    return app


def _nothing() -> None:
    """Keep the other command a command."""


def _prepare(
    context: typer.Context,
    *,
    config: ConfigFile = None,
    state_dir: StateDir = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
    version: Version = False,
) -> None:
    if version:
        from importlib.metadata import version as installed  # noqa: PLC0415 - only here

        typer.echo(installed("fieldpost"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        return
    file = config or settings.installed(SYSTEM_SETTINGS_FILE)
    flags = {
        "state_dir": state_dir.absolute() if state_dir else None,
        "log_level": log_level,
        "log_format": log_format,
    }
    if context.invoked_subcommand in _READ_SETTINGS_THEMSELVES:
        logs.configure(level="error")
        context.obj = Source(file, flags)
        return
    loaded = settings.load(Settings, file=file, flags=flags)
    level = loaded.log_level if context.invoked_subcommand == "run" or log_level else "warning"
    logs.configure(level=level, form=loaded.log_format)
    context.obj = loaded


def _refusals() -> tuple[type[Exception], ...]:
    """What ends a command with one line and no traceback; only what was loaded can have been raised."""
    named = (
        ("agent.enrolment", "EnrolmentRefusedError"),
        ("agent.link", "LinkDownError"),
        ("agent.spool", "SpoolUnavailableError"),
    )
    loaded = [getattr(sys.modules[module], name) for module, name in named if module in sys.modules]
    return (RefusedError, *loaded)


def _end(message: str, code: int) -> None:
    logs.last_words("fieldpost-agent", message)
    sys.exit(code)
