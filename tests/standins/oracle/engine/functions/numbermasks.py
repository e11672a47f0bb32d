"""TO_CHAR and TO_NUMBER masks of numbers."""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.values import MATH

_MASK = re.compile(
    r"(?P<fm>FM)?(?P<lead>[SBLC$]*)(?P<whole>[90,G]*)(?:(?P<point>[.D])(?P<decimals>[90]*))?(?P<exp>EEEE)?"
    r"(?P<tail>MI|PR|S|L|C|\$)?",
    re.IGNORECASE,
)
_SIGNIFICANT = 40


def number_text(number: Decimal | float) -> str:
    """A number as Oracle shows it without a mask: at most 40 characters, no 0 before the point."""
    if isinstance(number, float):
        return repr(number).upper()
    if number == 0:
        return "0"
    power = number.adjusted()
    if power > _SIGNIFICANT - 1 or power < -_SIGNIFICANT:
        return _scientific(number)
    plain = format(number.normalize(MATH), "f")
    if "." in plain and len(plain.lstrip("-")) > _SIGNIFICANT + (plain.lstrip("-").startswith("0.")):
        room = _SIGNIFICANT - 1 - (0 if abs(number) < 1 else power + 1)
        plain = format(number.quantize(Decimal(1).scaleb(-room), ROUND_HALF_UP, MATH).normalize(MATH), "f")
    sign, plain = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    return sign + (plain[1:] if plain.startswith("0.") else plain)


def _scientific(number: Decimal) -> str:
    power = number.adjusted()
    exponent = f"E{'+' if power >= 0 else '-'}{abs(power):02d}"
    places = _SIGNIFICANT - len("1.") - len(exponent)
    return f"{number.scaleb(-power, MATH).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, MATH)}{exponent}"


def format_number(number: Decimal | float, mask: str) -> str:
    """TO_CHAR(n, mask); a number that does not fit is a row of #."""
    value = number if isinstance(number, Decimal) else Decimal(repr(number))
    upper = mask.upper()
    if upper in {"TM", "TM9"}:
        return number_text(value)
    if re.fullmatch(r"(FM)?0*X+", upper):
        return _hexadecimal(value, mask)
    match = _MASK.fullmatch(mask)
    if match is None or not (match["whole"] or match["decimals"]):
        raise ora(1481)
    if match["exp"]:
        return _exponent(value, match)
    return _fixed(value, match)


def _hexadecimal(value: Decimal, mask: str) -> str:
    digits = mask.upper().removeprefix("FM")
    if value < 0 or len(f"{int(value):x}") > len(digits):
        return "#" * (len(digits) + 1)
    text = f"{int(value):x}".zfill(digits.count("0"))
    text = text.upper() if "X" in mask else text
    return text if mask.upper().startswith("FM") else text.rjust(len(digits) + 1)


def _exponent(value: Decimal, match: re.Match[str]) -> str:
    places = len(match["decimals"] or "")
    power = value.adjusted() if value else 0
    mantissa = value.scaleb(-power, MATH).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, MATH)
    text = f"{mantissa}E{'+' if power >= 0 else '-'}{abs(power):02d}"
    return text if match["fm"] else text.rjust(len(match[0]) + 2)


def _fixed(value: Decimal, match: re.Match[str]) -> str:
    places = len(match["decimals"] or "")
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, MATH)
    negative = rounded < 0
    whole, _, fraction = format(abs(rounded), "f").partition(".")
    width = len(re.sub("[,G]", "", match["whole"], flags=re.IGNORECASE))
    whole = "" if whole == "0" and (places or not width) and "0" not in match["whole"] else whole
    total = len(match["whole"]) + (1 + places if match["point"] else 0) + 1
    if len(whole) > width:
        return "#" * (total + len((match["lead"] or "").replace("B", "")) * (match["lead"].upper() != "S"))
    body = _grouped(whole, match["whole"])
    if match["point"]:
        fraction = _trimmed(fraction, match["decimals"] or "") if match["fm"] else fraction
        body += "." + fraction
    return _signed(body, match, negative=negative, width=total - 1)


def _trimmed(fraction: str, mask: str) -> str:
    """FM drops trailing zeros that the mask does not ask for with 0."""
    keep = mask.rfind("0") + 1
    return fraction[:keep] + fraction[keep:].rstrip("0")


def _grouped(whole: str, mask: str) -> str:
    """Digits put into the mask from the right; nothing stands left of the first digit or 0."""
    zero = mask.find("0")
    pieces: list[str] = []
    digits = list(whole)
    for index in range(len(mask) - 1, -1, -1):
        mark = mask[index].upper()
        if mark in {",", "G"}:
            more = digits or (0 <= zero < index)
            pieces.append("," if more else "")
        elif digits:
            pieces.append(digits.pop())
        else:
            pieces.append("0" if 0 <= zero <= index else "")
    return "".join(reversed(pieces))


def _signed(body: str, match: re.Match[str], *, negative: bool, width: int) -> str:
    lead, tail = (match["lead"] or "").upper(), (match["tail"] or "").upper()
    currency = "$" if "$" in lead + tail or "L" in lead else ""
    if tail == "MI":
        text = currency + body + ("-" if negative else "" if match["fm"] else " ")
        return text if match["fm"] else text.rjust(width + len(currency) + 1)
    if tail == "PR":
        text = f"<{currency}{body}>" if negative else currency + body if match["fm"] else f" {currency}{body} "
        return text if match["fm"] else text.rjust(width + len(currency) + 2)
    if tail == "S":
        text = currency + body + ("-" if negative else "+")
        return text if match["fm"] else text.rjust(width + len(currency) + 1)
    sign = "-" if negative else "+" if "S" in lead else ""
    text = sign + currency + body
    return text if match["fm"] else text.rjust(width + len(currency) + 1)


def read_number(text: str, mask: str | None = None) -> Decimal:
    """TO_NUMBER; ORA-01722 for anything that is not a number."""
    if mask is not None and re.fullmatch(r"(?:FM)?[0Xx]*X", mask.upper()):
        return _read_hexadecimal(text)
    cleaned = text.strip()
    if mask is not None:
        if _MASK.fullmatch(mask) is None:
            raise ora(1481)
        cleaned = re.sub(r"[,$]", "", cleaned)
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", cleaned):
        raise ora(1722)
    try:
        return Decimal(cleaned)
    except InvalidOperation:
        raise ora(1722) from None


def _read_hexadecimal(text: str) -> Decimal:
    try:
        return Decimal(int(text.strip(), 16))
    except ValueError:
        raise ora(1722) from None
