"""Faults of the database and of what is stored in it, planted in real databases, and found."""

import asyncio
import re
import shutil
import sqlite3
import sys
from asyncio.subprocess import PIPE
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, update
from sqlalchemy.engine import make_url

from collector import domain, migrations
from collector.core.room import Fill
from collector.core.vault import Vault
from collector.doctor import fleet, postgres, room, store
from collector.doctor import postgres as wall
from collector.doctor.ground import Ground
from collector.domain.access.signing import signing
from collector.domain.agents.tables import agent, agent_instance, bundle_import
from collector.domain.tables import metadata
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import NewTenant
from collector.domain.webhooks.lanes import Backlog
from collector.domain.webhooks.tables import delivery, endpoint, event
from common.clock import utc_now
from tests.collector.conftest import Postgres
from tests.collector.doctor.grounds import Found, bad, found, ground, seen
from tests.collector.refusing import refusing

NOW = utc_now()
NOUNS = {path.parent.name for path in Path(domain.__file__).parent.glob("*/tables.py")}


@pytest.fixture
def at(sqlite_template: Path, tmp_path: Path) -> Ground:
    made = ground(tmp_path)
    shutil.copy(sqlite_template, made.state / "collector.sqlite")
    return made


def looked(at: Ground) -> Found:
    return found(store.LOOKS, at)


def do(at: Ground, *statements: tuple[Any, dict[str, Any]]) -> None:
    engine = create_engine(f"sqlite:///{at.state / 'collector.sqlite'}")
    with engine.begin() as conn:
        if not tenants.tenants(conn):
            tenants.add(conn, NewTenant(slug="acme", name="Acme", plan="team"), NOW)
        for statement, values in statements:
            conn.execute(statement, values)
    engine.dispose()


def one_agent(number: int = 1, **changes: Any) -> tuple[Any, dict[str, Any]]:
    row: dict[str, Any] = {column.name: None for column in agent.c}
    row |= {
        "tenant_id": 1, "id": f"agt_{number}", "name": f"host{number}", "hostname": "h", "version": "1",
        "state": "active", "enrolled_by": "", "enrolled_at": NOW, "last_seen_at": NOW, "spool_full": False,
    }  # fmt: skip
    return insert(agent), row | changes


# --- SQLite --------------------------------------------------------------------------------------------------------


def test_a_database_as_it_should_be_is_well_and_stays_as_it_is(at: Ground) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in at.state.iterdir()}
    assert bad(looked(at)) == {}
    assert {path.name: path.stat().st_mtime_ns for path in at.state.iterdir()} == before


def test_a_database_that_is_not_made_yet_is_no_fault(tmp_path: Path) -> None:
    at = ground(tmp_path)
    assert looked(at)["database"].state == "unknown"
    assert list(at.state.iterdir()) == []


def test_a_damaged_database_is_told(at: Ground) -> None:
    (at.state / "collector.sqlite").write_bytes(b"nonsense" * 4096)
    finding = bad(looked(at))["database"]
    assert "is damaged" in finding.detail
    assert ".recover" in finding.mend


def test_a_database_that_is_behind_or_ahead_is_told(at: Ground) -> None:
    path = at.state / "collector.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '0013'")
    finding = bad(looked(at))["database-revision"]
    assert f"at revision 0013, newest is {migrations.newest()}" in finding.detail
    assert "migrate --check" in finding.mend
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "which a newer collector made" in bad(looked(at))["database-revision"].detail


def test_sqlite_that_is_outgrown_is_sent_to_postgresql(at: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "OUTGROWN_BYTES", 1000)
    finding = bad(looked(at))["sqlite-size"]
    assert "SQLite is outgrown" in finding.detail
    assert "createdb -E UTF8" in finding.mend


def test_too_many_agents_outgrow_sqlite_too(at: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "OUTGROWN_AGENTS", 1)
    do(at, one_agent(1), one_agent(2))
    assert "2 agents; one process serves up to 1 well" in bad(looked(at))["sqlite-size"].detail


