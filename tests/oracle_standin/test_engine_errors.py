"""Where Oracle is strict, the engine is: each statement with its error and the place of it."""

from collections.abc import Iterator

import pytest

from tests.oracle_standin.engine_cases import database, error, login, rows
from tests.standins.oracle.engine.session import Session


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with database() as opened:
        yield login(opened)


# Statement, error, what the offset points at ("" where Oracle gives none worth testing).
STRICT = [
    # names
    ("SELECT nope FROM v$log", 904, "nope"),
    ("SELECT l.nope FROM v$log l", 904, "l.nope"),
    ("SELECT x.group# FROM v$log l", 904, "x.group#"),
    ("SELECT v$log.group# FROM v$log l", 904, "v$log.group#"),  # an alias hides the name
    ("SELECT nope.* FROM v$log", 904, "nope"),
    ("SELECT group# FROM v$log WHERE staus = 'CURRENT'", 904, "staus"),
    ("SELECT group# g FROM v$log WHERE g = 1", 904, "g = 1"),  # no alias in WHERE
    ("SELECT status s, COUNT(*) FROM v$log GROUP BY s", 904, "s"),  # nor in GROUP BY before 23ai
    ('SELECT "group#" FROM v$log', 904, '"group#"'),
    ("SELECT 'x' FROM v$log WHERE status = \"CURRENT\"", 904, '"CURRENT"'),
    ("SELECT group# FROM v$log ORDER BY nope", 904, "nope"),
    ("SELECT 1 FROM v$log UNION SELECT 2 FROM dual ORDER BY group#", 904, "group#"),
    ("SELECT group# FROM v$log, v$logfile", 918, "group#"),
    ("SELECT * FROM (SELECT a.group#, b.group# FROM v$log a, v$logfile b)", 918, ""),
    ("SELECT l.group# FROM v$log l JOIN v$logfile f USING (group#)", 25154, ""),
    ("SELECT status FROM v$log a JOIN v$logfile b ON a.group# = b.group#", 918, "status"),
    ("SELECT pdb_name FROM dba_data_files", 904, "pdb_name"),
    ("SELECT con_id FROM dba_data_files", 904, "con_id"),  # CDB_DATA_FILES has it
    ("SELECT activity_tracking_x FROM all_tables", 904, "activity_tracking_x"),
    # tables
    ("SELECT * FROM no_such_table", 942, "no_such_table"),
    ("SELECT * FROM v$datafile", 942, "v$datafile"),  # there, not granted
    ("SELECT * FROM sys.v$log", 942, "v$log"),  # SYS owns V_$LOG; V$LOG is a public synonym
    ("SELECT * FROM v_$log", 942, "v_$log"),
    ("SELECT * FROM other.v$log", 942, "v$log"),
    ("SELECT * FROM registry$history", 942, "registry$history"),  # has no synonym
    ("SELECT * FROM gv$log", 942, "gv$log"),  # V_$LOG was granted, GV_$LOG was not
    ("SELECT * FROM cdb_tablespaces", 942, "cdb_tablespaces"),
    ("SELECT 1 FROM dual WHERE EXISTS (SELECT 1 FROM dba_users)", 942, "dba_users"),
    # grammar
    ("SELEC 1 FROM dual", 900, ""),
    ("SELECT 1", 923, ""),
    ("SELECT FROM dual", 936, ""),
    ("SELECT 1 FROM", 903, ""),
    ("SELECT 1 FROM dual WHERE", 936, ""),
    ("SELECT 1 FROM dual d WHERE (1 = 1", 907, ""),
    ("SELECT (1 FROM dual", 907, ""),
    ("SELECT 1 FROM dual;", 933, ";"),
    ("SELECT 1 FROM dual LIMIT 1", 933, ""),
    ("SELECT 1 FROM dual AS d", 933, "AS"),
    ("SELECT 1 FROM (SELECT 1 FROM dual) AS d", 933, "AS"),
    ("SELECT *, 1 FROM dual", 923, ""),
    ("SELECT 1, * FROM dual", 936, ""),
    ("SELECT 1 size FROM dual", 923, "size"),
    ("SELECT 1 AS date FROM dual", 923, "date"),
    ("SELECT comment FROM dual", 936, "comment"),
    ("SELECT 1 FROM dual level", 933, "level"),
    ("SELECT 1 FROM v$log JOIN v$logfile", 905, ""),
    ("SELECT 1 FROM dual EXCEPT SELECT 1 FROM dual", 933, "EXCEPT"),
    ("SELECT 1::int FROM dual", 911, "::"),
    ("SELECT 5 % 2 FROM dual", 911, "%"),
    ("SELECT `x` FROM dual", 911, ""),
    ("SELECT 'abc FROM dual", 1756, ""),
    ("SELECT 1 FROM dual WHERE 1", 920, ""),
    ("SELECT 1 FROM dual WHERE dummy", 920, "dummy"),
    ("SELECT 1 FROM dual WHERE dummy ILIKE 'x'", 920, ""),
    ("SELECT 1 FROM dual WHERE dummy IS 'X'", 908, ""),
    ("SELECT TRUE FROM dual", 904, ""),
    ("SELECT dummy = 'X' FROM dual", 923, "dummy"),
    ("SELECT 1 FROM dual WHERE dummy IN ()", 936, ""),
    (f"SELECT 1 FROM dual WHERE 1 IN ({', '.join(['1'] * 1001)})", 1795, ""),
    ("SELECT 1 AS " + "x" * 129 + " FROM dual", 972, ""),
    ("WITH t(n) AS (SELECT 1, 2 FROM dual) SELECT * FROM t", 32038, ""),
    ("WITH t AS (SELECT 1 n FROM dual UNION ALL SELECT n + 1 FROM t) SELECT * FROM t", 32039, ""),
    # grouping
    ("SELECT status, COUNT(*) FROM v$log", 937, "status"),
    ("SELECT group#, MAX(status) FROM v$log ORDER BY 1", 937, "group#"),
    ("SELECT status, bytes FROM v$log GROUP BY status", 979, "bytes"),
    ("SELECT bytes / 2 FROM v$log GROUP BY bytes * 2", 979, "bytes"),
    ("SELECT status FROM v$log GROUP BY status ORDER BY bytes", 979, "bytes"),
    ("SELECT status FROM v$log GROUP BY status HAVING bytes > 1", 979, "bytes"),
    ("SELECT * FROM v$log GROUP BY group#", 979, ""),
    ("SELECT status FROM v$log GROUP BY 1", 979, "status"),  # 1 is a constant here
    ("SELECT (SELECT MAX(member) FROM v$logfile WHERE group# = l.group#) FROM v$log l GROUP BY bytes", 979, "l.group#"),
    ("SELECT status FROM v$log WHERE COUNT(*) > 1", 934, "COUNT"),
    ("SELECT status FROM v$log GROUP BY COUNT(*)", 934, "COUNT"),
    ("SELECT MAX(COUNT(*)) FROM v$log", 978, "COUNT"),
    ("SELECT DISTINCT status FROM v$log ORDER BY group#", 1791, "group#"),
    ("SELECT status FROM v$log ORDER BY 2", 1785, "2"),
    ("SELECT group# FROM v$log WHERE RANK() OVER (ORDER BY group#) = 1", 30483, ""),
    # types
    ("SELECT 1 FROM v$log WHERE status > 5", 1722, ""),
    ("SELECT 1 FROM v$log WHERE group# = 'x'", 1722, ""),
    ("SELECT 1 FROM v$log WHERE first_time > 5", 932, "first_time"),
    ("SELECT 1 FROM v$log WHERE first_time = 'yesterday'", 1858, ""),
    ("SELECT 1 FROM dba_views WHERE text = 'x'", 997, "text"),
    ("SELECT UPPER(text) FROM dba_views", 932, "text"),
    ("SELECT DISTINCT text FROM dba_views", 932, ""),
    ("SELECT 1 FROM dual UNION ALL SELECT 'a' FROM dual", 1790, ""),
    ("SELECT 1 FROM dual UNION ALL SELECT SYSDATE FROM dual", 1790, ""),
    ("SELECT 1, 2 FROM dual UNION SELECT 1 FROM dual", 1789, ""),
    ("SELECT SUM(first_time) FROM v$log", 932, ""),
    ("SELECT SUM(status) FROM v$log", 1722, ""),
    # subqueries and outer joins
    ("SELECT (SELECT group# FROM v$log) FROM dual", 1427, ""),
    ("SELECT 1 FROM dual WHERE 1 = (SELECT group# FROM v$log)", 1427, ""),
    ("SELECT (SELECT group#, status FROM v$log) FROM dual", 913, ""),
    ("SELECT 1 FROM dual WHERE 1 IN (SELECT group#, status FROM v$log)", 913, ""),
    ("SELECT 1 FROM v$log a, v$logfile b WHERE a.group# (+) = b.group# OR a.status (+) = 'X'", 1719, ""),
    ("SELECT 1 FROM v$log a, v$logfile b WHERE a.group# (+) = b.group# (+)", 1468, ""),
    ("SELECT 1 FROM v$log a JOIN v$logfile b ON a.group# = b.group#, dual d WHERE d.dummy (+) = a.status", 25156, ""),
    (
        "SELECT 1 FROM dual d, v$log a JOIN v$logfile b ON b.status = d.dummy",
        904,
        "d.dummy",
    ),  # a comma ends a join's sight
    # division and the like inside rows
    ("SELECT 1 / (group# - 1) FROM v$log", 1476, ""),
    ("SELECT group# FROM v$log WHERE 1 / (group# - 1) > 0", 1476, ""),
    # writing
    ("DELETE FROM v$log", 1031, "v$log"),
    ("UPDATE dba_tablespaces SET status = 'X'", 1031, "dba_tablespaces"),
    ("INSERT INTO v$log (group#) VALUES (1)", 1031, "v$log"),
    ("DELETE FROM dba_users", 942, "dba_users"),
    ("ALTER SYSTEM SWITCH LOGFILE", 1031, ""),
    ("CREATE USER x IDENTIFIED BY y", 1031, ""),
    ("GRANT DBA TO watcher", 1031, ""),
    # what the stand-in does not do, it says
    ("MERGE INTO t USING dual ON (1 = 1) WHEN MATCHED THEN UPDATE SET a = 1", 3001, ""),
    ("SELECT status, COUNT(*) FROM v$log GROUP BY ROLLUP(status)", 3001, ""),
    ("SELECT 1 FROM dual FOR UPDATE", 3001, ""),
    ("SELECT * FROM v$log PIVOT (COUNT(*) FOR status IN ('CURRENT'))", 3001, ""),
]


