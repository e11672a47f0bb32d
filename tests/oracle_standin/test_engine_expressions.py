"""Expressions give what Oracle's documentation says they give."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.oracle_standin.engine_cases import database, error, login, value
from tests.standins.oracle.engine.session import Session
from tests.standins.oracle.types import Value


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with database() as opened:
        yield login(opened)


NULLS = [
    ("''", None),
    ("NVL('', 'x')", "x"),
    ("'a' || NULL", "a"),
    ("'a' || '' || 'b'", "ab"),
    ("NULL || NULL", None),
    ("1 + NULL", None),
    ("LENGTH('')", None),
    ("SUBSTR('abc', 9)", None),
    ("REPLACE('aaa', 'a')", None),
    ("TRIM('   ')", None),
    ("NVL(NULL, 5)", Decimal(5)),
    ("NVL2(NULL, 1, 2)", Decimal(2)),
    ("NVL2('x', 1, 2)", Decimal(1)),
    ("COALESCE(NULL, NULL, 3)", Decimal(3)),
    ("NULLIF(1, 1)", None),
    ("NULLIF('a', 'b')", "a"),
    ("GREATEST(1, NULL, 3)", None),
    ("LEAST('a', NULL)", None),
    ("GREATEST(2, 10, 9)", Decimal(10)),
    ("GREATEST('2', '10')", "2"),  # text compares as text
    ("LEAST(2, '10')", Decimal(2)),
    ("DECODE(NULL, NULL, 'both', 'no')", "both"),
    ("DECODE(3, 1, 'a', 2, 'b')", None),
    ("DECODE(2, 1, 'a', 2, 'b', 'c')", "b"),
    ("DECODE(1, '1', 'same')", "same"),
    ("CASE WHEN NULL = NULL THEN 'eq' ELSE 'no' END", "no"),
    ("CASE NULL WHEN NULL THEN 'eq' ELSE 'no' END", "no"),
    ("CASE WHEN NOT (NULL = 1) THEN 1 ELSE 2 END", Decimal(2)),
    ("CASE WHEN 1 NOT IN (2, NULL) THEN 1 ELSE 2 END", Decimal(2)),
    ("CASE WHEN 1 IN (1, NULL) THEN 1 ELSE 2 END", Decimal(1)),
    ("CASE WHEN '' IS NULL THEN 1 ELSE 2 END", Decimal(1)),
    ("CASE WHEN 'x' NOT LIKE '' THEN 1 ELSE 2 END", Decimal(2)),
]
NUMBERS = [
    ("1/3", Decimal("0.3333333333333333333333333333333333333333")),
    ("2/3", Decimal("0.6666666666666666666666666666666666666667")),
    ("12345678901234567890123456789012345678 + 1", Decimal(12345678901234567890123456789012345679)),
    ("0.1 + 0.2", Decimal("0.3")),
    ("9223372036854775807 + 1", Decimal(9223372036854775808)),
    ("7 / 2", Decimal("3.5")),
    ("'5' * '4'", Decimal(20)),
    ("- (3 - 5)", Decimal(2)),
    ("MOD(11, 4)", Decimal(3)),
    ("MOD(-11, 4)", Decimal(-3)),
    ("MOD(11, -4)", Decimal(3)),
    ("MOD(5, 0)", Decimal(5)),
    ("REMAINDER(11, 4)", Decimal(-1)),
    ("ROUND(15.193, 1)", Decimal("15.2")),
    ("ROUND(15.193, -1)", Decimal(20)),
    ("ROUND(2.5)", Decimal(3)),
    ("ROUND(-2.5)", Decimal(-3)),
    ("TRUNC(15.79, 1)", Decimal("15.7")),
    ("TRUNC(15.79, -1)", Decimal(10)),
    ("TRUNC(-2.7)", Decimal(-2)),
    ("CEIL(15.7)", Decimal(16)),
    ("FLOOR(-15.2)", Decimal(-16)),
    ("POWER(3, 2)", Decimal(9)),
    ("POWER(2, -1)", Decimal("0.5")),
    ("SQRT(16)", Decimal(4)),
    ("ABS(-15)", Decimal(15)),
    ("SIGN(-0.1)", Decimal(-1)),
    ("BITAND(6, 3)", Decimal(2)),
    ("ROUND(LN(95), 8)", Decimal("4.55387689")),
    ("LOG(10, 100)", Decimal(2)),
    ("WIDTH_BUCKET(35, 0, 100, 10)", Decimal(4)),
    ("TO_NUMBER('100.00', '9G999D99')", Decimal(100)),
    ("TO_NUMBER('1,234.5', '9,999.9')", Decimal("1234.5")),
    ("TO_NUMBER('ff', 'xx')", Decimal(255)),
    ("TO_NUMBER('1e3')", Decimal(1000)),
    ("CAST('12.345' AS NUMBER(5,2))", Decimal("12.35")),
    ("CAST(1.5 AS INTEGER)", Decimal(2)),
    ("1e2", Decimal(100)),
    (".5", Decimal("0.5")),
    ("TO_NUMBER(SYS_CONTEXT('USERENV', 'CON_ID'))", Decimal(0)),
]
TEXTS = [
    ("SUBSTR('ABCDEFG', 3, 4)", "CDEF"),
    ("SUBSTR('ABCDEFG', -5, 4)", "CDEF"),
    ("SUBSTR('ABC', 0, 2)", "AB"),
    ("SUBSTR('ABC', -9)", None),
    ("SUBSTR('ABC', 2, 0)", None),
    ("INSTR('CORPORATE FLOOR', 'OR', 3, 2)", Decimal(14)),
    ("INSTR('CORPORATE FLOOR', 'OR', -3, 2)", Decimal(2)),
    ("INSTR('abc', 'z')", Decimal(0)),
    ("INSTR('abc', 'c', -1)", Decimal(3)),
    ("UPPER('Ärger') || LOWER('ABC')", "ÄRGERabc"),
    ("INITCAP('the soap o''brien')", "The Soap O'Brien"),
    ("LPAD('Page 1', 15, '*.')", "*.*.*.*.*Page 1"),
    ("RPAD('abc', 6, 'xy')", "abcxyx"),
    ("LPAD('abcdef', 3)", "abc"),
    ("LTRIM('<=====>BROWNING<=====>', '<>=')", "BROWNING<=====>"),
    ("RTRIM('a  ')", "a"),
    ("TRIM(LEADING '0' FROM '00120')", "120"),
    ("TRIM(BOTH FROM ' a ')", "a"),
    ("TRIM('x' FROM 'xxaxx')", "a"),
    ("TRIM(TRAILING 'x' FROM 'xax')", "xa"),
    ("REPLACE('JACK and JUE', 'J', 'BL')", "BLACK and BLUE"),
    ("TRANSLATE('SQL*Plus User''s Guide', ' */''', '___')", "SQL_Plus_Users_Guide"),
    ("CHR(67) || CHR(65) || CHR(84)", "CAT"),
    ("ASCII('Q')", Decimal(81)),
    ("LENGTHB('ä')", Decimal(2)),
    ("CONCAT('a', NULL)", "a"),
    ("1 || 'x' || 2.50", "1x2.5"),
    ("q'[it's]'", "it's"),
    ("'it''s'", "it's"),
    ("TO_CHAR(0.5)", ".5"),
    ("TO_CHAR(-0.25)", "-.25"),
    ("TO_CHAR(100)", "100"),
    ("TO_CHAR(1/3)", ".333333333333333333333333333333333333333"),
    ("TO_CHAR(1e40)", "1.0000000000000000000000000000000000E+40"),
    ("CAST(5 AS VARCHAR2(10))", "5"),
    ("CAST('abcdef' AS VARCHAR2(3))", "abc"),
    ("RAWTOHEX(HEXTORAW('7D'))", "7D"),
    ("REGEXP_SUBSTR('500 Oracle Parkway, Redwood Shores, CA', ',[^,]+,')", ", Redwood Shores,"),
    ("REGEXP_SUBSTR('a1b22', '[[:digit:]]+', 1, 2)", "22"),
    ("REGEXP_SUBSTR('key=value', '(\\w+)=(\\w+)', 1, 1, NULL, 2)", "value"),
    ("REGEXP_REPLACE('500   Oracle     Parkway', '( ){2,}', ' ')", "500 Oracle Parkway"),
    ("REGEXP_REPLACE('515.123.4567', '([[:digit:]]{3})\\.([[:digit:]]{3})', '(\\1) \\2')", "(515) 123.4567"),
    ("REGEXP_INSTR('500 Oracle Parkway', '[^ ]+', 1, 2)", Decimal(5)),
    ("REGEXP_COUNT('123123123', '123')", Decimal(3)),
    ("CASE WHEN REGEXP_LIKE('Steven', '^Ste(v|ph)en$') THEN 'y' ELSE 'n' END", "y"),
    ("CASE WHEN REGEXP_LIKE('ABC', 'b', 'i') THEN 'y' ELSE 'n' END", "y"),
    ("CASE WHEN 'abc' LIKE 'A%' THEN 'y' ELSE 'n' END", "n"),  # case counts
    ("CASE WHEN 'a_c' LIKE 'a\\_c' ESCAPE '\\' THEN 'y' ELSE 'n' END", "y"),
    ("CASE WHEN 'abc' LIKE 'a\\_c' ESCAPE '\\' THEN 'y' ELSE 'n' END", "n"),
    ("CASE WHEN 'a' < 'B' THEN 'y' ELSE 'n' END", "n"),  # binary order
    ("DBMS_LOB.SUBSTR('abcdef', 2, 3)", "cd"),
]
NUMBER_MASKS = [
    ("TO_CHAR(1234.5, '9999.99')", " 1234.50"),
    ("TO_CHAR(1234.5, 'FM9999.99')", "1234.5"),
    ("TO_CHAR(1234.5, 'FM9999.00')", "1234.50"),
    ("TO_CHAR(-1234567890, '9999999999S')", "1234567890-"),
    ("TO_CHAR(0, '99.99')", "   .00"),
    ("TO_CHAR(0.1, '99.99')", "   .10"),
    ("TO_CHAR(-0.2, '99.99')", "  -.20"),
    ("TO_CHAR(0, '90.99')", "  0.00"),
    ("TO_CHAR(0, '9999')", "    0"),
    ("TO_CHAR(1, '0999')", " 0001"),
    ("TO_CHAR(123.45, '999.009')", " 123.450"),
    ("TO_CHAR(123.45, 'FM999.009')", "123.45"),
    ("TO_CHAR(123, 'FM999.009')", "123.00"),
    ("TO_CHAR(1234567, '9,999,999')", " 1,234,567"),
    ("TO_CHAR(123, 'FM9,999')", "123"),
    ("TO_CHAR(12345, '999')", "####"),
    ("TO_CHAR(-5, '999')", "  -5"),
    ("TO_CHAR(5, 'S99')", " +5"),
    ("TO_CHAR(-5, '999PR')", "  <5>"),
    ("TO_CHAR(-5, '999MI')", "  5-"),
    ("TO_CHAR(1234, '9.9EEEE')", "  1.2E+03"),
    ("TO_CHAR(255, 'FMXX')", "FF"),
    ("TO_CHAR(1234, '$9,999')", " $1,234"),
    ("TO_CHAR(99.994, 'FM990.00')", "99.99"),
]
ENVIRONMENT = [
    ("USER", "WATCHER"),
    ("SYS_CONTEXT('USERENV', 'SESSION_USER')", "WATCHER"),
    ("SYS_CONTEXT('userenv', 'current_schema')", "WATCHER"),
    ("SYS_CONTEXT('USERENV', 'DB_NAME')", "SMALL"),
    ("SYS_CONTEXT('USERENV', 'DB_UNIQUE_NAME')", "small_a"),
    ("SYS_CONTEXT('USERENV', 'INSTANCE_NAME')", "small1"),
    ("SYS_CONTEXT('USERENV', 'SERVICE_NAME')", "small"),
    ("SYS_CONTEXT('USERENV', 'SID')", "7"),
    ("SYS_CONTEXT('USERENV', 'CON_ID')", "0"),
    ("SYS_CONTEXT('USERENV', 'CON_NAME')", "SMALL"),
    ("SYS_CONTEXT('USERENV', 'CDB_NAME')", None),
    ("SYS_CONTEXT('USERENV', 'DATABASE_ROLE')", "PRIMARY"),
    ("SYS_CONTEXT('USERENV', 'ISDBA')", "FALSE"),
    ("SYS_CONTEXT('OTHER', 'X')", None),
]


@pytest.mark.parametrize(("expression", "expected"), [*NULLS, *NUMBERS, *TEXTS, *NUMBER_MASKS, *ENVIRONMENT])
def test_an_expression_has_the_value_that_oracle_documents(session: Session, expression: str, expected: Value) -> None:
    assert value(session, expression) == expected


ERRORS = [
    ("1/0", 1476),
    ("TO_NUMBER('abc')", 1722),
    ("'abc' + 1", 1722),
    ("SQRT(-1)", 1428),
    ("LN(0)", 1428),
    ("POWER(-8, 0.5)", 1428),
    ("TO_CHAR(5, 'ABC')", 1481),
    ("CAST(1234 AS NUMBER(3))", 1438),
    ("CASE WHEN 'a' = 1 THEN 1 END", 1722),
    ("CASE WHEN 1 = 1 THEN 'a' ELSE 1 END", 932),
    ("COALESCE('a', 1)", 932),
    ("NULLIF(1, 'a')", 932),
    ("NULLIF(NULL, 1)", 932),
    ("NVL(1, 'none')", 1722),
    ("DECODE(1, 1, 5, 'x')", 1722),
    ("SYSDATE + SYSDATE", 975),
    ("5 - SYSDATE", 932),
    ("SYSDATE * 2", 932),
    ("ADD_MONTHS(5, 1)", 932),
    ("CASE WHEN SYSDATE > 5 THEN 1 END", 932),
    ("SUBSTR('a')", 938),
    ("SUBSTR('a', 1, 2, 3)", 939),
    ("NVL(1)", 909),
    ("NO_SUCH_FUNCTION(1)", 904),
    ("SYS_CONTEXT('USERENV', 'NO_SUCH')", 2003),
    ("RPAD('x', 4000, 'x') || 'y'", 1489),
    ("TRIM('ab' FROM 'abc')", 30001),
    ("REGEXP_SUBSTR('a', '(')", 12725),
    ("REGEXP_SUBSTR('a', '[a')", 12726),
    ("CASE WHEN 'a' LIKE 'a\\b' ESCAPE '\\' THEN 1 END", 1424),
    ("EXTRACT(HOUR FROM SYSDATE)", 30076),
    ("HEXTORAW('xyz')", 1465),
    ("POWER(10, 200)", 1426),
    ("1 = 1", 923),
    ("LAG(1)", 30484),
    ("ROW_NUMBER() OVER ()", 30485),
    ("LEVEL", 1788),
]


@pytest.mark.parametrize(("expression", "code"), ERRORS)
def test_an_expression_fails_with_oracles_error(session: Session, expression: str, code: int) -> None:
    assert error(session, f"SELECT {expression} FROM dual").code == code


def test_branches_that_are_not_taken_are_not_evaluated(session: Session) -> None:
    assert value(session, "CASE WHEN 1 = 0 THEN 1/0 ELSE 5 END") == 5
    assert value(session, "DECODE(0, 0, NULL, 1/0)") is None
    assert value(session, "COALESCE(1, 1/0)") == 1


def test_nvl_evaluates_its_fallback_even_when_unused(session: Session) -> None:
    assert error(session, "SELECT NVL(1, 1/0) FROM dual").code == 1476
