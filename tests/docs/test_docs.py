"""The manual keeps up with the product: what is made from the code is fresh, and nothing is left out."""

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from agent.aws.factors import catalogue as factors
from agent.checks import known
from collector.domain.webhooks.rules import EVENT_TYPES
from common.settings import ENV_PREFIX
from tests.docs import embedded
from tests.docs.commands_manual import leaves, root_of
from tests.docs.generated import DOCS, PAGES
from tests.docs.settings_manual import SETTINGS, undescribed

ROOT = Path(__file__).parents[2]
PASSED_ON = {
    "FIELDPOST_RUN_OPTIONS": "the agent hands it to its own child",
    "FIELDPOST_KEY": "stands for a key in the examples of the API docs",
    "FIELDPOST_ROOT": "the root prefix of the packages' scripts, for tests",
    "FIELDPOST_GATE_WAIT_S": "how long the gate of an upgrade waits, for tests",
    "FIELDPOST_RESTART": "what the gate starts instead of systemctl, for tests",
}
"""Variables that are no business of users."""


@pytest.mark.parametrize("name", PAGES)
def test_what_is_made_from_the_code_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), f"docs/{name} is out of date: run `make manual`"


def test_parts_that_are_made_from_the_code_are_fresh() -> None:
    with_parts = embedded.pages(DOCS)
    assert len(with_parts) > 1
    stale = [page.name for page in with_parts if page.read_text() != embedded.filled(page.read_text())]
    assert stale == [], "run `make manual`"


def test_everything_is_in_the_manual() -> None:
    pages = {name: (DOCS / name).read_text() for name in PAGES}
    assert undescribed() == []
    assert [check for check in known() if f"| `{check}` |" not in pages["checks.md"]] == []
    assert [factor for factor in factors() if f"| `{factor}` |" not in pages["factors.md"]] == []
    assert [event for event in EVENT_TYPES if f"\n## {event}\n" not in pages["events.md"]] == []


@pytest.mark.parametrize("program", ["agent", "collector"])
def test_every_command_and_every_option_says_what_it_is(program: str) -> None:
    page = (DOCS / f"cli-{program}.md").read_text()
    silent = [name for name, command in leaves(root_of(program)) if not command.help]
    assert silent == []
    assert [line for line in page.splitlines() if re.fullmatch(r"\| `-.*\|  \|", line)] == []


def test_every_variable_that_is_read_is_in_the_manual() -> None:
    files = [path for part in ("agent", "collector", "common", "packaging") for path in (ROOT / part).rglob("*")]
    texts = [path.read_text("utf-8") for path in files if path.suffix in {".py", ".service", ".conf", ".sh"}]
    named = {name for text in texts for name in re.findall(rf"{ENV_PREFIX}[A-Z][A-Z_]+[A-Z]", text)}
    settings = {ENV_PREFIX + name.upper() for one in SETTINGS for name in one.model_fields}
    pages = "".join(page.read_text() for page in DOCS.glob("*.md"))
    assert {name for name in named - settings - set(PASSED_ON) if f"`{name}`" not in pages} == set()


def test_every_administrative_resource_stands_in_the_manual() -> None:
    from collector.api.admin.family import ROUTERS  # noqa: PLC0415 - the framework is heavy enough for a docs test

    page = (DOCS / "api-admin.md").read_text()
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    paths = {route.path.removeprefix("/api/v1/admin") for route in routes}
    named = {path.split("/")[1] for path in paths}
    assert {name for name in named if f"/{name}" not in page} == set()
    assert len(named) > 10
