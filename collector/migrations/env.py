"""Alembic's entry point; it is only ever given a connection, whose transaction belongs to the caller."""

from alembic import context
from sqlalchemy import text

from collector.core import tenancy
from collector.core.tenancy import EVERYBODY
from collector.domain.tables import metadata

LOCK = 0x6669656C64  # one migration at a time where several replicas start at once

connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    connection.exec_driver_sql(tenancy.say(connection, EVERYBODY))  # revisions change the rows of all tenants
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False, compare_type=True)
context.run_migrations()