def test_a_log_that_is_never_taken_back_is_told(at: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_LARGE_WAL", 100)
    with closing(sqlite3.connect(at.state / "collector.sqlite")) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE more (n)")
        db.commit()
        assert "keeps it from being taken back" in bad(looked(at))["sqlite-size"].detail


@pytest.mark.skipif(sqlite3.sqlite_version_info >= store.WAL_SOUND, reason="this SQLite is without the fault")
async def test_a_second_process_at_the_database_of_an_old_sqlite_is_told(at: Ground) -> None:
    async def end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_unix_server(end, str(at.settings.control_socket))
    path = str(at.state / "collector.sqlite")
    script = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT 1 FROM agent'); print(1); input()"
    )
    other = await asyncio.create_subprocess_exec(sys.executable, "-uc", script, path, stdin=PIPE, stdout=PIPE)
    assert other.stdout
    await other.stdout.readline()
    finding = bad(await seen(store.LOOKS, at))["sqlite-library"]
    await other.communicate(b"\n")
    server.close()
    await server.wait_closed()
    assert f"process {other.pid} has" in finding.detail
    assert "fixed in 3.51.3" in finding.detail


# --- vault ---------------------------------------------------------------------------------------------------------


def sealed(at: Ground) -> None:
    vault = Vault.of_file(at.settings.vault_path)
    engine = create_engine(f"sqlite:///{at.state / 'collector.sqlite'}")
    with engine.begin() as conn:
        signing(conn, vault, NOW)
    engine.dispose()


def test_a_vault_key_that_is_lost_is_told_while_secrets_need_it(at: Ground) -> None:
    sealed(at)
    assert looked(at)["vault"].detail == "opens what is sealed (1 secrets)"
    at.settings.vault_path.unlink()
    finding = bad(looked(at))["vault"]
    assert "is not there, and 1 secrets are sealed under it" in finding.detail
    assert not at.settings.vault_path.exists(), "doctor makes none"


def test_another_vault_key_than_that_of_the_secrets_is_told(at: Ground) -> None:
    sealed(at)
    at.settings.vault_path.unlink()
    Vault.of_file(at.settings.vault_path)
    assert "is not the key under which 1 secrets were sealed" in bad(looked(at))["vault"].detail
    at.settings.vault_path.write_text("c2hvcnQ=")
    assert "expected 32 in base64" in bad(looked(at))["vault"].detail


def test_a_vault_key_that_others_may_read_is_told(at: Ground) -> None:
    sealed(at)
    at.settings.vault_path.chmod(0o640)
    assert bad(looked(at))["vault"].mend == f"chmod 0600 {at.settings.vault_path}"


# --- agents and deliveries -------------------------------------------------------------------------------------------


def test_agents_that_need_somebody_are_named_with_the_command(at: Ground) -> None:
    old = NOW - timedelta(hours=2)
    instance = {"tenant_id": 1, "agent_id": "agt_3", "instance": "i", "host": "h", "boot": "b", "first_seen_at": NOW,
                "last_seen_at": NOW, "superseded_at": None, "parked_at": NOW}  # fmt: skip
    carried = {"tenant_id": 1, "agent_id": "agt_4", "epoch": "e", "number": 1, "digest": "d", "made_at": old,
               "imported_at": old, "records": 1, "fresh": 1}  # fmt: skip
    do(
        at,
        one_agent(1, last_seen_at=old),
        one_agent(2, state="pending", last_seen_at=None),
        one_agent(3),
        one_agent(4, bundle_every_s=600),
        one_agent(5, state="revoked"),
        (insert(agent_instance), instance),
        (insert(bundle_import), carried),
    )
    findings = bad(looked(at))
    assert "1: host1 (agt_1)" in findings["agents-silent"].detail
    assert findings["agents-pending"].mend == "fieldpost-collector agent approve --tenant acme agt_2"
    assert "agent parked --tenant acme" in findings["agents-parked"].mend
    assert "overdue: host4 (agt_4)" in findings["bundles"].detail
    assert "3 active, 4 known" in looked(at)["agents"].detail


def test_the_clock_of_one_agent_is_told_from_that_of_this_host(at: Ground) -> None:
    do(at, *(one_agent(number, clock_offset_s=0.1) for number in range(4)), one_agent(9, clock_offset_s=50.0))
    assert "host9 (agt_9)" in bad(looked(at))["agents-clock"].detail
    do(at, (update(agent).values(clock_offset_s=-300.0), {}))
    assert "this host's clock is the wrong one" in bad(looked(at))["agents-clock"].detail


