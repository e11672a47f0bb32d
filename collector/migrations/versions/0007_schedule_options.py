"""Options of schedules, overrides, and what a schedule applies to."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("enforce", "hibernate", "dry_run"):
        op.add_column("aws_schedule", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("aws_schedule", sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    for name in ("paused_until", "since"):
        op.add_column("aws_schedule", sa.Column(name, sa.BigInteger(), nullable=True))
    op.create_index("aws_schedule_by_pause", "aws_schedule", ["status", "paused_until"])
    op.add_column("aws_execution", sa.Column("told_at", sa.BigInteger(), nullable=True))
    op.create_index("aws_execution_by_edge", "aws_execution", ["tenant_id", "edge"])
    op.create_table(
        "aws_match",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("schedule_id", sa.String(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("matched", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "schedule_id", "part"),
    )
    op.create_table(
        "aws_override",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("account_id", "region", "resource_id")),
        sa.Column("keep", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "account_id", "region", "resource_id"),
    )
    op.create_index("aws_override_by_end", "aws_override", ["until"])


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
