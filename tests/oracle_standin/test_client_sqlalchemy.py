"""SQLAlchemy's oracle+oracledb dialect, which asks for more than its users see."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests.standins.oracle.estate import Target

NOTES = sa.Table(
    "sa_notes",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("title", sa.String(50), nullable=False),
    sa.Column("price", sa.Numeric(10, 2)),
    sa.Column("made", sa.DateTime),
    sa.Column("body", sa.Text),
)
BODY = "größer € " * 1000
MADE = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - a DATE has no zone


@pytest.fixture
def engine(target: Target) -> Iterator[sa.Engine]:
    url = sa.URL.create(
        "oracle+oracledb",
        username=target.user,
        password=target.password,
        host=target.host,
        port=target.port,
        query={"service_name": target.service_name},
    )
    engine = sa.create_engine(url, pool_pre_ping=True)
    yield engine
    engine.dispose()


@pytest.fixture
def notes(engine: sa.Engine) -> Iterator[sa.Table]:
    NOTES.metadata.create_all(engine)
    with engine.begin() as connection:
        first = {"id": 1, "title": "first", "price": Decimal("1.10"), "made": MADE, "body": BODY}
        more = [{"id": n, "title": f"t{n}", "price": Decimal(n), "made": None, "body": None} for n in range(2, 22)]
        connection.execute(NOTES.insert(), [first, *more])
    yield NOTES
    NOTES.metadata.drop_all(engine)


def test_the_dialect_knows_the_server(engine: sa.Engine, target: Target, persona: str) -> None:
    with engine.connect() as connection:
        assert connection.scalar(sa.text("select open_mode from v$database")) == "READ WRITE"
    version = engine.dialect.server_version_info
    assert version is not None
    assert version[0] == (19 if persona == "19c" else 23)
    assert engine.dialect.default_schema_name == engine.dialect.normalize_name(target.user)


def test_rows_come_back_as_they_went(engine: sa.Engine, notes: sa.Table) -> None:
    with engine.connect() as connection:
        row = connection.execute(sa.select(notes).where(notes.c.title == "first")).one()
    assert tuple(row) == (1, "first", Decimal("1.10"), MADE, BODY)


def test_limit_and_offset_page_through(engine: sa.Engine, notes: sa.Table) -> None:
    statement = sa.select(notes.c.id).order_by(notes.c.id)
    with engine.connect() as connection:
        assert connection.scalars(statement.limit(3)).all() == [1, 2, 3]
        assert connection.scalars(statement.limit(3).offset(5)).all() == [6, 7, 8]


def test_rows_are_changed_and_counted(engine: sa.Engine, notes: sa.Table) -> None:
    with engine.begin() as connection:
        changed = connection.execute(notes.update().where(notes.c.id > 11).values(price=notes.c.price * 2))
        assert changed.rowcount == 10
        gone = connection.execute(notes.delete().where(notes.c.title.like("t1%")))
        assert gone.rowcount == 10
        assert connection.scalar(sa.select(sa.func.count()).select_from(notes)) == 11


def test_a_rollback_takes_it_back(engine: sa.Engine, notes: sa.Table) -> None:
    with engine.connect() as connection:
        connection.execute(notes.delete())
        connection.rollback()
        assert connection.scalar(sa.select(sa.func.count()).select_from(notes)) == 21


def test_a_duplicate_key_is_an_integrity_error(engine: sa.Engine, notes: sa.Table) -> None:
    with engine.begin() as connection, pytest.raises(sa.exc.IntegrityError, match="ORA-00001"):
        connection.execute(notes.insert().values(id=1, title="again"))


def test_an_unknown_column_is_a_database_error(engine: sa.Engine) -> None:
    with engine.connect() as connection, pytest.raises(sa.exc.DatabaseError, match="ORA-00904"):
        connection.execute(sa.text("select nonsense from v$database"))


def test_the_inspector_finds_the_table(engine: sa.Engine, notes: sa.Table) -> None:
    inspector = sa.inspect(engine)
    assert inspector.has_table(notes.name)
    assert not inspector.has_table("nowhere")
    columns = {column["name"]: column for column in inspector.get_columns(notes.name)}
    assert list(columns) == [column.name for column in notes.columns]
    assert isinstance(columns["body"]["type"], sa.Text)
    assert not columns["title"]["nullable"]
    assert inspector.get_pk_constraint(notes.name)["constrained_columns"] == ["id"]