@pytest.mark.parametrize(("sql", "code", "at"), STRICT)
def test_a_statement_that_oracle_refuses_is_refused(session: Session, sql: str, code: int, at: str) -> None:
    raised = error(session, sql)
    assert raised.code == code, raised
    if at:
        assert sql[raised.offset :].startswith(at), (raised.offset, sql[raised.offset :])


def test_the_text_of_an_unknown_column_names_it_as_oracle_does(session: Session) -> None:
    assert str(error(session, "SELECT nope FROM v$log")) == 'ORA-00904: "NOPE": invalid identifier'
    assert str(error(session, "SELECT l.nope FROM v$log l")) == 'ORA-00904: "L"."NOPE": invalid identifier'
    assert str(error(session, "SELECT * FROM nope")) == "ORA-00942: table or view does not exist"


def test_offsets_survive_binds_of_any_length(session: Session) -> None:
    sql = "SELECT :a, :a_very_long_bind_name, nope FROM v$log"
    raised = error(session, sql, 1, 2)
    assert (raised.code, sql[raised.offset :]) == (904, "nope FROM v$log")


def test_the_number_of_binds_must_fit(session: Session) -> None:
    assert error(session, "SELECT :1 FROM dual").code == 1008
    assert error(session, "SELECT :1 FROM dual", 1, 2).code == 1036


def test_a_session_works_on_after_an_error(session: Session) -> None:
    assert error(session, "SELECT 1/0 FROM dual").code == 1476
    assert rows(session, "SELECT dummy FROM dual") == [("X",)]


@pytest.mark.parametrize(
    "expression",
    [
        "'a' || 1 + 2",
        "STANDARD_HASH('x')",
        "REGEXP_SUBSTR('a', '(?:a)')",
        "TO_NUMBER('x' DEFAULT 0 ON CONVERSION ERROR)",
        "LISTAGG(dummy, ',' ON OVERFLOW TRUNCATE) WITHIN GROUP (ORDER BY 1)",
        "ROWID",
        "COUNT(DISTINCT dummy) OVER ()",
        "SUM(1) OVER (ORDER BY 1 RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)",
        "LAST_VALUE(dummy IGNORE NULLS) OVER (ORDER BY 1)",
        "1.5d",
        "INTERVAL '1' MONTH",
    ],
)
def test_what_oracle_could_do_and_the_stand_in_cannot_is_said_so(session: Session, expression: str) -> None:
    assert error(session, f"SELECT {expression} FROM dual").code == 3001
