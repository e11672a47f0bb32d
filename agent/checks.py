"""All checks that this agent knows: of Oracle targets, of the host that a target runs on, and an operator's own."""

from collections.abc import Mapping

from agent.config import Connection
from agent.host import checks as host
from agent.oracle import checks as oracle
from agent.oracle.catalogue import Check

Own = Mapping[str, Check]
NONE: Own = {}


def known(own: Own = NONE) -> dict[str, Check]:
    """Every check by its id."""
    return {**oracle.catalogue(), **host.catalogue(), **own}


def of(connection: Connection, own: Own = NONE) -> list[Check]:
    """The checks to run for this connection; the host's own only where the agent runs on that host."""
    checks = known(own) if connection.host_checks else {**oracle.catalogue(), **own}
    return [check for check in checks.values() if not check.by_collector]
