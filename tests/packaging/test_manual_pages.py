"""Manual pages, completion and settings files are made from the programs themselves."""

import shutil
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from making import commands, completion, conffile, manual
from making.targets import PROGRAMS

from agent.settings import Settings as AgentSettings
from collector.core.settings import Settings as CollectorSettings
from common.settings import Settings, load

KINDS: dict[str, type[Settings]] = {"agent": AgentSettings, "collector": CollectorSettings}


@pytest.fixture(scope="module", params=["agent", "collector"])
def root(request: pytest.FixtureRequest) -> commands.Command:
    return commands.of_program(request.param)


def of(root: commands.Command) -> str:
    return root.words[0].partition("-")[2]


def page(root: commands.Command) -> str:
    return manual.page(root, PROGRAMS[of(root)], version="1.2.0", epoch=1_700_000_000)


def test_every_command_and_option_is_on_the_page(root: commands.Command) -> None:
    plain = page(root).replace(r"\-", "-")
    for command in root.every():
        if not command.children:
            assert f".SS \\fB{' '.join(command.words[1:])}\\fR" in plain
            assert [flag for one in command.options for flag in one.flags if flag not in plain] == []


def test_groff_has_nothing_to_say_about_the_page(root: commands.Command, tmp_path: Path) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    path = tmp_path / "page.1"
    path.write_text(page(root))
    done = subprocess.run(["groff", "-man", "-ww", "-z", str(path)], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_the_same_page_is_packed_to_the_same_bytes(root: commands.Command) -> None:
    assert manual.packed(page(root)) == manual.packed(page(root))


def completed(script: Path, *lines: Sequence[str]) -> list[set[str]]:
    """What bash offers for the last word of each line."""
    asked = [f"source {script}"]
    for words in lines:
        typed = " ".join(f'"{word}"' for word in words)
        asked.append(f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _{words[0].replace('-', '_')}")
        asked.append('echo "${COMPREPLY[@]}"')
    told = subprocess.run(["bash", "-c", "\n".join(asked)], capture_output=True, text=True, check=True)
    return [set(line.split()) for line in told.stdout.splitlines()]


def test_bash_offers_the_commands_and_their_options(root: commands.Command, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(completion.bash(root))
    every = list(root.every())
    offered = completed(script, *([*command.words, ""] for command in every))
    for command, words in zip(every, offered, strict=True):
        flags = {flag for one in command.options for flag in one.flags if flag.startswith("--")}
        assert flags | {child.words[-1] for child in command.children} <= words
    assert completed(script, [*root.words, "--config", "x.toml", "doct"]) == [{"doctor"}]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_can_read_the_completion(root: commands.Command, shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "completion"
    script.write_text(getattr(completion, shell)(root))
    subprocess.run([shell, "-n", str(script)], check=True)


@pytest.mark.parametrize("program", ["agent", "collector"])
def test_an_installed_settings_file_sets_nothing_and_names_everything(program: str, tmp_path: Path) -> None:
    text = conffile.settings_file(program)
    assert tomllib.loads(text) == {}
    assert [name for name in KINDS[program].model_fields if f"\n#{name} = " not in text] == []
    assert max(map(len, text.splitlines())) <= 160
    path = tmp_path / "settings.toml"
    path.write_text(text)
    load(KINDS[program], file=path)


@pytest.mark.parametrize("program", ["agent", "collector"])
def test_what_is_commented_out_is_what_holds_without_it(program: str, tmp_path: Path) -> None:
    lines = conffile.settings_file(program).splitlines()
    given = [line[1:] for line in lines if line.startswith("#") and line[1:2].isalpha() and not line.endswith('"..."')]
    path = tmp_path / "settings.toml"
    path.write_text("\n".join(given) + "\n")
    assert load(KINDS[program], file=path) == load(KINDS[program])
