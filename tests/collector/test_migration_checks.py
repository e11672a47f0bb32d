"""What an upgrade says beforehand, which revisions may run beside an older program, what a newer database allows."""

import ast
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from typer.testing import CliRunner

from collector import migrations
from collector.cli import app
from collector.core import floors
from collector.core.database import Database
from collector.migrations import effects
from collector.migrations.effects import Effect
from common.errors import ConfigurationError

VERSIONS = Path(migrations.__file__).parent / "versions"
SINCE = "0014"
TAKES_AWAY = {"drop_column", "drop_table", "drop_index", "drop_constraint", "rename_table", "alter_column"}


def revision(name: str, after: str, does: str, *, more: str = "") -> str:
    return f"""\"\"\"Something of a later version.\"\"\"
import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = "{after}"
branch_labels = None
depends_on = None
{more}

def upgrade() -> None:
    {does}
"""


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Makes this program one that has these revisions too, until it is called without any."""
    folder = tmp_path / "later"
    shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    own = migrations.FOLDER

    def become(*sources: str) -> None:
        for number, source in enumerate(sources):
            (folder / "versions" / f"later_{number}.py").write_text(source)
        monkeypatch.setattr(migrations, "FOLDER", folder if sources else own)
        migrations.scripts.cache_clear()

    yield become
    migrations.scripts.cache_clear()


NEWEST = migrations.newest()
EXPANDING = revision("9001", NEWEST, 'op.add_column("tenant", sa.Column("colour", sa.String(), nullable=True))')
CONTRACTING = revision(
    "9002", "9001", 'op.drop_column("tenant", "colour")', more='CONTRACTS = True\nUNUSED_SINCE = "0.9"\nFLOOR = "9001"'
)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(VERSIONS.glob("[0-9]*.py")) if path.stem[:4] >= SINCE],
    ids=lambda path: path.stem[:4],
)
def test_what_takes_something_away_says_so(path: Path) -> None:
    """Expand first, contract when no supported release reads it any more: several versions run beside one another."""
    tree = ast.parse(path.read_text())
    given = dict(_constants(tree))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    used = {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)} & TAKES_AWAY
    done = effects.of_revisions(migrations.config(), str(given["down_revision"]), [path.stem[:4]])
    contracts = [effect for effect in done[path.stem[:4]] if effect.contracts]
    if used or contracts:
        assert given["CONTRACTS"] is True, (path.name, used, contracts)
        assert given["UNUSED_SINCE"], "the release in which nobody reads it any more"
        assert str(given["FLOOR"]) < path.stem[:4], "the newest revision of that release"


def _constants(tree: ast.Module) -> Iterator[tuple[str, object]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, ast.literal_eval(node.value)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE TABLE one (id INTEGER NOT NULL)", Effect("creates", ("one",))),
        ("CREATE INDEX i ON one (id)", Effect("indexes", ("one",))),
        ("CREATE UNIQUE INDEX i ON one (id)", Effect("indexes", ("one",), contracts=True)),
        ("CREATE UNIQUE INDEX i ON new (id)", Effect("indexes", ("new",))),
        ("ALTER TABLE one ADD COLUMN a TEXT", Effect("adds to", ("one",))),
        ("ALTER TABLE one ADD COLUMN a TEXT DEFAULT '' NOT NULL", Effect("adds to", ("one",))),
        ("ALTER TABLE one ADD COLUMN a TEXT NOT NULL", Effect("adds to", ("one",), contracts=True)),
        ("UPDATE one SET a = 1", Effect("fills", ("one",))),
        (
            'INSERT INTO "one" (a)\n SELECT b FROM two JOIN three ON true',
            Effect("fills", ("one", "two", "three")),
        ),
        ("DELETE FROM one", Effect("changes", ("one",), contracts=True)),
        ("DROP TABLE one", Effect("changes", ("one",), contracts=True)),
        ("ALTER TABLE one RENAME COLUMN a TO b", Effect("changes", ("one",), contracts=True)),
        ("ALTER TABLE one DROP COLUMN a", Effect("changes", ("one",), contracts=True)),
        ("UPDATE alembic_version SET version_num='0015'", None),
        ("SELECT 1", None),
    ],
)
def test_statements_tell_what_they_do(statement: str, expected: Effect | None) -> None:
    assert effects.of_statement(statement, frozenset({"new"})) == expected


def checked(state: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["--state-dir", str(state), "migrate", "--check"])
    return result.exit_code, result.output or str(result.exception)


def test_a_check_names_what_would_run_and_changes_nothing(tmp_path: Path, sqlite_template: Path) -> None:
    state = tmp_path / "state"
    code, said = checked(state)
    assert (code, state.exists()) == (1, False)
    assert f"database at revision (empty), this program at {NEWEST}: to be upgraded" in said
    state.mkdir()
    shutil.copy(sqlite_template, state / "collector.sqlite")
    assert checked(state)[0] == 0
    engine = create_engine(f"sqlite:///{state / 'old.sqlite'}")
    with engine.begin() as conn:
        migrations.upgrade(conn, "0013")
        conn.execute(text("INSERT INTO fleet_version (tenant_id, source, version) VALUES (1, 'a', 1)"))
    engine.dispose()
    (state / "old.sqlite").rename(state / "collector.sqlite")
    before = (state / "collector.sqlite").read_bytes()
    code, said = checked(state)
    assert code == 1
    assert "database at revision 0013" in said
    assert "all revisions only expand" in said
    assert "0014      Keys that change" in said
    assert (state / "collector.sqlite").read_bytes() == before


def test_a_database_that_a_newer_version_only_expanded_goes_on_being_served(
    tmp_path: Path, sqlite_template: Path, later: Callable[..., None]
) -> None:
    """So that a release can be rolled back; the new column stays for when it comes back."""
    state = _upgraded_by_later(tmp_path, sqlite_template, later, EXPANDING)
    with create_engine(f"sqlite:///{state / 'collector.sqlite'}").begin() as conn:
        assert migrations.upgrade(conn).newer
        assert migrations.current(conn) == "9001"
    code, said = checked(state)
    assert code == 78, said
    assert "this one can work with it" in said
    result = CliRunner().invoke(app, ["--state-dir", str(state), "migrate"])
    assert isinstance(result.exception, ConfigurationError)
    assert "the database is at revision 9001; this program knows revisions up to" in str(result.exception)


def test_a_database_that_a_newer_version_took_something_from_is_refused_by_both_revisions(
    tmp_path: Path, sqlite_template: Path, later: Callable[..., None]
) -> None:
    state = _upgraded_by_later(tmp_path, sqlite_template, later, EXPANDING, CONTRACTING)
    with (
        create_engine(f"sqlite:///{state / 'collector.sqlite'}").begin() as conn,
        pytest.raises(migrations.DatabaseNewer, match=f"at revision 9002.*up to {NEWEST}"),
    ):
        migrations.upgrade(conn)
    result = CliRunner().invoke(app, ["--state-dir", str(state), "migrate", "--check", "--json"])
    assert (result.exit_code, json.loads(result.output)["report"]["state"]) == (78, "newer")
    later(EXPANDING)  # the version between the two can work with it
    (migrations.FOLDER / "versions" / "later_1.py").unlink()
    migrations.scripts.cache_clear()
    with create_engine(f"sqlite:///{state / 'collector.sqlite'}").begin() as conn:
        assert migrations.upgrade(conn).usable


def _upgraded_by_later(tmp_path: Path, template: Path, later: Callable[..., None], *sources: str) -> Path:
    state = tmp_path / "state"
    state.mkdir()
    shutil.copy(template, state / "collector.sqlite")
    later(*sources)
    code, said = checked(state)
    assert (code, "some revisions contract" in said) == (1, len(sources) > 1)
    engine = create_engine(f"sqlite:///{state / 'collector.sqlite'}")
    with engine.begin() as conn:
        migrations.upgrade(conn)
    engine.dispose()
    later()
    return state


async def test_a_check_counts_rows_on_both_stores(database: Database) -> None:
    """Of the tables that are touched, at most."""

    def look(conn: Connection) -> tuple[int, frozenset[str] | None]:
        from collector.migrations import checking  # noqa: PLC0415 - beside what it reads

        rows = checking._rows(conn, {"tenant", "not_there_yet"})
        assert checking._bytes(conn) > 0
        assert rows.keys() == {"tenant"}
        return rows["tenant"], floors.known(conn)

    assert await database.read(look, heavy=True) == (0, frozenset())
