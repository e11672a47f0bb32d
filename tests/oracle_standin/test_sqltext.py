"""What the wire makes of a statement's text."""

import pytest

from tests.standins.oracle.sqltext import Kind, parse_statement


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("select 1 from dual", Kind.QUERY),
        ("  /* a */ -- b\n WITH x AS (select 1 from dual) select * from x", Kind.QUERY),
        ("(select 1 from dual)", Kind.QUERY),
        ("insert into t values (1)", Kind.DML),
        ("MERGE into t using s on (1 = 1)", Kind.DML),
        ("begin null; end;", Kind.PLSQL),
        ("declare x number; begin null; end;", Kind.PLSQL),
        ("call p(1)", Kind.PLSQL),
        ("alter session set nls_sort = binary", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_a_statement_has_a_kind(sql: str, kind: Kind) -> None:
    assert parse_statement(sql).kind is kind


@pytest.mark.parametrize(
    ("sql", "binds"),
    [
        ("select :a, :B, :a from dual", ("A", "B", "A")),
        ("select :1, :2 from dual", ("1", "2")),
        ('select :"Mixed" from dual', ("Mixed",)),
        ("select ':no', q'[:no 'either']', n'it''s :no' from dual where x = :yes", ("YES",)),
        ("select 1 /* :no */ -- :no\n from dual where x = :yes", ("YES",)),
        ('select "a:no" from dual where x = : yes', ("YES",)),
        ("begin :x := :y; :x := :x + :y; end;", ("X", "Y")),
        ("begin x := 1; end;", ()),
    ],
)
def test_binds_are_found_in_the_order_of_the_client(sql: str, binds: tuple[str, ...]) -> None:
    assert parse_statement(sql).binds == binds


@pytest.mark.parametrize(
    ("sql", "returned"),
    [
        ("insert into t values (:a, :b) returning id, x into :c, :d", 2),
        ("delete from t where x = :a return id into :b", 1),
        ("insert into t values (:a)", 0),
        ("insert into returning_t (x) values (:a)", 0),
        ("begin insert into t values (:a) returning id into :b; end;", 0),
        ("select x into :a from t", 0),
    ],
)
def test_returned_binds_are_counted(sql: str, returned: int) -> None:
    assert parse_statement(sql).returned == returned
