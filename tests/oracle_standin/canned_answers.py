"""What the canned database knows by heart."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.oracle_standin.canned import Answer, numbers, table
from tests.standins.oracle.types import Bind, Column, Direction, OracleError, OraType, Result, Value

LONG_TEXT = "zwölf € 𝄞 " * 12_000
LONG_BYTES = bytes(range(256)) * 400
MOMENT = datetime(2026, 11, 21, 6, 32, 20, 123456)  # noqa: DTZ001 - a TIMESTAMP has no zone
WHOLE = MOMENT.replace(microsecond=0)
SPAN = timedelta(days=-3, hours=-4, seconds=-5, microseconds=-6)

TYPED: tuple[tuple[Column, Value], ...] = (
    (Column("V", OraType.VARCHAR2, size=30), "größer €"),
    (Column("NV", OraType.NVARCHAR2, size=30), "naïve 𝄞"),
    (Column("C", OraType.CHAR, size=5), "ab   "),
    (Column("I", OraType.NUMBER, precision=9, scale=0), -42),
    (Column("D38", OraType.NUMBER), 12345678901234567890123456789012345678),
    (Column("N2", OraType.NUMBER, precision=10, scale=2), Decimal("-1234.56")),
    (Column("BF", OraType.BINARY_FLOAT), 1.5),
    (Column("BD", OraType.BINARY_DOUBLE), -2.5e300),
    (Column("D", OraType.DATE), WHOLE),
    (Column("TS", OraType.TIMESTAMP), MOMENT),
    (Column("TSZ", OraType.TIMESTAMP_TZ), MOMENT.replace(tzinfo=UTC)),
    (Column("TSL", OraType.TIMESTAMP_LTZ), MOMENT),
    (Column("IDS", OraType.INTERVAL_DS), SPAN),
    (Column("R", OraType.RAW, size=16), bytes(range(16))),
    (Column("RID", OraType.ROWID), "AAASdqAAEAAAAInAAA"),
    (Column("L", OraType.LONG), "a LONG " * 1000),
    (Column("CL", OraType.CLOB), LONG_TEXT),
    (Column("BL", OraType.BLOB), LONG_BYTES),
)
_PLAIN = tuple(pair for pair in TYPED if pair[0].type not in {OraType.CLOB, OraType.BLOB})


def echo(rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
    """Give the binds back as a row of columns of their types."""
    (binds,) = rows_of_binds
    columns = [
        Column(f"B{at}", bind.type, size=4000 if bind.type is OraType.VARCHAR2 else 2000)
        for at, bind in enumerate(binds)
    ]
    return Result(columns=columns, rows=[tuple(bind.value for bind in binds)])


def insert(rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
    return Result(rowcount=len(rows_of_binds))


def insert_returning(rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
    """Return the name in upper case and twice the number."""
    returned: list[list[list[Value]]] = []
    for number, name, *_ in rows_of_binds:
        assert isinstance(number.value, int)
        assert isinstance(name.value, str)
        returned.append([[number.value * 2], [name.value.upper()]])
    return Result(rowcount=len(rows_of_binds), returned=returned)


def delete_returning(rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
    assert all(bind.direction is Direction.OUT for bind in rows_of_binds[0])
    return Result(rowcount=3, returned=[[[1, 2, 3]]])


def block(rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
    """`:x := :y * 2; :z := :z + 1` in effect, with x OUT, y IN and z both."""
    values: list[list[Value]] = []
    for _, y, z in rows_of_binds:
        assert isinstance(y.value, int)
        assert isinstance(z.value, int)
        values.append([y.value * 2, z.value + 1])
    return Result(directions=(Direction.OUT, Direction.IN, Direction.INOUT), out_values=values)


def out_clob(_: Sequence[Sequence[Bind]]) -> Result:
    return Result(directions=(Direction.OUT,), out_values=[[LONG_TEXT]])


def duplicate(_: Sequence[Sequence[Bind]]) -> Result:
    raise OracleError(1, "unique constraint (SCOTT.PK) violated")


def alternating(*answers: Answer) -> Answer:
    """One answer after the other, as when somebody redefines a view."""
    turns = itertools.cycle(answers)

    def answer(rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
        return next(turns)(rows_of_binds)

    return answer


def _wide() -> Answer:
    columns = [Column(f"COLUMN_{at:04}", OraType.VARCHAR2, size=20) for at in range(900)]
    return table(columns, *(tuple(f"{row}/{at}" for at in range(900)) for row in range(3)))


WIDE_SQL = "select " + "x" * 50_000 + " from wide"
INSERT_RETURNING = "insert into t values (:n, :name) returning twice, upper into :t, :u"

ANSWERS: dict[str, Answer] = {
    "select 1 from dual": numbers(2),
    "select n from nothing": numbers(0),
    "select n from hundred": numbers(100),
    "select n from thousands": numbers(5000),
    "select * from typed": table([column for column, _ in TYPED], tuple(value for _, value in TYPED)),
    "select * from nulls": table([column for column, _ in TYPED], *[(None,) * len(TYPED)] * 3),
    "select * from plain": table([column for column, _ in _PLAIN], tuple(value for _, value in _PLAIN)),
    "select * from changing": alternating(
        numbers(3),
        table([Column("A", OraType.VARCHAR2, size=5), Column("B", OraType.NUMBER)], ("x", 1)),
    ),
    "select c from clobs": table(
        [Column("N", OraType.NUMBER), Column("C", OraType.CLOB)], *((n, f"text {n}") for n in range(250))
    ),
    "select :1 from dual": echo,
    "select :a, :b, :a from dual": echo,
    "insert into t values (:1, :2)": insert,
    "insert into twin values (1)": duplicate,
    INSERT_RETURNING: insert_returning,
    "delete from t returning n into :n": delete_returning,
    "begin :x := :y * 2; :z := :z + 1; end;": block,
    "begin :c := big(); end;": out_clob,
    WIDE_SQL: _wide(),
}
