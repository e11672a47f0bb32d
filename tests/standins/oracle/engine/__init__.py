"""The SQL half of the Oracle stand-in: scenarios as databases that answer Oracle's SQL."""

from tests.standins.oracle.engine.backend import Database, load_scenario

__all__ = ["Database", "load_scenario"]
