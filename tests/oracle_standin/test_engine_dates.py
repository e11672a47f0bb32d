"""Dates, timestamps, intervals and their masks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tests.oracle_standin.engine_cases import database, error, login, rows, run, value
from tests.standins.oracle.engine.session import Session
from tests.standins.oracle.types import OraType, Value


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with database() as opened:
        yield login(opened)


at = datetime.fromisoformat
D = "TO_DATE('2024-02-29 13:05:09', 'YYYY-MM-DD HH24:MI:SS')"
TS = "TO_TIMESTAMP('2024-02-29 13:05:09.123456', 'YYYY-MM-DD HH24:MI:SS.FF')"
VALUES = [
    ("DATE '2024-02-29'", at("2024-02-29")),
    ("TIMESTAMP '2024-02-29 10:00:00.5'", at("2024-02-29 10:00:00.500000")),
    ("TIMESTAMP '2024-02-29 10:00:00 +02:00'", datetime(2024, 2, 29, 10, tzinfo=timezone(timedelta(hours=2)))),
    (f"{D} + 1", at("2024-03-01 13:05:09")),
    (f"{D} - 1/24", at("2024-02-29 12:05:09")),
    (f"{D} + 10/1440", at("2024-02-29 13:15:09")),
    (f"TRUNC({D})", at("2024-02-29")),
    (f"TRUNC({D}, 'MM')", at("2024-02-01")),
    (f"TRUNC({D}, 'YYYY')", at("2024-01-01")),
    (f"TRUNC({D}, 'Q')", at("2024-01-01")),
    (f"TRUNC({D}, 'HH24')", at("2024-02-29 13:00:00")),
    (f"TRUNC({D}, 'MI')", at("2024-02-29 13:05:00")),
    (f"TRUNC({D}, 'IW')", at("2024-02-26")),
    (f"TRUNC({TS})", at("2024-02-29")),
    (f"ROUND({D})", at("2024-03-01")),
    (f"ROUND({D}, 'YYYY')", at("2024-01-01")),
    ("ROUND(DATE '2024-02-16', 'MM')", at("2024-03-01")),
    ("ADD_MONTHS(DATE '2024-02-29', 1)", at("2024-03-31")),  # last day to last day
    ("ADD_MONTHS(DATE '2024-01-30', 1)", at("2024-02-29")),
    ("ADD_MONTHS(DATE '2024-03-15', -1)", at("2024-02-15")),
    ("LAST_DAY(DATE '2023-02-01')", at("2023-02-28")),
    ("NEXT_DAY(DATE '2009-10-15', 'TUESDAY')", at("2009-10-20")),
    ("MONTHS_BETWEEN(DATE '1995-02-02', DATE '1995-01-01')", Decimal("1.03225806451612903225806451612903225806")),
    ("MONTHS_BETWEEN(DATE '2024-03-31', DATE '2024-02-29')", Decimal(1)),
    ("DATE '2024-03-01' - DATE '2024-02-28'", Decimal(2)),
    (f"{D} - DATE '2024-02-29'", Decimal("0.5452430555555555555555555555555555555556")),
    (f"{TS} - TIMESTAMP '2024-02-28 13:05:09'", timedelta(days=1, microseconds=123456)),
    (f"{TS} + 1", at("2024-03-01 13:05:09")),  # a timestamp plus days is a DATE
    (f"{TS} + INTERVAL '1' HOUR", at("2024-02-29 14:05:09.123456")),
    (f"{D} + NUMTODSINTERVAL(90, 'MINUTE')", at("2024-02-29 14:35:09")),
    (f"{D} - INTERVAL '1 12' DAY TO HOUR", at("2024-02-28 01:05:09")),
    ("NUMTODSINTERVAL(1.5, 'DAY')", timedelta(days=1, hours=12)),
    ("INTERVAL '10:30.5' MINUTE TO SECOND", timedelta(minutes=10, seconds=30.5)),
    ("INTERVAL '1' DAY * 2.5", timedelta(days=2, hours=12)),
    ("INTERVAL '1' DAY / 2", timedelta(hours=12)),
    ("TO_DSINTERVAL('100 10:00:00')", timedelta(days=100, hours=10)),
    ("EXTRACT(DAY FROM INTERVAL '26 05:06:07' DAY TO SECOND)", Decimal(26)),
    ("EXTRACT(HOUR FROM (TIMESTAMP '2024-01-02 05:30:00' - TIMESTAMP '2024-01-01 00:00:00'))", Decimal(5)),
    ("EXTRACT(SECOND FROM TIMESTAMP '2024-01-02 05:30:01.25')", Decimal("1.25")),
    (f"EXTRACT(YEAR FROM {D})", Decimal(2024)),
    (f"EXTRACT(MONTH FROM {TS})", Decimal(2)),
    ("EXTRACT(TIMEZONE_HOUR FROM TIMESTAMP '2024-01-02 05:30:00 -05:00')", Decimal(-5)),
    (f"CAST({TS} AS DATE)", at("2024-02-29 13:05:09")),
    (f"CAST({D} AS TIMESTAMP)", at("2024-02-29 13:05:09")),
    ("FROM_TZ(TIMESTAMP '2024-01-01 12:00:00', '+03:00')", datetime(2024, 1, 1, 9, tzinfo=UTC)),
    (
        "FROM_TZ(TIMESTAMP '2024-07-01 12:00:00', 'Europe/Berlin') AT TIME ZONE 'UTC'",
        datetime(2024, 7, 1, 10, tzinfo=UTC),
    ),
    ("SYS_EXTRACT_UTC(TIMESTAMP '2024-01-01 12:00:00 +03:00')", at("2024-01-01 09:00:00")),
    ("TO_DATE('29-FEB-24', 'DD-MON-YY')", at("2024-02-29")),
    ("TO_DATE('01-JAN-99', 'DD-MON-RR')", at("1999-01-01")),
    ("TO_DATE('01-JAN-20', 'DD-MON-RR')", at("2020-01-01")),
    ("TO_DATE('20240229', 'YYYYMMDD')", at("2024-02-29")),
    ("TO_DATE('2024/2/9', 'YYYY-MM-DD')", at("2024-02-09")),
    ("TO_DATE('March 5, 2024 3:07 PM', 'Month DD, YYYY HH:MI AM')", at("2024-03-05 15:07:00")),
    ("TO_DATE('2024-02-29T10:11:12', 'YYYY-MM-DD\"T\"HH24:MI:SS')", at("2024-02-29 10:11:12")),
    (
        "TO_TIMESTAMP_TZ('2024-02-29 10:00:00 +05:30', 'YYYY-MM-DD HH24:MI:SS TZH:TZM')",
        datetime(2024, 2, 29, 4, 30, tzinfo=UTC),
    ),
    ("GREATEST(DATE '2024-01-01', DATE '2023-01-01')", at("2024-01-01")),
    ("NVL(TO_DATE(NULL), DATE '2024-01-01')", at("2024-01-01")),
]
MASKS = [
    ("YYYY-MM-DD HH24:MI:SS", "2024-02-29 13:05:09"),
    ("DD-MON-RR", "29-FEB-24"),
    ("Dd Mon yy", "29 Feb 24"),
    ("Month", "February "),
    ("FMMonth DD", "February 29"),
    ("DAY", "THURSDAY "),
    ("Dy", "Thu"),
    ("fmDay", "Thursday"),
    ("D", "5"),
    ("DDD", "060"),
    ("WW IW W Q", "09 09 5 1"),
    ("HH:MI AM", "01:05 PM"),
    ("HH12.MI.SS a.m.", "01.05.09 p.m."),
    ("SSSSS", "47109"),
    ("J", "2460370"),
    ('YYYY"y"MM', "2024y02"),
    ("FMHH24:MI", "13:5"),
    ("CC", "21"),
    ("IYYY-IW", "2024-09"),
]


@pytest.mark.parametrize(("expression", "expected"), VALUES)
def test_a_date_expression_has_the_documented_value(session: Session, expression: str, expected: Value) -> None:
    assert value(session, expression) == expected


@pytest.mark.parametrize(("mask", "expected"), MASKS)
def test_to_char_writes_a_date_by_its_mask(session: Session, mask: str, expected: str) -> None:
    assert value(session, f"TO_CHAR({D}, '{mask}')") == expected


def test_fractions_belong_to_timestamps_only(session: Session) -> None:
    assert value(session, f"TO_CHAR({TS}, 'SS.FF3')") == "09.123"
    assert error(session, f"SELECT TO_CHAR({D}, 'SS.FF3') FROM dual").code == 1821


ERRORS = [
    ("TO_DATE('2024-13-01', 'YYYY-MM-DD')", 1843),
    ("TO_DATE('2024-02-30', 'YYYY-MM-DD')", 1839),
    ("TO_DATE('2024-02-32', 'YYYY-MM-DD')", 1847),
    ("TO_DATE('2024-02-01 25:00', 'YYYY-MM-DD HH24:MI')", 1850),
    ("TO_DATE('2024-02-01 10:61', 'YYYY-MM-DD HH24:MI')", 1851),
    ("TO_DATE('2024-02-01 extra', 'YYYY-MM-DD')", 1830),
    ("TO_DATE('2024', 'YYYY-MM-DD')", 1840),
    ("TO_DATE('abcd', 'YYYY')", 1858),
    ("TO_DATE('2024', 'NOPE')", 1821),
    ("TO_DATE('13:00 PM', 'HH:MI AM')", 1849),
    ("TRUNC(SYSDATE, 'NOPE')", 1898),
    ("NEXT_DAY(SYSDATE, 'NODAY')", 1846),
    ("FROM_TZ(TIMESTAMP '2024-01-01 00:00:00', 'No/Where')", 1882),
    ("TO_DSINTERVAL('x')", 1867),
    ("NUMTODSINTERVAL(1, 'CENTURY')", 1760),
    ("DATE '2024-01-01' + 10000000", 1841),
]


@pytest.mark.parametrize(("expression", "code"), ERRORS)
def test_a_bad_date_fails_with_oracles_error(session: Session, expression: str, code: int) -> None:
    assert error(session, f"SELECT {expression} FROM dual").code == code


def test_types_of_date_expressions_reach_the_client(session: Session) -> None:
    moments = "SYSDATE, SYSTIMESTAMP, LOCALTIMESTAMP, SYSDATE - 1"
    sql = f"SELECT {moments}, SYSDATE - SYSDATE, SYSTIMESTAMP - SYSTIMESTAMP FROM dual"
    assert [column.type for column in run(session, sql).columns] == [
        OraType.DATE,
        OraType.TIMESTAMP_TZ,
        OraType.TIMESTAMP,
        OraType.DATE,
        OraType.NUMBER,
        OraType.INTERVAL_DS,
    ]


def test_sysdate_is_now_and_the_same_everywhere_in_a_statement(session: Session) -> None:
    before = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    (first, second), *_ = rows(session, "SELECT SYSDATE, SYSDATE FROM dual")
    assert isinstance(first, datetime)
    assert first == second
    assert before <= first <= before + timedelta(seconds=5)


def test_text_is_read_by_the_sessions_date_format(session: Session) -> None:
    assert value(session, "TO_CHAR(DATE '2024-02-29')") == "29-FEB-24"
    run(session, "ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD'")
    assert value(session, "'' || DATE '2024-02-29'") == "2024-02-29"
    assert value(session, "CASE WHEN DATE '2024-02-29' = '2024-02-29' THEN 1 END") == 1
    run(session, "ALTER SESSION SET NLS_DATE_FORMAT = 'DD-MON-RR'")
    assert error(session, "SELECT 1 FROM dual WHERE SYSDATE > '2024-02-29'").code in {1843, 1861, 1830}


def test_one_instant_in_two_zones_is_equal(session: Session) -> None:
    sql = "CASE WHEN TIMESTAMP '2024-01-01 12:00:00 +02:00' = TIMESTAMP '2024-01-01 10:00:00 +00:00' THEN 'y' END"
    assert value(session, sql) == "y"
