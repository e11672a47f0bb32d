"""Time series are partitioned by time on PostgreSQL."""

from alembic import op

from collector.core import partitions
from common.clock import utc_now

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ON_POSTGRESQL = {"partitions": ("metric_point", "metric_hour")}


def upgrade() -> None:
    conn = op.get_bind()
    if partitions.used(conn):
        for table in (partitions.POINTS, partitions.HOURS):
            partitions.divide(conn, table, "tenant_id, series_id, at", utc_now())


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
