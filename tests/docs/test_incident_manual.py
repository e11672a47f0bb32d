"""The manual of incidents: its tables are those of the code."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from collector.domain.incidents.rules import EARLIEST, MAX_TEXT, MAX_TITLE, MOVES, REOPEN_WITHIN
from collector.domain.services.rules import IMPACT
from collector.domain.webhooks.rules import EVENT_TYPES

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "api-status.md").read_text()


def table(titles: str, rows: Mapping[str, Iterable[str]]) -> str:
    lines = [f"| `{name}` | {', '.join(f'`{word}`' for word in words)} |" for name, words in rows.items()]
    return "\n".join([titles, "|---|---|", *lines])


TABLES = {
    "states of incidents": table("| from | to |", {str(status): words for status, words in MOVES.items()}),
    "impacts of severities": table("| severity | impact |", {name: [word] for name, word in IMPACT.items()}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_that_of_the_code(name: str) -> None:
    (found,) = re.findall(rf"<!-- {name}: made from the code -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert found == TABLES[name], f"expected:\n{TABLES[name]}"


def test_the_figures_are_those_of_the_code() -> None:
    assert f"for {REOPEN_WITHIN.days} days" in PAGE
    assert f"up to {EARLIEST.days} days ago" in PAGE
    assert f"at most {MAX_TITLE} characters" in PAGE
    assert f"at most {MAX_TEXT:,} characters" in PAGE


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_event_stands_in_the_manual_of_webhooks(kind: str) -> None:
    assert f"\n| `{kind}` |" in (DOCS / "webhooks.md").read_text()
