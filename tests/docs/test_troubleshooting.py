"""The page on messages: each that it quotes is one that the code prints, and doctor's findings are all in it."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperGroup

from tests.docs.commands_manual import root_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"
_QUOTED = re.compile(r"`([^`]+)`")
_NO_MESSAGES = {"names", "the file, the field and what was expected"}


def rows() -> Iterator[list[str]]:
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []
        if cells and cells[0] not in ("id", "message"):
            yield cells


@cache
def texts() -> str:
    """Every string of the programs, with what is filled in left out."""
    found: list[str] = []
    for folder in ("agent", "collector", "common"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
                    found.append("".join(str(part) for part in parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(re.sub(r"\{[^}]*\}", "\0", node.value))
    return "\1".join(found)


def messages() -> list[str]:
    """What stands in the column of messages, piece by piece."""
    told = [cells[1] if len(cells) == 3 else cells[0] for cells in rows()]
    return [piece for cell in told if cell not in _NO_MESSAGES for piece in _QUOTED.findall(cell)]


@pytest.mark.parametrize("message", sorted(set(messages())))
def test_every_message_is_one_that_the_code_prints(message: str) -> None:
    assert message in texts() or message.strip() in texts()


def test_every_id_of_doctor_is_in_the_page() -> None:
    from agent.doctor.examining import titles as of_the_agent  # noqa: PLC0415 - heavy enough for one test
    from collector.doctor.examining import titles as of_the_collector  # noqa: PLC0415 - likewise

    page = PAGE.read_text()
    agent, _, collector = page.partition("## The collector: what doctor says")
    assert [id_ for id_ in of_the_agent() if f"`{id_}`" not in agent] == []
    assert [id_ for id_ in of_the_collector() if f"`{id_}`" not in collector] == []


def mends() -> Iterator[str]:
    """Our own commands among what doctor prints."""
    for folder in ("agent/doctor", "collector/doctor"):
        for path in (ROOT / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield from re.findall(r"(?:^|\n)(fieldpost-(?:agent|collector) [a-z][^\n#;,]*)", node.value)


@pytest.mark.parametrize("mend", sorted(set(mends())))
def test_every_command_that_doctor_prints_exists_with_its_options(mend: str) -> None:
    program, *words = shlex.split(mend.replace("'{name}'", "NAME"))
    command = root_of(program.removeprefix("fieldpost-"))
    while words and isinstance(command, TyperGroup):
        below = command.commands.get(words[0])
        assert below is not None, mend
        command, words = below, words[1:]  # type: ignore[assignment]  # typer's groups hold typer's commands
    known = {name for one in command.params for name in one.opts}
    assert [word for word in words if word.startswith("--") and word not in known] == [], mend
