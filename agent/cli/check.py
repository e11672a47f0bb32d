"""`fieldpost-agent check`: run the checks at once and print what they found."""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer

from agent.checks import known, of
from agent.config import Connection, load_connections
from agent.oracle.catalogue import Check
from agent.oracle.runner import LOGON_CHECKS
from agent.oracle.samples import FILE_NAME, Samples
from agent.oracle.thresholds import effective
from agent.settings import Settings
from agent.visiting import Place
from common.clock import iso
from common.scoring import Score, Scored, band, is_finding, score
from common.wire import Outcome, Run

EXIT_FINDING = 1
EXIT_USAGE = 2
_ORDER = ("critical", "warning", "unknown", "info", "ok", "skipped")
_STYLE = {"critical": "bold red", "warning": "yellow", "unknown": "magenta", "info": "cyan", "ok": "green"}

Names = Annotated[list[str] | None, typer.Option("--connection", "-c", help="Name of a connection; all without it.")]
Ids = Annotated[list[str] | None, typer.Option("--check", help="Id of a check; all without it.")]
Categories = Annotated[list[str] | None, typer.Option("--category", help="Only the checks of this category.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
All = Annotated[bool, typer.Option("--all", help="Also print the checks that are ok or skipped.")]


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
) -> None:
    """Run the checks at once, without a collector; exit code 1 when there is a finding."""
    settings: Settings = context.obj
    targets = choose(load_connections(settings.connections_file), connection or [])
    _check_filter(only or [], category or [])
    with Samples(settings.state_dir / FILE_NAME) as samples:
        runs = asyncio.run(_visit(targets, only or [], category or [], samples))
    show_json(targets, runs) if as_json else show(targets, runs, everything=everything)
    if any(is_finding(outcome.status) for run in runs for outcome in run.outcomes):
        raise typer.Exit(EXIT_FINDING)


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


def _check_filter(ids: Sequence[str], categories: Sequence[str]) -> None:
    checks = known()
    for name in ids:
        if name.upper() not in checks:
            usage(f"--check: `{name}` is not known; `fieldpost-agent check --all` shows the ids")
    for category in categories:
        if category not in {check.category for check in checks.values()}:
            names = ", ".join(sorted({check.category for check in checks.values()}))
            usage(f"--category: `{category}` is not known; expected one of {names}")


def _chosen(connection: Connection, ids: Sequence[str], categories: Sequence[str]) -> list[Check]:
    """The checks of this connection that were asked for; how the logon went is always among them."""
    wanted = {name.upper() for name in ids}

    def asked_for(check: Check) -> bool:
        return (check.id in wanted if wanted else check.enabled) and (not categories or check.category in categories)

    return [check for check in of(connection) if check.id in LOGON_CHECKS or asked_for(check)]


async def _visit(
    targets: Sequence[Connection], ids: Sequence[str], categories: Sequence[str], samples: Samples
) -> list[Run]:
    visits = []
    for target in targets:
        checks = _chosen(target, ids, categories)
        due = [effective(check, (), key=target.key, tags=target.tags) for check in checks]
        visits.append(Place.make(target, samples).visit(due, "demand"))
    return await asyncio.gather(*visits)


# --- output --------------------------------------------------------------------------------------------------------


def show_json(targets: Sequence[Connection], runs: Sequence[Run]) -> None:
    report = [_as_dict(target, run) for target, run in zip(targets, runs, strict=True)]
    typer.echo(json.dumps(report, indent=2))


def show(targets: Sequence[Connection], runs: Sequence[Run], *, everything: bool) -> None:
    for target, run in zip(targets, runs, strict=True):
        _table(target, run, everything=everything)


def scored(run: Run) -> Score:
    return score(
        [
            Scored(check=o.check, category=o.category, status=o.status, severity=o.severity, cap=o.cap)
            for o in run.outcomes
        ]
    )


def _as_dict(target: Connection, run: Run) -> dict[str, Any]:
    result = scored(run)
    titles = known()
    return {
        "connection": target.name,
        "started_at": iso(run.started_at),
        "elapsed_ms": _elapsed_ms(run),
        "round_trips": run.round_trips,
        "reachable": run.reachable,
        "score": result.value,
        "coverage": round(result.coverage, 3),
        "facts": run.facts,
        "checks": [
            {
                "check_id": outcome.check,
                "category": outcome.category,
                "status": outcome.status,
                "severity": outcome.severity,
                "title": titles[outcome.check].title,
                "metric_line": outcome.line,
                "value": outcome.value,
                "unit": outcome.unit,
                "threshold_origin": outcome.origin,
                "remediation": outcome.fix or titles[outcome.check].remediation,
                "elapsed_ms": outcome.elapsed_ms,
                "items": [
                    {"name": item.name, "status": item.status, "value": item.value, "detail": item.detail}
                    for item in outcome.items
                ],
            }
            for outcome in _worst_first(run.outcomes)
        ],
    }


def _table(target: Connection, run: Run, *, everything: bool) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a person's table needs it
    from rich.table import Table  # noqa: PLC0415 - likewise

    shown = [o for o in _worst_first(run.outcomes) if everything or o.status not in ("ok", "skipped")]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("status", "check", "what was measured"):
        table.add_column(column, overflow="fold")
    for outcome in shown:
        style = _STYLE.get(outcome.status, "dim")
        table.add_row(f"[{style}]{outcome.status}[/]", outcome.check, _escaped(outcome))
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(_headline(target, run), markup=False)
    if shown:
        console.print(table)


def _escaped(outcome: Outcome) -> str:
    from rich.markup import escape  # noqa: PLC0415 - likewise

    fix = outcome.fix or (known()[outcome.check].remediation if is_finding(outcome.status) else "")
    return escape(outcome.line) + (f"\n  [dim]{escape(fix)}[/]" if fix else "")


def _headline(target: Connection, run: Run) -> str:
    counts = {status: sum(o.status == status for o in run.outcomes) for status in _ORDER}
    summary = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    result = scored(run)
    where = f"{target.name} ({run.facts.get('version', 'not logged on')})"
    took = timedelta(milliseconds=_elapsed_ms(run)).total_seconds()
    return (
        f"{where}: score {result.value} {band(result.value)}, coverage {result.coverage:.0%}; {summary}; "
        f"{took:.2f} s, {run.round_trips} round trips"
    )


def _worst_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: (_ORDER.index(outcome.status), outcome.category, outcome.check))


def _elapsed_ms(run: Run) -> int:
    return round((run.ended_at - run.started_at).total_seconds() * 1000)
