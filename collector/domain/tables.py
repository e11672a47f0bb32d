"""Every table of the collector: importing this module completes the schema."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from collector.core import sequences
from collector.domain.access import tables as access
from collector.domain.agents import tables as agents
from collector.domain.assignments import tables as assignments
from collector.domain.results import tables as results
from collector.domain.tenants import tables as tenants

metadata: MetaData = SQLModel.metadata

__all__ = ["access", "agents", "assignments", "metadata", "results", "sequences", "tenants"]
