"""Pure: which bundles never came, and the number of a receipt."""

from collections.abc import Iterable
from datetime import datetime, timedelta

RECEIPT_LIFETIME = timedelta(days=30)
MAX_RECEIPT_LIFETIME = timedelta(days=90)
LOOK_BACK = 1_000
"""How many bundles back one that never came is still missed."""

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def unseen(numbers: Iterable[int]) -> tuple[int, ...]:
    """The numbers below the newest that never came, ascending.

    `numbers`: of the bundles that came, the one made last first. Where they rise again, that agent began anew.
    """
    there: list[int] = []
    for number in numbers:
        if there and number > there[-1]:
            break
        there.append(number)
    newest = max(there, default=0)
    known = set(there)
    return tuple(number for number in range(max(1, newest - LOOK_BACK), newest) if number not in known)


def next_receipt(last: int, now: datetime) -> int:
    """Greater than any before, also after the database was restored from an older copy of itself."""
    return max(last + 1, (now - _EPOCH) // timedelta(milliseconds=1))
