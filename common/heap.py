"""What the C library keeps of freed memory, and how it is told to give it back."""

import ctypes
from collections.abc import Callable


def trim() -> Callable[[int], int] | None:
    """What glibc has for it (`malloc_trim`), while which other threads go on; None where there is no such thing."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return found
