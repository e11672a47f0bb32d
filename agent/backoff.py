"""How long to wait before the next try: full jitter up to 300 s, for ever; the collector's own word goes first."""

import random

FIRST_S = 1.0
LONGEST_S = 300.0
_MAX_DOUBLINGS = 9


class BackOff:
    def __init__(self) -> None:
        self.failures = 0

    def reset(self) -> None:
        self.failures = 0

    def next(self, retry_after: float | None = None) -> float:
        """Seconds to wait after one more failure. `retry_after` is obeyed, up to a fifth late so that agents spread."""
        self.failures += 1
        if retry_after is not None:
            return retry_after * random.uniform(1.0, 1.2)  # noqa: S311 - spreads load, guards nothing
        longest = min(LONGEST_S, FIRST_S * 2 ** min(self.failures, _MAX_DOUBLINGS))
        return random.uniform(0.1, longest)  # noqa: S311 - likewise
