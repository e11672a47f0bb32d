"""Every table of the collector: importing this module completes the schema."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from collector.core import floors, sequences
from collector.domain.access import tables as access
from collector.domain.accounts import tables as accounts
from collector.domain.activity import tables as activity
from collector.domain.agents import tables as agents
from collector.domain.alerts import tables as alerts
from collector.domain.assignments import tables as assignments
from collector.domain.bundles import tables as bundles
from collector.domain.costs import tables as costs
from collector.domain.history import tables as history
from collector.domain.idempotency import tables as idempotency
from collector.domain.incidents import tables as incidents
from collector.domain.maintenance import tables as maintenance
from collector.domain.mutes import tables as mutes
from collector.domain.notifications import tables as notifications
from collector.domain.reports import tables as reports
from collector.domain.results import tables as results
from collector.domain.retention import tables as retention
from collector.domain.schedules import tables as schedules
from collector.domain.services import tables as services
from collector.domain.statuspage import tables as statuspage
from collector.domain.tenants import tables as tenants
from collector.domain.tickets import tables as tickets
from collector.domain.versions import tables as versions
from collector.domain.webhooks import tables as webhooks

metadata: MetaData = SQLModel.metadata

__all__ = [
    "access",
    "accounts",
    "activity",
    "agents",
    "alerts",
    "assignments",
    "bundles",
    "costs",
    "floors",
    "history",
    "idempotency",
    "incidents",
    "maintenance",
    "metadata",
    "mutes",
    "notifications",
    "reports",
    "results",
    "retention",
    "schedules",
    "sequences",
    "services",
    "statuspage",
    "tenants",
    "tickets",
    "versions",
    "webhooks",
]
