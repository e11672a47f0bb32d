"""Plans kept for statements that come again."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from tests.standins.oracle.engine.compiler.statements import Plan

_CAPACITY = 1000


class Plans:
    """A small cache, least recently used out first; shared by the sessions of one database."""

    def __init__(self) -> None:
        self._plans: OrderedDict[Hashable, Planned] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], "Planned"]) -> "Planned":
        with self._lock:
            found = self._plans.get(key)
            if found is not None:
                self._plans.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._plans[key] = made
            while len(self._plans) > _CAPACITY:
                self._plans.popitem(last=False)
        return made


Planned = tuple[Plan, tuple[str, ...]]
"""A plan and the dictionary views that it reads."""
