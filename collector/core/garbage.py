"""How a process that serves looks for garbage in circles: seldom, and never through what was there when it began."""

import gc

_SELDOM = (50_000, 20, 50)  # a batch makes thousands of objects that live for milliseconds, in no circle


def settle() -> None:
    """Call it once everything that stays has been made: no collection looks at that again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_SELDOM)
