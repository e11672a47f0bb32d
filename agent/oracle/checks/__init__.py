"""The catalogue: every `Check` of every category module in this folder, by id.

To add a category: one module here whose `CHECKS` tuple lists its checks; nothing else has to know of it. A module
whose name starts with `_` holds a part of a large category.
"""

import importlib
import pkgutil
from functools import cache

from agent.oracle.catalogue import Check


@cache
def catalogue() -> dict[str, Check]:
    """All checks by id, in order of module and declaration; two of the same id are an error."""
    found: dict[str, Check] = {}
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_"):
        for check in importlib.import_module(f"{__name__}.{module}").CHECKS:
            if check.id in found:
                raise ValueError(f"two checks are called {check.id}")
            found[check.id] = check
    return found
