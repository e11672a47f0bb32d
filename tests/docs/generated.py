"""The pages of the manual that are made from the code: `make manual` writes them, a test says when one is stale."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.docs import checks_manual, commands_manual, embedded, events_manual, factors_manual, settings_manual

DOCS = Path(__file__).parents[2] / "docs"
PAGES: Mapping[str, Callable[[], str]] = {
    "checks.md": checks_manual.manual,
    "cli-agent.md": commands_manual.agent,
    "cli-collector.md": commands_manual.collector,
    "events.md": events_manual.manual,
    "factors.md": factors_manual.manual,
    "settings.md": settings_manual.manual,
}

if __name__ == "__main__":
    for name, made in PAGES.items():
        (DOCS / name).write_text(made())
        print(f"wrote docs/{name}", file=sys.stderr)
    for page in embedded.pages(DOCS):
        page.write_text(embedded.filled(page.read_text()))
        print(f"filled docs/{page.name}", file=sys.stderr)
