"""Time series are partitioned by time on PostgreSQL."""

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
