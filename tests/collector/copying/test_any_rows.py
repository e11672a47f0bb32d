"""Whatever a table can hold comes out of a backup, of either store, as it went in."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from collector.copying import archive, backup, targets
from collector.copying.archive import About
from collector.copying.loading import Copied
from collector.copying.shapes import shapes
from tests.collector.copying.anything import content
from tests.collector.copying.conftest import Make

pytestmark = pytest.mark.slow

ABOUT = About(version="0.0", store="", vault=None, keys={})


def quiet(_table: str, _rows: int) -> None:
    pass


def put(url: str, given: dict[str, list[dict[str, object]]]) -> None:
    """Past the types of the collector, so that nothing is made friendlier on its way in; what was there goes."""
    parsed = make_url(url)
    engine = create_engine(parsed if parsed.drivername == "sqlite" else parsed.set(drivername="postgresql+psycopg"))
    with engine.begin() as conn:
        for shape in shapes(conn):
            conn.execute(text(f'DELETE FROM "{shape.name}"'))
        for name, rows in given.items():
            quoted = ", ".join(f'"{column}"' for column in rows[0])
            marks = ", ".join(f":{column}" for column in rows[0])
            conn.execute(text(f'INSERT INTO "{name}" ({quoted}) VALUES ({marks}) ON CONFLICT DO NOTHING'), rows)
    engine.dispose()


def file_of(url: str, path: Path) -> Path:
    path.unlink(missing_ok=True)
    return backup.make(url, path, ABOUT, quiet).path


def said(path: Path) -> tuple[Copied, ...]:
    with archive.opened(path, None) as opened:
        opened.verify(quiet)
        return opened.manifest.copied


def filled(url: str, path: Path) -> None:
    with archive.opened(path, None) as opened, targets.emptied(url) as conn:
        targets.fill(conn, opened, opened.manifest.copied, quiet)


@pytest.mark.parametrize(("first", "second"), [("sqlite", "sqlite"), ("sqlite", "postgres"), ("postgres", "sqlite")])
def test_rows_survive_store_to_file_to_other_store_to_file(
    first: str, second: str, new_store: Make, tmp_path: Path
) -> None:
    source, target = new_store(first), new_store(second)

    @settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(content())
    def survives(drawn: dict[str, list[dict[str, object]]]) -> None:
        put(source, drawn)
        before = file_of(source, tmp_path / "before.zip")
        filled(target, before)
        assert said(file_of(target, tmp_path / "after.zip")) == said(before)
        assert {name for name, rows, _ in said(before) if rows} == set(drawn)
        put(target, {})

    survives()