def test_deliveries_that_are_stuck_or_given_up_are_told(at: Ground) -> None:
    long_ago = NOW - timedelta(days=1)
    lane = {
        "tenant_id": 1, "id": "whk_1", "kind": "webhook", "name": "n", "target": {}, "events": [], "state": "enabled",
        "created_at": long_ago, "failures": 0, "due_at": long_ago, "ready_since": long_ago,
    }  # fmt: skip
    row: dict[str, Any] = {column.name: None for column in endpoint.c}
    told: list[dict[str, Any]] = [
        {"tenant_id": 1, "seq": seq, "id": f"evt_{seq}", "type": "t", "body": "{}", "created_at": long_ago}
        for seq in (1, 2)
    ]
    sent: list[dict[str, Any]] = [
        {"tenant_id": 1, "seq": seq, "endpoint_id": "whk_1", "state": state, "tries": 0, "attempts": [],
         "queued_at": long_ago, "done_at": None}
        for seq, state in ((1, "pending"), (2, "dead"))
    ]  # fmt: skip
    do(
        at,
        (insert(endpoint), row | lane),
        *((insert(event), one) for one in told),
        *((insert(delivery), one) for one in sent),
    )
    findings = bad(looked(at))
    assert "stuck: 1 deliveries or more are due, the oldest since" in findings["outbox"].detail
    assert "1 deliveries were given up" in findings["dead-letters"].detail


def test_all_agents_silent_at_once_is_a_fault_of_this_side(at: Ground) -> None:
    old = NOW - timedelta(hours=2)
    do(at, one_agent(1, last_seen_at=old), one_agent(2, last_seen_at=old))
    assert bad(looked(at))["agents-silent"].mend.startswith("all of them: look here first")


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


def with_database(tmp_path: Path, url: str) -> Found:
    file = tmp_path / "database"
    file.write_text(url)
    return found(store.LOOKS, ground(tmp_path, database_file=file))


def test_a_file_with_the_url_that_is_missing_is_named(tmp_path: Path) -> None:
    finding = bad(found(store.LOOKS, ground(tmp_path, database_file=tmp_path / "none")))["database"]
    assert "database_file: " in finding.detail


def test_a_url_that_is_none_is_told_and_not_shown(tmp_path: Path) -> None:
    finding = bad(with_database(tmp_path, "postgresql//u:tiger@h/x"))["database"]
    assert "expected postgresql://user@host/name" in finding.detail
    assert "tiger" not in str(finding)


def test_postgresql_that_is_not_there_is_told(tmp_path: Path) -> None:
    finding = bad(with_database(tmp_path, "postgresql://fp:tiger@127.0.0.1:1/fp"))["database"]
    assert "PostgreSQL at 127.0.0.1:1 does not answer" in finding.detail
    assert "pg_isready -h 127.0.0.1 -p 1" in finding.mend
    assert "tiger" not in str(finding)


GOOD = postgres.Server(
    version=150_004,
    named="15.4",
    encoding="UTF8",
    role="fp",
    schema="public",
    slots=97,
    used=5,
    creates=True,
    database="fp",
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 110_022, "named": "11.22"}, "PostgreSQL 11.22 is too old"),
        ({"encoding": "SQL_ASCII"}, "has the encoding SQL_ASCII; expected UTF8"),
        ({"creates": False}, "fp may not create tables in schema public"),
        ({"used": 95}, "95 of 97 connections are in use"),
    ],
)
def test_a_server_is_judged_by_what_it_says(changes: dict[str, Any], message: str) -> None:
    assert postgres.judge(GOOD).state == "well"
    assert message in bad({"database-server": postgres.judge(replace(GOOD, **changes))})["database-server"].detail


@pytest.mark.parametrize(
    ("code", "said", "message", "mend"),
    [
        ("28P01", 'password authentication failed for user "fp"', "refuses the password of fp", "\\password fp"),
        ("28000", 'no pg_hba.conf entry for host "10.1.1.1"', "does not let this host in", "hostssl fieldpost fp"),
        ("53300", "sorry, too many clients already", "has no connection left", "max_connections = 200"),
        ("08P01", "unsupported startup parameter: options", "reached by a pooler that refuses", "the server itself"),
    ],
)
async def test_a_refusal_of_postgresql_is_told_by_its_reason(
    tmp_path: Path, code: str, said: str, message: str, mend: str
) -> None:
    async with refusing(code, said) as port:
        url = f"postgresql://fp:tiger@127.0.0.1:{port}/fieldpost"
        finding = bad(await asyncio.to_thread(with_database, tmp_path, url))["database"]
    assert message in finding.detail
    assert mend in finding.mend
    assert "tiger" not in str(finding)


