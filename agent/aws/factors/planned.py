"""The factors that are known and not built."""

from agent.aws.catalogue import Planned

PLANNED: tuple[Planned, ...] = ()
