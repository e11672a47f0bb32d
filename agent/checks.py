"""All checks that this agent knows: of Oracle targets, and of the host that a target runs on."""

from agent.config import Connection
from agent.host import checks as host
from agent.oracle import checks as oracle
from agent.oracle.catalogue import Check


def known() -> dict[str, Check]:
    """Every check by its id."""
    return {**oracle.catalogue(), **host.catalogue()}


def of(connection: Connection) -> list[Check]:
    """The checks to run for this connection; the host's own only where the agent runs on that host."""
    checks = known() if connection.host_checks else oracle.catalogue()
    return [check for check in checks.values() if not check.by_collector]
