"""`fieldpost-agent check --list`: every check as it applies here, and where its thresholds come from."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from agent.checks import Own, known, of
from agent.config import Connection
from agent.oracle.catalogue import Check, Levels
from agent.oracle.thresholds import Effective, effective
from common.wire import CheckSetting


def listed(connection: Connection | None, own: Own, settings: Sequence[CheckSetting]) -> list[Effective]:
    """The checks of one connection, or without one all that are known, with what holds for the whole tenant."""
    checks: Iterable[Check] = of(connection, own) if connection else known(own).values()
    key, tags = (connection.key, connection.tags) if connection else ("", ())
    found = [effective(check, settings, key=key, tags=tags) for check in checks]
    return sorted(found, key=lambda one: (one.check.category, one.check.id))


def show_json(found: Iterable[Effective], own: Own) -> None:
    typer.echo(json.dumps([as_dict(one, own) for one in found], indent=2))


def show(found: Sequence[Effective], own: Own) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a person's table needs it
    from rich.table import Table  # noqa: PLC0415 - likewise

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("check", "category", "every", "cost", "pack", "on", "warning", "critical", "unit", "from"):
        table.add_column(column, overflow="fold")
    for one in found:
        row = as_dict(one, own)
        levels = [_limit(one, row[name]) for name in ("warning", "critical")]
        table.add_row(
            row["check_id"],
            row["category"],
            _time(one.interval_s),
            row["cost"],
            row["pack"] or "-",
            "yes" if one.enabled else "no",
            *levels,
            row["unit"],
            row["threshold_origin"] if not row["own"] else f"{row['threshold_origin']} (own)",
            end_section=False,
        )
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False, markup=False)
    console.print(table)
    console.print(f"{len(found)} checks, {sum(one.enabled for one in found)} of them on")


def as_dict(one: Effective, own: Own) -> dict[str, Any]:
    check = one.check
    numeric = isinstance(check.levels, Levels)
    levels = one.levels if numeric else check.levels
    return {
        "check_id": check.id,
        "category": check.category,
        "title": check.title,
        "unit": check.unit,
        "interval_s": one.interval_s,
        "cost": check.cost,
        "pack": check.pack,
        "enabled": one.enabled,
        "warning": levels.warning,
        "critical": levels.critical,
        "below": one.levels.below,
        "threshold_origin": one.origin,
        "source": check.source,
        "own": check.id in own,
        "judged_by": "collector" if check.by_collector else "agent",
    }


def _limit(one: Effective, value: str | float | None) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, str):
        return value
    return f"{'<' if one.levels.below else '>='} {value:g}"


def _time(seconds: int) -> str:
    for unit, scale in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds % scale == 0:
            return f"{seconds // scale} {unit}"
    return f"{seconds} s"
