"""The catalogue: every `Factor` of every module in this folder, by key, and what is known and not built.

To add a service: one module here whose `FACTORS` tuple lists its factors; nothing else has to know of it. A module
whose name starts with `_` holds a part of a large one.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache

from agent.aws.catalogue import Factor, Planned

_PLANNED = "planned"


@cache
def catalogue() -> dict[str, Factor]:
    """All factors by key, in the order of their numbers; two of the same key are an error."""
    found: dict[str, Factor] = {}
    for factor in sorted(_declared(), key=lambda factor: factor.number):
        if factor.key in found:
            raise ValueError(f"two factors are called {factor.key}")
        found[factor.key] = factor
    return found


@cache
def planned() -> tuple[Planned, ...]:
    """Factors that are known and not built."""
    from agent.aws.factors.planned import PLANNED  # noqa: PLC0415 - a list that only who shows it needs

    return PLANNED


def _declared() -> Iterable[Factor]:
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        if module[0] != "_" and module != _PLANNED:
            yield from importlib.import_module(f"{__name__}.{module}").FACTORS
