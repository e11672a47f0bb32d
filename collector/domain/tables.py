"""Every table of the collector: importing this module completes the schema."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from collector.core import sequences
from collector.domain.access import tables as access
from collector.domain.activity import tables as activity
from collector.domain.agents import tables as agents
from collector.domain.assignments import tables as assignments
from collector.domain.notifications import tables as notifications
from collector.domain.results import tables as results
from collector.domain.tenants import tables as tenants
from collector.domain.versions import tables as versions
from collector.domain.webhooks import tables as webhooks

metadata: MetaData = SQLModel.metadata

__all__ = [
    "access",
    "activity",
    "agents",
    "assignments",
    "metadata",
    "notifications",
    "results",
    "sequences",
    "tenants",
    "versions",
    "webhooks",
]
