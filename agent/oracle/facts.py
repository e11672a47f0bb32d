"""What kind of target this is: one row from fixed views, and the containers of a CDB; read once per visit."""

from collections.abc import Sequence

from agent.config import Connection
from agent.oracle.catalogue import CALL_TIMEOUT_S, Container, Facts, Pack, Row, Value
from agent.oracle.judging import text
from agent.oracle.session import Session

FACTS = """
SELECT i.instance_name, i.instance_number, i.host_name, d.name AS db_name, d.db_unique_name, d.dbid, d.platform_name,
       d.database_role, d.open_mode, d.log_mode, d.cdb,
       TO_NUMBER(SYS_CONTEXT('USERENV', 'CON_ID')) AS con_id, SYS_CONTEXT('USERENV', 'CON_NAME') AS con_name,
       SYS_CONTEXT('USERENV', 'SESSION_USER') AS username,
       (SELECT MIN(a.inst_number) FROM v$active_instances a) AS lowest_instance,
       (SELECT COUNT(*) FROM v$datafile f WHERE f.name LIKE '+%') AS asm_files,
       (SELECT COUNT(*) FROM v$parameter p WHERE p.value LIKE '+%' AND p.name IN
          ('control_files', 'db_create_online_log_dest_1', 'db_recovery_file_dest')) AS asm_places,
       (SELECT MIN(v.banner) FROM v$version v WHERE v.banner LIKE 'Oracle%Database%') AS banner,
       (SELECT MAX(p.value) FROM v$parameter p WHERE p.name = 'cluster_database') AS cluster_database,
       (SELECT MAX(p.value) FROM v$parameter p WHERE p.name = 'control_management_pack_access') AS pack_access,
       (SELECT COUNT(*) FROM v$parameter p WHERE UPPER(p.value) LIKE '%SERVICE=%' AND p.name LIKE 'log_archive_dest%')
         AS standby_destinations,
       (SELECT COUNT(*) FROM v$parameter p WHERE p.name = 'log_archive_config' AND UPPER(p.value) LIKE '%DG_CONFIG%')
         AS dg_config
FROM v$instance i CROSS JOIN v$database d
"""
CONTAINERS = """
SELECT c.con_id, c.name, c.open_mode, c.restricted
FROM v$containers c
WHERE c.con_id <> 2
ORDER BY c.con_id
"""
STATEMENTS = (FACTS, CONTAINERS)
_EDITIONS = ("Enterprise", "Standard", "Express", "Free")


async def read(session: Session, connection: Connection) -> Facts:
    """Two round trips at most; `StatementFailure` when a view is not granted."""
    timeout = CALL_TIMEOUT_S["cheap"]
    rows = await session.query(FACTS, action="FACTS", timeout_s=timeout, packs=frozenset())
    containers: Sequence[Row] = ()
    if text(rows[0]["cdb"]) == "YES":
        containers = await session.query(CONTAINERS, action="FACTS", timeout_s=timeout, packs=frozenset())
    return build(rows[0], containers, session=session, connection=connection)


def unread(connection: Connection) -> Facts:
    """The facts of a target that has not been asked: for judges of the logon, which look at nothing else."""
    return Facts(
        db_name="",
        unique_name="",
        dbid=0,
        instance_name="",
        instance_number=0,
        host_name="",
        release=(0, 0),
        version="",
        edition="",
        platform="",
        role="",
        open_mode="",
        log_mode="",
        cdb=False,
        con_id=0,
        con_name="",
        containers=(),
        rac=False,
        lowest_instance=True,
        asm=False,
        standby_configured=False,
        user=connection.user.upper(),
        tier=connection.tier,
        packs=frozenset(),
        share=connection.share,
    )


def build(row: Row, containers: Sequence[Row], *, session: Session, connection: Connection) -> Facts:
    return Facts(
        db_name=text(row["db_name"]),
        unique_name=text(row["db_unique_name"]),
        dbid=_integer(row["dbid"]),
        instance_name=text(row["instance_name"]),
        instance_number=_integer(row["instance_number"]),
        host_name=text(row["host_name"]),
        release=session.release,
        version=session.version,
        edition=next((word for word in _EDITIONS if word in text(row["banner"])), ""),
        platform=text(row["platform_name"]),
        role=text(row["database_role"]),
        open_mode=text(row["open_mode"]),
        log_mode=text(row["log_mode"]),
        cdb=text(row["cdb"]) == "YES",
        con_id=_integer(row["con_id"]) if text(row["cdb"]) == "YES" else 0,
        con_name=text(row["con_name"]),
        containers=tuple(_container(entry) for entry in containers),
        rac=text(row["cluster_database"]).upper() == "TRUE",
        lowest_instance=row["lowest_instance"] in (None, row["instance_number"]),
        asm=_integer(row["asm_files"]) > 0 or _integer(row["asm_places"]) > 0,
        standby_configured=_integer(row["standby_destinations"]) > 0 or _integer(row["dg_config"]) > 0,
        user=text(row["username"]),
        tier=connection.tier,
        packs=_packs(frozenset(connection.packs), text(row["pack_access"])),
        share=connection.share,
    )


def _packs(declared: frozenset[Pack], access: str) -> frozenset[Pack]:
    """A pack counts when the user declared it and the instance allows it (control_management_pack_access)."""
    allowed: dict[str, frozenset[Pack]] = {
        "DIAGNOSTIC": frozenset({"diagnostics"}),
        "DIAGNOSTIC+TUNING": frozenset({"diagnostics", "tuning"}),
    }
    return declared & allowed.get(access.upper(), frozenset())


def _container(row: Row) -> Container:
    return Container(
        con_id=_integer(row["con_id"]),
        name=text(row["name"]),
        open_mode=text(row["open_mode"]),
        restricted=text(row["restricted"]) == "YES",
    )


def _integer(value: Value) -> int:
    if isinstance(value, int | float | str):
        return int(value)
    raise ValueError(f"facts: expected a number, got {value!r}")
