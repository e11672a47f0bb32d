"""The dashboards: valid, free of addresses, and made of figures that the collector shows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.api.counting import Counting
from collector.app import create_app
from collector.core.database import Database
from collector.core.metrics import Metrics
from collector.core.settings import Settings
from tests.collector import builders
from tests.collector.conftest import database, database_url, few_signing_keys, sqlite_template  # noqa: F401 - fixtures
from tests.packaging import exposition

ROOT = Path(__file__).parents[2]
BOARDS = sorted((ROOT / "packaging" / "grafana").glob("*.json"))
MANUAL = ROOT / "docs" / "metrics.md"
_METRIC = re.compile(r"\b(?:fieldpost|process)_[a-z0-9_]+")
_VALUES = {"$__rate_interval": "5m", "$instance": ".*", "$job": ".*", "$tenant": ".*"}


@pytest.fixture
def store_name() -> str:
    return "sqlite"


@pytest.fixture
async def shown(database: Database, tmp_path: Path) -> str:  # noqa: F811 - a fixture
    """What a collector with one tenant shows."""
    await builders.tenant(database)
    metrics = Metrics()
    app = create_app(Settings(state_dir=tmp_path), database, metrics=metrics)
    await Counting(database, metrics)()
    text = metrics.render().decode()
    await app.shut_down()
    return text


def board(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def queries(path: Path) -> Iterator[str]:
    for panel in board(path)["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def test_there_are_two_dashboards() -> None:
    assert [path.stem for path in BOARDS] == ["collector", "fleet"]


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_one_that_grafana_imports(path: Path) -> None:
    made = board(path)
    assert made["schemaVersion"] >= 36
    assert "://" not in path.read_text()
    variables = made["templating"]["list"]
    assert variables[0]["type"] == "datasource"
    ids = [panel["id"] for panel in made["panels"]]
    assert len(ids) == len(set(ids))
    sources = [
        one["datasource"]["uid"]
        for panel in made["panels"]
        for one in (panel, *panel.get("targets", ()))
        if "datasource" in one
    ]
    assert set(sources) == {"${datasource}"}
    for panel in made["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert panel["title"]


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_no_two_panels_cover_each_other(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board(path)["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_figure_of_a_dashboard_is_shown(path: Path, shown: str) -> None:
    known = exposition.series(shown)
    variables = [one["query"]["query"] for one in board(path)["templating"]["list"] if one["type"] == "query"]
    for query in (*queries(path), *variables):
        used = set(_METRIC.findall(query))
        assert used, query
        assert used <= known, query


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_query_is_one_that_prometheus_takes(path: Path, tmp_path: Path) -> None:
    rules = []
    for n, query in enumerate(queries(path)):
        for name, value in _VALUES.items():
            query = query.replace(name, value)  # noqa: PLW2901 - one after the other
        assert "$" not in query, query
        rules.append({"record": f"board:query{n}", "expr": query})
    written = tmp_path / "rules.yml"
    written.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}))
    exposition.promtool("check", "rules", str(written))


def test_prometheus_has_nothing_to_mind_about_the_figures(shown: str) -> None:
    assert "fieldpost_recommendations_savings_usd{" in shown
    exposition.promtool("check", "metrics", given=shown)


def test_the_manual_lists_every_figure_and_no_other(shown: str) -> None:
    listed = set(re.findall(r"^\| `((?:fieldpost|process)_[a-z0-9_]+)`", MANUAL.read_text(), re.MULTILINE))
    kinds = exposition.families(shown)
    while_serving = [
        ROOT / "collector" / place for place in ("cli/renewing.py", "core/sqlite_library.py", "filling.py")
    ]
    served = [name for path in while_serving for name in re.findall(r'metrics\.watch\(\s*"(\w+)"', path.read_text())]
    assert served, "figures of certificates and of the database's room are there while a collector serves"
    shown_here = {f"{name}_total" if kind == "counter" else name for name, kind in kinds.items()}
    assert listed == shown_here | {f"fieldpost_{name}" for name in served}
