"""Accounts that move from one agent to another."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assignment", sa.Column("generation", sa.BigInteger(), nullable=True))
    op.add_column("aws_account", sa.Column("moving_to", sa.String(), nullable=True))
    op.create_table(
        "aws_fence",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "account_id"),
    )
    op.create_index("aws_fence_by_age", "aws_fence", ["since"])


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
