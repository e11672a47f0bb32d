"""Whatever the manual points to is there: pages, anchors, pictures, files of this tree, commands and their options."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup

from collector.web.manual.markdown import anchors
from tests.docs.commands_manual import root_of
from tests.docs.generated import DOCS, PAGES

ROOT = Path(__file__).parents[2]
OWN = [ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")]
ALL = [*OWN, *sorted(DOCS.rglob("*.md"))]
WRITTEN = [page for page in ALL if page.name not in PAGES]
TOP = ("agent", "collector", "common", "packaging", "tests", "docs")
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_PLAIN = re.compile(r"[`*_]|\[([^\]]*)\]\([^)]*\)")


@cache
def prose(page: Path) -> str:
    """A page without its examples."""
    return _FENCE.sub("", page.read_text())


@cache
def headings(page: Path) -> frozenset[str]:
    lines = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return frozenset(anchors([_PLAIN.sub(r"\1", line) if "](" in line else line for line in lines]))


def ids(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", ALL, ids=ids)
def test_every_link_and_every_anchor_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|mailto:)([^)\s]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{ids(page)} links to {target}"
        assert not anchor or anchor in headings(found), f"{ids(page)} links to {target}"


@pytest.mark.parametrize("page", WRITTEN, ids=ids)
def test_no_file_is_named_that_is_not_there(page: Path) -> None:
    named = re.findall(r"`((?:" + "|".join(TOP) + r")/[\w./*<>{}-]+)`", prose(page))
    missing = [name for name in named if "<" not in name and "{" not in name and not list(ROOT.glob(name.rstrip("/")))]
    assert missing == []


def commands(page: Path) -> Iterator[list[str]]:
    """Every line of ours in the examples of a page, split as a shell would."""
    for _, language, text in _FENCE.findall(page.read_text()):
        if language in {"sh", ""}:
            yield from _ours(text.replace("\\\n", " "))


def _ours(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        found = re.match(
            r"\s*(?:\$ |# )?(?:sudo (?:-\w+ \S+ )*)?(?:\w+=\S+ )*(fieldpost-(?:agent|collector)\b.*)", line
        )
        if found:
            words = shlex.split(re.sub(r"\s[|>&;].*", "", found[1]), comments=True)
            yield words


COMMANDS = [(page, words) for page in WRITTEN for words in commands(page)]


@pytest.mark.parametrize(
    ("page", "words"), COMMANDS, ids=[f"{page.stem}-{' '.join(words)[:60]}" for page, words in COMMANDS]
)
def test_every_command_of_an_example_exists_with_its_options(page: Path, words: list[str]) -> None:
    program, *rest = words
    command: TyperGroup | TyperCommand = root_of_cached(program.removeprefix("fieldpost-"))
    while isinstance(command, TyperGroup):
        rest = _without_options(command, rest)
        if not rest:  # options of the program alone, such as --version
            return
        below = command.commands.get(rest[0])
        assert isinstance(below, TyperGroup | TyperCommand), f"{ids(page)}: {' '.join(words)}"
        command, rest = below, rest[1:]
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help", "-h"}
    used = [word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
    assert [word for word in used if word not in known] == [], f"{ids(page)}: {' '.join(words)}"


root_of_cached = cache(root_of)


def _without_options(command: TyperGroup, words: list[str]) -> list[str]:
    """What follows the options of the program itself."""
    flags = {name for one in command.params for name in one.opts if getattr(one, "is_flag", False)}
    while words and words[0].startswith("-"):
        words = words[1:] if words[0] in flags or "=" in words[0] else words[2:]
    return words


@pytest.mark.parametrize("page", WRITTEN, ids=ids)
def test_every_command_that_is_mentioned_exists(page: Path) -> None:
    for program, name in re.findall(r"`fieldpost-(agent|collector) ([a-z][a-z-]*)", prose(page)):
        assert name in root_of_cached(program).commands, f"{ids(page)}: fieldpost-{program} {name}"


def test_every_decision_is_listed_under_its_number() -> None:
    folder = DOCS / "decisions"
    listed = (folder / "README.md").read_text()
    for page in sorted(folder.glob("0*.md")):
        number, title = int(page.name[:4]), page.read_text().splitlines()[0]
        assert title.startswith(f"# {number}. "), f"{page.name} begins with {title!r}"
        assert f"| {page.name[:4]} | [{title.partition('. ')[2]}]({page.name}) |" in listed, page.name
