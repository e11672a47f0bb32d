"""What `fieldpost-agent check` prints of its runs: a table for people, JSON for machines."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import typer

from agent.config import Connection
from agent.oracle.catalogue import Check
from common.clock import iso
from common.scoring import Score, Scored, band, is_finding, score
from common.wire import Outcome, Run

Checks = Mapping[str, Check]
_ORDER = ("critical", "warning", "unknown", "info", "ok", "skipped")
_STYLE = {"critical": "bold red", "warning": "yellow", "unknown": "magenta", "info": "cyan", "ok": "green"}


def show_json(targets: Sequence[Connection], runs: Sequence[Run], checks: Checks) -> None:
    report = [_as_dict(target, run, checks) for target, run in zip(targets, runs, strict=True)]
    typer.echo(json.dumps(report, indent=2))


def show(targets: Sequence[Connection], runs: Sequence[Run], checks: Checks, *, everything: bool) -> None:
    for target, run in zip(targets, runs, strict=True):
        _table(target, run, checks, everything=everything)


def scored(run: Run) -> Score:
    return score(
        [
            Scored(check=o.check, category=o.category, status=o.status, severity=o.severity, cap=o.cap)
            for o in run.outcomes
        ]
    )


def _as_dict(target: Connection, run: Run, checks: Checks) -> dict[str, Any]:
    result = scored(run)
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
                "title": checks[outcome.check].title,
                "metric_line": outcome.line,
                "value": outcome.value,
                "unit": outcome.unit,
                "threshold_origin": outcome.origin,
                "remediation": outcome.fix or checks[outcome.check].remediation,
                "elapsed_ms": outcome.elapsed_ms,
                "items": [
                    {"name": item.name, "status": item.status, "value": item.value, "detail": item.detail}
                    for item in outcome.items
                ],
            }
            for outcome in _worst_first(run.outcomes)
        ],
    }


def _table(target: Connection, run: Run, checks: Checks, *, everything: bool) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a person's table needs it
    from rich.table import Table  # noqa: PLC0415 - likewise

    shown = [o for o in _worst_first(run.outcomes) if everything or o.status not in ("ok", "skipped")]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("status", "check", "what was measured"):
        table.add_column(column, overflow="fold")
    for outcome in shown:
        style = _STYLE.get(outcome.status, "dim")
        table.add_row(f"[{style}]{outcome.status}[/]", outcome.check, _escaped(outcome, checks))
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(_headline(target, run), markup=False)
    if shown:
        console.print(table)


def _escaped(outcome: Outcome, checks: Checks) -> str:
    from rich.markup import escape  # noqa: PLC0415 - likewise

    fix = outcome.fix or (checks[outcome.check].remediation if is_finding(outcome.status) else "")
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
