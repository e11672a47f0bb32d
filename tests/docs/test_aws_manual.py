"""The examples of the manual page on AWS are what the agent takes."""

import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from agent.aws.local_policy import FILE_NAME, read_policy
from agent.aws.prices.price import Label
from agent.cli import build

PAGE = Path(__file__).parents[2] / "docs" / "aws.md"


def examples(kind: str) -> list[str]:
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


COMMANDS = [shlex.split(line) for text in examples("sh") for line in text.splitlines()]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[1:3]))
def test_every_command_has_the_options_that_the_manual_gives_it(words: list[str]) -> None:
    program, group, name, *rest = words
    assert program == "fieldpost-agent"
    command = get_command(build([group]))
    for step in (group, name):
        assert isinstance(command, TyperGroup)
        command = command.commands[step]
    options = {option for parameter in command.params for option in parameter.opts}
    assert [word for word in rest if word.startswith("--") and word not in options] == []


def test_the_local_policy_of_the_manual_can_be_used(tmp_path: Path) -> None:
    (text,) = examples("toml")
    (tmp_path / FILE_NAME).write_text(text)
    policy = read_policy(tmp_path)
    assert policy.allows("arn:aws:iam::111122223333:role/fieldpost-scan", "read", region="eu-west-1")
    assert not policy.allows("arn:aws:iam::111122223333:role/fieldpost-scan", "switch")


def test_every_label_of_a_price_is_explained() -> None:
    assert [label for label in get_args(Label) if f"`{label}`" not in PAGE.read_text()] == []
