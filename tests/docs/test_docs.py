"""The manual keeps up with the product: settings, checks, commands and links."""

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from tests.docs.settings_manual import PATH, manual, undescribed

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]


def test_every_setting_is_described_in_the_manual() -> None:
    assert undescribed() == []
    assert PATH.read_text() == manual(), "docs/settings.md is out of date: run `make manual`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_names_only_commands_that_exist() -> None:
    from agent.cli import build  # noqa: PLC0415 - typer alone is heavy enough for a docs test
    from collector.cli import app  # noqa: PLC0415 - likewise

    groups = {"fieldpost-agent": build([]), "fieldpost-collector": app}
    named = re.findall(r"^(?:\w+=\S+ )*(fieldpost-\w+) (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert ("fieldpost-collector", "serve") in named
    for program, word in named:
        commands = {command.name for command in groups[program].registered_commands}
        names = commands | {group.name for group in groups[program].registered_groups}
        assert word in names, f"README: {program} {word}"


def test_every_administrative_resource_stands_in_the_manual() -> None:
    from collector.api.admin.family import ROUTERS  # noqa: PLC0415 - the framework is heavy enough for a docs test

    page = (ROOT / "docs" / "api-admin.md").read_text()
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    paths = {route.path.removeprefix("/api/v1/admin") for route in routes}
    named = {path.split("/")[1] for path in paths}
    assert {name for name in named if f"/{name}" not in page} == set()
    assert len(named) > 10
