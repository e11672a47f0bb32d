"""The manual's part on maintenance: its state machine and its figures are those of the code."""

import re
from datetime import timedelta
from pathlib import Path

from collector.core.settings import Settings
from collector.domain.maintenance import recurrence, rules
from collector.domain.maintenance.rules import MOVES, Action

PAGE = (Path(__file__).parents[2] / "docs" / "api-status.md").read_text()
BY_ITSELF: dict[Action, str] = {
    "start": "at `scheduled_start`, unless `auto_start` is false",
    "complete": "at `scheduled_end`, unless `auto_complete` is false",
}


def table() -> str:
    rows = [
        f"| `{action}` | {move.origin} | {move.to} | {BY_ITSELF[action] if move.by_clock else 'never'} |"
        for action, move in MOVES.items()
    ]
    return "\n".join(["| action | from | to | by itself |", "|---|---|---|---|", *rows])


def test_the_state_machine_is_the_one_of_the_code() -> None:
    (shown,) = re.findall(r"<!-- made from the state machine: moves -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert shown == table()


def test_the_figures_are_those_of_the_code() -> None:
    sweep = Settings.model_fields["sweep_s"].default
    for figure in (
        f"{rules.LONGEST.days} days long at most",
        f"at most {rules.LATE_START // timedelta(minutes=1)} minutes before now",
        f"at least {rules.SHORTEST_GRACE // timedelta(minutes=1)} minutes",
        f"1 to {rules.MAX_SERVICES} services",
        f"at most {recurrence.AT_MOST} windows a",
        f"made {recurrence.AHEAD.days} days ahead",
        f"Every sweep\n  ({sweep:g} s)",
    ):
        assert figure in PAGE, figure


def test_every_frequency_is_named() -> None:
    part = PAGE[PAGE.index("### Recurring maintenance") :]
    assert all(f"`{name}`" in part for name in recurrence.ALLOWED)
