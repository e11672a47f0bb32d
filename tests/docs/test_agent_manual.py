"""The examples of the agent's manual are what the agent takes."""

import re
from pathlib import Path

from agent.checks import known
from agent.importing import COLUMNS, from_csv
from agent.oracle.custom import parse

PAGE = Path(__file__).parents[2] / "docs" / "agent.md"


def examples(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_own_checks_of_the_manual_can_be_used() -> None:
    (text,) = examples("toml")
    assert [check.id for check in parse(text, file="own.toml", taken=known())] == [
        "OWN_ORDER_QUEUE",
        "OWN_TENANT_QUOTA",
    ]


def test_the_table_of_connections_of_the_manual_can_be_read() -> None:
    (text,) = examples("csv")
    rows = from_csv(text).rows
    assert [row.values["tags"] for row in rows] == [["erp", "emea"], ["erp"]]


def test_the_manual_names_every_column() -> None:
    assert [column for column in COLUMNS if f"`{column}`" not in PAGE.read_text()] == []
