"""`fieldpost-agent check`: run the checks at once and print what they found."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from agent.assigned import check_settings
from agent.checks import Own, known, of
from agent.cli import listing, report
from agent.config import Connection, load_connections
from agent.local import Local, read_local
from agent.oracle.catalogue import Check
from agent.oracle.runner import LOGON_CHECKS
from agent.oracle.samples import FILE_NAME, Samples
from agent.oracle.thresholds import effective
from agent.settings import Settings
from agent.visiting import Place
from common.scoring import is_finding
from common.wire import CheckSetting, Run

EXIT_FINDING = 1
EXIT_USAGE = 2

Names = Annotated[list[str] | None, typer.Option("--connection", "-c", help="Name of a connection; all without it.")]
Ids = Annotated[list[str] | None, typer.Option("--check", help="Id of a check; all without it.")]
Categories = Annotated[list[str] | None, typer.Option("--category", help="Only the checks of this category.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
All = Annotated[bool, typer.Option("--all", help="Also print the checks that are ok or skipped.")]
List = Annotated[bool, typer.Option("--list", help="List the checks and their thresholds; nothing is run.")]


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    context: typer.Context,
    connection: Names = None,
    only: Ids = None,
    category: Categories = None,
    *,
    as_json: AsJson = False,
    everything: All = False,
    list_: List = False,
) -> None:
    """Run the checks at once, without a collector; exit code 1 when there is a finding."""
    settings: Settings = context.obj
    local = _local(settings)
    _check_filter(only or [], category or [], local.checks)
    if list_:
        _list(settings, local.checks, connection or [], _Wanted(only or [], category or []), as_json=as_json)
        return
    targets = choose(load_connections(settings.connections_file), connection or [])
    wanted = _Wanted(only or [], category or [])
    overrides = check_settings(settings.state_dir)
    with Samples(settings.state_dir / FILE_NAME) as samples:
        runs = asyncio.run(_visit(targets, wanted, local, overrides, samples))
    checks = known(local.checks)
    if as_json:
        report.show_json(targets, runs, checks)
    else:
        report.show(targets, runs, checks, everything=everything)
    if any(is_finding(outcome.status) for run in runs for outcome in run.outcomes):
        raise typer.Exit(EXIT_FINDING)


def _local(settings: Settings) -> Local:
    """Own checks and reference data; what is wrong with them goes to standard error."""
    local = read_local(settings.state_dir, settings.config_dir)
    for wrong in filter(None, (local.bad_checks, local.bad_reference)):
        typer.echo(f"ignored: {wrong}", err=True)
    return local


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for; everything where a list is empty."""

    ids: Sequence[str]
    categories: Sequence[str]

    def includes(self, check: Check, *, otherwise: bool) -> bool:
        """`otherwise`: whether a check counts while none is named."""
        named = {name.upper() for name in self.ids}
        return (check.id in named if named else otherwise) and (
            not self.categories or check.category in self.categories
        )


def _list(settings: Settings, own: Own, names: Sequence[str], wanted: _Wanted, *, as_json: bool) -> None:
    if len(names) > 1:
        usage("--connection: given more than once; expected at most one beside --list")
    target = choose(load_connections(settings.connections_file), names)[0] if names else None
    found = listing.listed(target, own, check_settings(settings.state_dir))
    chosen = [one for one in found if wanted.includes(one.check, otherwise=True)]
    (listing.show_json if as_json else listing.show)(chosen, own)


def choose(connections: Sequence[Connection], names: Sequence[str]) -> list[Connection]:
    """The named connections, all without a name; a wrong name ends the command with what is known."""
    known = {connection.name: connection for connection in connections}
    for name in names:
        if name not in known:
            usage(
                f"--connection: `{name}` is not known; expected one of {', '.join(sorted(known)) or '(none defined)'}"
            )
    if not known:
        usage("no connection is defined; add one with `fieldpost-agent connection add`")
    return [known[name] for name in names] if names else list(connections)


def usage(message: str) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(EXIT_USAGE)


def _check_filter(ids: Sequence[str], categories: Sequence[str], own: Own) -> None:
    checks = known(own)
    for name in ids:
        if name.upper() not in checks:
            usage(f"--check: `{name}` is not known; `fieldpost-agent check --list` shows the ids")
    for category in categories:
        if category not in {check.category for check in checks.values()}:
            names = ", ".join(sorted({check.category for check in checks.values()}))
            usage(f"--category: `{category}` is not known; expected one of {names}")


async def _visit(
    targets: Sequence[Connection], wanted: _Wanted, local: Local, overrides: Sequence[CheckSetting], samples: Samples
) -> list[Run]:
    visits = []
    heavy = asyncio.Lock()
    for target in targets:
        checks = [effective(check, overrides, key=target.key, tags=target.tags) for check in of(target, local.checks)]
        due = [c for c in checks if c.check.id in LOGON_CHECKS or wanted.includes(c.check, otherwise=c.enabled)]
        place = Place.make(target, samples, heavy=heavy, reference=lambda: local.reference)
        visits.append(place.visit(due, "demand"))
    return await asyncio.gather(*visits)