@pytest.mark.slow
def test_faults_of_a_real_postgresql_are_told(postgres: Postgres, tmp_path: Path) -> None:
    name = postgres.new()
    url = make_url(postgres.url_of(name))
    shown = {
        url.set(username="nobody_here"): "has no role nobody_here",
        url.set(database="no_such_database"): "has no database no_such_database",
    }
    for wrong, message in shown.items():
        text_ = wrong.render_as_string(hide_password=False)
        assert message in bad(with_database(tmp_path, text_))["database"].detail
    assert bad(with_database(tmp_path, url.render_as_string(hide_password=False))) == {}
    postgres.run(
        "CREATE ROLE reader LOGIN", f"CREATE DATABASE ascii_{name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
    )
    plain = url.set(username="reader").render_as_string(hide_password=False)
    assert "reader may not create tables" in bad(with_database(tmp_path, plain))["database-server"].detail
    ascii_ = url.set(database=f"ascii_{name}").render_as_string(hide_password=False)
    assert "expected UTF8" in bad(with_database(tmp_path, ascii_))["database-server"].detail
    postgres.run("ALTER ROLE reader NOLOGIN")
    assert "does not let the role reader log in" in bad(with_database(tmp_path, plain))["database"].detail
    postgres.run(f"DROP DATABASE ascii_{name} WITH (FORCE)", "DROP ROLE reader")
    postgres.drop(name)


def test_a_role_that_row_level_security_does_not_bind_is_told(postgres: Postgres, tmp_path: Path) -> None:
    name = postgres.new()
    bound = make_url(postgres.url_of(name)).render_as_string(hide_password=False)
    assert with_database(tmp_path, bound)["row-security"].state == "well"
    postgres.run("CREATE ROLE over_all LOGIN SUPERUSER")
    unbound = make_url(bound).set(username="over_all").render_as_string(hide_password=False)
    finding = bad(with_database(tmp_path, unbound))["row-security"]
    assert "does not bind over_all" in finding.detail
    assert "--no-superuser" in finding.mend
    postgres.run("DROP ROLE over_all")
    postgres.drop(name)


def test_a_table_without_row_level_security_is_named() -> None:
    finding = wall.judge_wall("fieldpost", ["ticket"], binds=True)
    assert (finding.state, finding.detail) == ("unwell", "tables without it: ticket")


def test_the_database_says_how_large_it_is_and_what_takes_most(at: Ground) -> None:
    finding = looked(at)["database-room"]
    assert finding.state == "well"
    assert re.search(r"^[\d.]+ MiB of [\d.]+ [GT]iB \(what is to be left free on its volume\): ", finding.detail)
    assert re.search(r", results [\d.]+ KiB", finding.detail)


@pytest.mark.parametrize(
    ("fill", "told"),
    [
        (Fill(95, 100), "nearly full: 95 B of 100 B (disk_budget): history 60 B"),
        (Fill(120, 100), "old values go before their time"),
        (Fill(120, -5, by_reserve=True), "others have filled the volume"),
    ],
)
def test_a_database_without_room_is_told(fill: Fill, told: str) -> None:
    finding = bad({"x": room.judge(fill, {"history": 60, "activity": 20})})["x"]
    assert told in finding.detail
    assert "keep_values_days" in finding.mend


def test_every_table_has_a_kind() -> None:
    assert set(room.kinds(dict.fromkeys(metadata.tables, 1))) <= {*NOUNS, "other"}
    assert room.kinds({"metric_point": 5, "metric_hour": 2, "ticket": 9, "counter": 1}) == {
        "tickets": 9,
        "history": 7,
        "other": 1,
    }


def test_nothing_is_judged_before_the_tables_are_there(at: Ground) -> None:
    with closing(sqlite3.connect(at.state / "empty.sqlite")) as db:
        db.execute("CREATE TABLE x (n)")
    empty = Ground(at.settings.model_copy(update={"database": f"sqlite:///{at.state / 'empty.sqlite'}"}))
    findings = looked(empty)
    assert "at revision none" in bad(findings)["database-revision"].detail
    assert "agents" not in findings


def test_what_is_seen_of_an_empty_fleet_is_well() -> None:
    empty = fleet.Seen(NOW, (), 0, Backlog(0, None))
    assert {finding.state for finding in fleet.judged(empty)} == {"well"}
