"""Numeric functions."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.functions.registry import function
from tests.standins.oracle.engine.sqltypes import NUMBER
from tests.standins.oracle.engine.values import MATH

Number = Decimal | float
_ONE = Decimal(1)


def exact(number: Number) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(repr(number))


def round_number(number: Number, digits: Number = Decimal(0)) -> Decimal:
    """ROUND: halves go away from zero."""
    return exact(number).quantize(_ONE.scaleb(-int(digits)), ROUND_HALF_UP, MATH)


def truncate_number(number: Number, digits: Number = Decimal(0)) -> Decimal:
    value, places = exact(number), int(digits)
    return Decimal(int(value.scaleb(places, MATH))).scaleb(-places, MATH)


@function("ABS", "number", NUMBER)
def absolute(number: Number) -> Number:
    return -number if number < 0 else number


@function("CEIL", "number", NUMBER)
def ceiling(number: Number) -> Decimal:
    return exact(number).to_integral_value(ROUND_CEILING)


@function("FLOOR", "number", NUMBER)
def floor(number: Number) -> Decimal:
    return exact(number).to_integral_value(ROUND_FLOOR)


@function("SIGN", "number", NUMBER)
def sign(number: Number) -> int:
    return (number > 0) - (number < 0)


@function("MOD", "number number", NUMBER)
def modulo(number: Number, divisor: Number) -> Decimal:
    """MOD has the sign of the dividend, and MOD(n, 0) is n."""
    value, by = exact(number), exact(divisor)
    return value if by == 0 else MATH.subtract(value, by * int(MATH.divide(value, by)))


@function("REMAINDER", "number number", NUMBER)
def remainder(number: Number, divisor: Number) -> Decimal:
    if divisor == 0:
        raise ora(1476)
    return MATH.remainder_near(exact(number), exact(divisor))


@function("POWER", "number number", NUMBER)
def power(number: Number, exponent: Number) -> Decimal:
    value, by = exact(number), exact(exponent)
    if value == 0 and by < 0:
        raise ora(1476)
    if value < 0 and by != int(by):
        raise ora(1428, value)
    if value == 0 and by == 0:
        return _ONE
    return MATH.power(value, by)


@function("SQRT", "number", NUMBER)
def square_root(number: Number) -> Decimal:
    if number < 0:
        raise ora(1428, number)
    return MATH.sqrt(exact(number))


@function("EXP", "number", NUMBER)
def exponential(number: Number) -> Decimal:
    return MATH.exp(exact(number))


@function("LN", "number", NUMBER)
def natural_logarithm(number: Number) -> Decimal:
    if number <= 0:
        raise ora(1428, number)
    return MATH.ln(exact(number))


@function("LOG", "number number", NUMBER)
def logarithm(base: Number, number: Number) -> Decimal:
    if base <= 0 or base == 1 or number <= 0:
        raise ora(1428, base if base <= 0 or base == 1 else number)
    result = MATH.divide(MATH.ln(exact(number)), MATH.ln(exact(base)))
    return result.quantize(Decimal(1).scaleb(-36), ROUND_HALF_UP, MATH).normalize(MATH)


@function("SIN", "number", NUMBER)
def sine(number: Number) -> Decimal:
    return Decimal(repr(math.sin(number)))


@function("COS", "number", NUMBER)
def cosine(number: Number) -> Decimal:
    return Decimal(repr(math.cos(number)))


@function("BITAND", "number number", NUMBER)
def bit_and(left: Number, right: Number) -> int:
    return int(left) & int(right)


@function("WIDTH_BUCKET", "number number number number", NUMBER)
def width_bucket(number: Number, low: Number, high: Number, count: Number) -> int:
    if number < low:
        return 0
    if number >= high:
        return int(count) + 1
    share = MATH.divide(exact(number) - exact(low), exact(high) - exact(low))
    return int(share * int(count)) + 1


@function("NANVL", "number number", NUMBER)
def nan_value(number: Number, _: Number) -> Number:
    return number


@function("ORA_HASH", "any number? number?", NUMBER)
def hash_bucket(value: object, buckets: Number = Decimal(4294967295), _: Number = Decimal(0)) -> int:
    """A stable bucket number; not the one that Oracle computes."""
    total = sum((index + 1) * byte for index, byte in enumerate(str(value).encode()))
    return total * 2654435761 % (int(buckets) + 1)
