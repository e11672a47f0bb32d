"""Query blocks: joins, grouping, analytic functions, ROWNUM, hierarchies, set operations, paging."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.oracle_standin.engine_cases import database, login, rows, run
from tests.standins.oracle.engine.session import Session
from tests.standins.oracle.types import OraType, Value

Rows = list[tuple[Value, ...]]
EMP = """WITH emp AS (
    SELECT 1 id, NULL mgr, 'ann' name, 10 dept, 900 pay FROM dual UNION ALL
    SELECT 2, 1, 'bob', 10, 500 FROM dual UNION ALL
    SELECT 3, 1, 'cid', 20, 700 FROM dual UNION ALL
    SELECT 4, 2, 'dan', 20, 700 FROM dual UNION ALL
    SELECT 5, 2, 'eve', NULL, 100 FROM dual) """


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with database() as opened:
        yield login(opened)


def plain(found: Rows) -> list[tuple[object, ...]]:
    """Whole numbers as int, to read well."""
    return [tuple(int(v) if isinstance(v, Decimal) and v == int(v) else v for v in row) for row in found]


QUERIES: list[tuple[str, list[tuple[object, ...]]]] = [
    # grouping
    (
        "SELECT dept, COUNT(*), SUM(pay) FROM emp GROUP BY dept ORDER BY dept",
        [(10, 2, 1400), (20, 2, 1400), (None, 1, 100)],
    ),
    ("SELECT dept d FROM emp GROUP BY dept HAVING SUM(pay) > 1000 ORDER BY d DESC", [(20,), (10,)]),
    (
        "SELECT COUNT(*), COUNT(mgr), COUNT(DISTINCT pay), MAX(name), MIN(pay), AVG(pay) FROM emp",
        [(5, 4, 4, "eve", 100, 580)],
    ),
    ("SELECT COUNT(*), SUM(pay) FROM emp WHERE 1 = 0", [(0, None)]),
    ("SELECT UPPER(name) || '!' FROM emp GROUP BY UPPER(name) HAVING UPPER(name) LIKE 'A%'", [("ANN!",)]),
    ("SELECT MEDIAN(pay), PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY pay) FROM emp", [(700, 500)]),
    ("SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY pay DESC) FROM emp", [(700,)]),
    ("SELECT ROUND(STDDEV(pay), 3), VARIANCE(pay), VAR_POP(pay) FROM emp", [(Decimal("303.315"), 92000, 73600)]),
    ("SELECT STDDEV(pay), STDDEV_SAMP(pay) FROM emp WHERE id = 1", [(0, None)]),
    ("SELECT LISTAGG(name, ',') WITHIN GROUP (ORDER BY name DESC) FROM emp", [("eve,dan,cid,bob,ann",)]),
    ("SELECT LISTAGG(pay) WITHIN GROUP (ORDER BY pay, id) FROM emp WHERE pay >= 700", [("700700900",)]),
    ("SELECT LISTAGG(DISTINCT pay, ' ') WITHIN GROUP (ORDER BY pay) FROM emp", [("100 500 700 900",)]),
    (
        "SELECT MAX(name) KEEP (DENSE_RANK FIRST ORDER BY pay), MIN(name) KEEP (DENSE_RANK LAST ORDER BY pay) FROM emp",
        [("eve", "ann")],
    ),
    ("SELECT MIN(id) KEEP (DENSE_RANK FIRST ORDER BY dept NULLS FIRST) FROM emp", [(5,)]),
    ("SELECT MAX(id) KEEP (DENSE_RANK LAST ORDER BY dept) FROM emp", [(5,)]),  # NULLs are the largest
    ("SELECT SUM(pay) KEEP (DENSE_RANK LAST ORDER BY dept NULLS FIRST) FROM emp", [(1400,)]),
    # joins
    (
        "SELECT e.name, m.name FROM emp e, emp m WHERE e.mgr = m.id(+) ORDER BY e.id",
        [("ann", None), ("bob", "ann"), ("cid", "ann"), ("dan", "bob"), ("eve", "bob")],
    ),
    ("SELECT e.name FROM emp e, emp m WHERE e.mgr = m.id(+) AND m.id IS NULL", [("ann",)]),
    (
        "SELECT e.id, m.id FROM emp e, emp m WHERE m.mgr(+) = e.id AND m.pay(+) > 600 ORDER BY 1, 2",
        [(1, 3), (2, 4), (3, None), (4, None), (5, None)],
    ),
    (
        "SELECT e.name FROM emp e LEFT JOIN emp m ON e.mgr = m.id AND m.name = 'bob' WHERE m.id IS NULL ORDER BY 1",
        [("ann",), ("bob",), ("cid",)],
    ),
    ("SELECT COUNT(*) FROM emp a CROSS JOIN emp b", [(25,)]),
    (
        (
            "SELECT a.id, b.id FROM emp a FULL OUTER JOIN (SELECT 9 id FROM dual) b ON a.id = b.id ORDER BY 1 NULLS "
            "FIRST FETCH FIRST 2 ROWS ONLY"
        ),
        [(None, 9), (1, None)],
    ),
    (
        "SELECT id, a.name FROM emp a JOIN (SELECT id, dept d FROM emp) b USING (id) WHERE d = 20 ORDER BY id",
        [(3, "cid"), (4, "dan")],
    ),
    ("SELECT COUNT(*) FROM emp NATURAL JOIN (SELECT id, dept FROM emp)", [(4,)]),
    ("SELECT COUNT(*) FROM dual d, emp e LEFT JOIN emp m ON m.id = e.mgr WHERE d.dummy = 'X'", [(5,)]),
    (
        "SELECT d.dummy, e.id, z.x FROM dual d, emp e RIGHT JOIN (SELECT 9 x FROM dual) z ON z.x = e.id",
        [("X", None, 9)],
    ),
    # subqueries
    (
        "SELECT name FROM emp e WHERE pay = (SELECT MAX(pay) FROM emp WHERE dept = e.dept) ORDER BY 1",
        [("ann",), ("cid",), ("dan",)],
    ),
    (
        (
            "SELECT name, (SELECT COUNT(*) FROM emp s WHERE s.mgr = e.id) c FROM emp e ORDER BY c DESC, name FETCH "
            "FIRST 2 ROWS ONLY"
        ),
        [("ann", 2), ("bob", 2)],
    ),
    ("SELECT name FROM emp e WHERE EXISTS (SELECT 1 FROM emp s WHERE s.mgr = e.id) ORDER BY 1", [("ann",), ("bob",)]),
    ("SELECT name FROM emp WHERE id NOT IN (SELECT mgr FROM emp)", []),  # a NULL in the list
    (
        "SELECT name FROM emp WHERE (dept, pay) IN (SELECT dept, MAX(pay) FROM emp GROUP BY dept) ORDER BY 1",
        [("ann",), ("cid",), ("dan",)],
    ),
    ("SELECT name FROM emp WHERE (id, dept) IN ((1, 10), (3, 10))", [("ann",)]),
    ("SELECT (SELECT name FROM emp WHERE id = 99) FROM dual", [(None,)]),
    ("SELECT name FROM emp WHERE id = ANY (SELECT mgr FROM emp) ORDER BY id", [("ann",), ("bob",)]),
    # analytic functions
    (
        (
            "SELECT id, RANK() OVER (ORDER BY pay DESC), DENSE_RANK() OVER (ORDER BY pay DESC), ROW_NUMBER() OVER "
            "(ORDER BY pay DESC, id) FROM emp ORDER BY 4"
        ),
        [(1, 1, 1, 1), (3, 2, 2, 2), (4, 2, 2, 3), (2, 4, 3, 4), (5, 5, 4, 5)],
    ),
    (
        "SELECT id, LAG(id) OVER (ORDER BY id), LEAD(id, 2, 0) OVER (ORDER BY id) FROM emp ORDER BY id",
        [(1, None, 3), (2, 1, 4), (3, 2, 5), (4, 3, 0), (5, 4, 0)],
    ),
    (
        "SELECT id, SUM(pay) OVER (ORDER BY id) FROM emp ORDER BY id",
        [(1, 900), (2, 1400), (3, 2100), (4, 2800), (5, 2900)],
    ),
    (
        "SELECT id, SUM(pay) OVER (PARTITION BY dept) FROM emp ORDER BY id",
        [(1, 1400), (2, 1400), (3, 1400), (4, 1400), (5, 100)],
    ),
    (
        "SELECT id, COUNT(*) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM emp ORDER BY id",
        [(1, 2), (2, 3), (3, 3), (4, 3), (5, 2)],
    ),
    (
        "SELECT id, AVG(pay) OVER (ORDER BY id ROWS 1 PRECEDING) FROM emp ORDER BY id",
        [(1, 900), (2, 700), (3, 600), (4, 700), (5, 400)],
    ),
    (
        "SELECT id, FIRST_VALUE(name) OVER (PARTITION BY dept ORDER BY pay) FROM emp ORDER BY id",
        [(1, "bob"), (2, "bob"), (3, "cid"), (4, "cid"), (5, "eve")],
    ),
    (
        (
            "SELECT DISTINCT dept, RATIO_TO_REPORT(SUM(pay)) OVER () r FROM emp WHERE dept IS NOT NULL GROUP BY dept "
            "ORDER BY dept"
        ),
        [(10, Decimal("0.5")), (20, Decimal("0.5"))],
    ),
    ("SELECT NTILE(2) OVER (ORDER BY id) FROM emp ORDER BY id", [(1,), (1,), (1,), (2,), (2,)]),
    (
        (
            "SELECT id, LISTAGG(name, '+') WITHIN GROUP (ORDER BY name) OVER (PARTITION BY dept) FROM emp WHERE dept "
            "= 10 ORDER BY id"
        ),
        [(1, "ann+bob"), (2, "ann+bob")],
    ),
    ("SELECT DISTINCT MEDIAN(pay) OVER (PARTITION BY dept) FROM emp WHERE dept = 20", [(700,)]),
    (
        (
            "SELECT id, MAX(name) KEEP (DENSE_RANK FIRST ORDER BY pay DESC) OVER (PARTITION BY dept) FROM emp WHERE "
            "dept = 10 ORDER BY id"
        ),
        [(1, "ann"), (2, "ann")],
    ),
    ("SELECT dept, SUM(SUM(pay)) OVER () FROM emp GROUP BY dept ORDER BY 1", [(10, 2900), (20, 2900), (None, 2900)]),
    # ROWNUM
    ("SELECT id FROM emp WHERE ROWNUM <= 2", [(1,), (2,)]),
    ("SELECT id FROM emp WHERE ROWNUM <= 2 ORDER BY id DESC", [(2,), (1,)]),  # numbered before it is sorted
    ("SELECT id, ROWNUM FROM emp ORDER BY id DESC", [(5, 5), (4, 4), (3, 3), (2, 2), (1, 1)]),
    ("SELECT id FROM (SELECT id FROM emp ORDER BY pay DESC, id) WHERE ROWNUM < 3", [(1,), (3,)]),
    ("SELECT id FROM emp WHERE ROWNUM > 1", []),
    ("SELECT id FROM emp WHERE ROWNUM = 1", [(1,)]),
    ("SELECT id FROM emp WHERE ROWNUM = 2", []),
    ("SELECT id FROM emp WHERE 3 >= ROWNUM AND pay < 800", [(2,), (3,), (4,)]),
    ("SELECT id FROM emp WHERE ROWNUM BETWEEN 1 AND 2", [(1,), (2,)]),
    ("SELECT COUNT(*) FROM emp WHERE ROWNUM <= 3", [(3,)]),
    (
        "SELECT r, id FROM (SELECT ROWNUM r, id FROM (SELECT id FROM emp ORDER BY id DESC)) WHERE r BETWEEN 2 AND 3",
        [(2, 4), (3, 3)],
    ),
    (
        "SELECT e.name, (SELECT s.name FROM emp s WHERE s.mgr = e.id AND ROWNUM = 1) FROM emp e WHERE e.id = 1",
        [("ann", "bob")],
    ),
    ("SELECT MAX(ROWNUM) FROM emp", [(5,)]),
    ("SELECT DISTINCT dept FROM emp WHERE ROWNUM <= 2", [(10,)]),
    # paging
    ("SELECT id FROM emp ORDER BY id FETCH FIRST 2 ROWS ONLY", [(1,), (2,)]),
    ("SELECT id FROM emp ORDER BY id OFFSET 3 ROWS FETCH NEXT 1 ROW ONLY", [(4,)]),
    ("SELECT id FROM emp ORDER BY id OFFSET 4 ROWS", [(5,)]),
    ("SELECT id FROM emp ORDER BY id FETCH FIRST ROW ONLY", [(1,)]),
    ("SELECT id FROM emp ORDER BY pay DESC FETCH FIRST 2 ROWS WITH TIES", [(1,), (3,), (4,)]),
    # ordering
    ("SELECT dept FROM emp ORDER BY dept DESC, id", [(None,), (20,), (20,), (10,), (10,)]),
    ("SELECT dept FROM emp ORDER BY dept NULLS FIRST, id FETCH FIRST 2 ROWS ONLY", [(None,), (10,)]),
    ("SELECT name n FROM emp ORDER BY LENGTH(n), pay FETCH FIRST 1 ROW ONLY", [("eve",)]),
    ("SELECT pay * 2 AS p FROM emp ORDER BY p FETCH FIRST 1 ROW ONLY", [(200,)]),
    # set operations
    ("SELECT dept FROM emp UNION SELECT 30 FROM dual ORDER BY 1", [(10,), (20,), (30,), (None,)]),
    ("SELECT id FROM emp MINUS SELECT mgr FROM emp ORDER BY id", [(3,), (4,), (5,)]),
    ("SELECT id FROM emp INTERSECT SELECT mgr FROM emp ORDER BY 1", [(1,), (2,)]),
    ("SELECT 1 FROM dual UNION ALL SELECT 1 FROM dual MINUS SELECT 1 FROM dual", []),  # from left to right
    ("SELECT 'a' x FROM dual UNION ALL SELECT NULL FROM dual", [("a",), (None,)]),
    ("(SELECT id FROM emp WHERE id = 1) UNION ALL (SELECT id FROM emp WHERE id = 2)", [(1,), (2,)]),
    ("SELECT 1 FROM dual UNION ALL (SELECT 2 FROM dual MINUS SELECT 2 FROM dual)", [(1,)]),
    ("SELECT 1 x FROM dual UNION ALL SELECT 2 FROM dual UNION SELECT 2 FROM dual ORDER BY x DESC", [(2,), (1,)]),
    (
        "SELECT SYSDATE - SYSDATE x FROM dual UNION SELECT 1 FROM dual UNION SELECT NULL FROM dual ORDER BY 1",
        [(0,), (1,), (None,)],
    ),
    # hierarchies
    ("SELECT LEVEL FROM dual CONNECT BY LEVEL <= 3", [(1,), (2,), (3,)]),
    ("SELECT SUM(LEVEL) FROM dual CONNECT BY LEVEL <= 10", [(55,)]),
    (
        "SELECT LEVEL, name, PRIOR name FROM emp START WITH mgr IS NULL CONNECT BY PRIOR id = mgr",
        [(1, "ann", None), (2, "bob", "ann"), (3, "dan", "bob"), (3, "eve", "bob"), (2, "cid", "ann")],
    ),
    ("SELECT name FROM emp WHERE LEVEL = 3 START WITH id = 1 CONNECT BY mgr = PRIOR id", [("dan",), ("eve",)]),
    # comparison
    ("SELECT id FROM emp WHERE pay BETWEEN '600' AND 800 ORDER BY id", [(3,), (4,)]),
    ("SELECT id FROM emp WHERE dept <> 10 ORDER BY id", [(3,), (4,)]),
    ("SELECT id FROM emp WHERE NOT (dept = 10) ORDER BY id", [(3,), (4,)]),
    ("SELECT id FROM emp WHERE dept = 10 OR dept IS NULL ORDER BY id", [(1,), (2,), (5,)]),
    ("SELECT id FROM emp WHERE name != 'ann' AND name ^= 'bob' AND id IN (1, 2, 3)", [(3,)]),
]


@pytest.mark.parametrize(("sql", "expected"), QUERIES)
def test_a_query_returns_the_rows_that_oracle_would(
    session: Session,
    sql: str,
    expected: list[tuple[object, ...]],
) -> None:
    assert plain(rows(session, EMP + sql)) == expected


def test_recursive_with_walks_a_hierarchy(session: Session) -> None:
    sql = """WITH t(n, f) AS (SELECT 1, 1 FROM dual UNION ALL SELECT n + 1, f * (n + 1) FROM t WHERE n < 5)
             SELECT MAX(f) FROM t"""
    assert plain(rows(session, sql)) == [(120,)]


def test_columns_are_named_and_typed_as_oracle_names_them(session: Session) -> None:
    sql = "SELECT group#, bytes/1024 kb, status AS \"State\", count(*) over (), NVL( status , 'x' ), 1 FROM v$log"
    columns = run(session, sql).columns
    assert [column.name for column in columns] == [
        "GROUP#", "KB", "State", "COUNT(*)OVER()", "NVL(STATUS,'X')", "1",
    ]  # fmt: skip
    assert columns[0].type is OraType.NUMBER
    assert (columns[2].type, columns[2].size) == (OraType.VARCHAR2, 16)


def test_star_lists_the_dictionarys_columns_in_order(session: Session) -> None:
    names = [column.name for column in run(session, "SELECT * FROM v$log").columns]
    assert names[:4] == ["GROUP#", "THREAD#", "SEQUENCE#", "BYTES"]
    both = [column.name for column in run(session, "SELECT l.*, d.* FROM v$log l, dual d").columns]
    assert both == [*names, "DUMMY"]


def test_binds_are_values_in_order_of_occurrence(session: Session) -> None:
    sql = "SELECT group# FROM v$log WHERE status = :1 AND group# > :low OR group# = :1 ORDER BY 1"
    assert plain(rows(session, sql, "INACTIVE", 1, 2)) == [(2,), (3,)]


def test_a_text_bind_against_a_number_column_converts(session: Session) -> None:
    assert plain(rows(session, "SELECT group# FROM v$log WHERE group# = :1", "3")) == [(3,)]


def test_an_empty_bind_is_null(session: Session) -> None:
    assert rows(session, "SELECT 1 FROM dual WHERE :1 IS NULL", "") == [(Decimal(1),)]


def test_quoted_names_keep_their_case(session: Session) -> None:
    assert rows(session, 'SELECT "x" FROM (SELECT 1 "x", 2 "X" FROM dual)') == [(Decimal(1),)]


def test_comments_and_hints_are_passed_over(session: Session) -> None:
    assert rows(session, "SELECT /*+ RULE */ 1 -- :not_a_bind\n FROM /* ':x' */ dual") == [(Decimal(1),)]
