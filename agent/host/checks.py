"""The checks of the host, judged on one snapshot of it."""

from functools import cache

from agent.oracle.catalogue import Check

CHECKS: tuple[Check, ...] = ()


@cache
def catalogue() -> dict[str, Check]:
    """All checks of the host by id; the databases' are in `agent.oracle.checks`."""
    return {check.id: check for check in CHECKS}
