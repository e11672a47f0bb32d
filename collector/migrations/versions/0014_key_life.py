"""Keys that change, machines that were cloned, and records that are carried here by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agent", sa.Column("host", sa.String(), nullable=True))
    op.add_column("agent", sa.Column("bundle_every_s", sa.Integer(), nullable=True))
    op.add_column("agent_key", sa.Column("offered_at", sa.BigInteger(), nullable=True))
    op.add_column("agent_key", sa.Column("reused_at", sa.BigInteger(), nullable=True))
    op.add_column("enrolment_token", sa.Column("agent_id", sa.String(), nullable=True))
    op.create_table(
        "agent_instance",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("instance", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("superseded_at", sa.BigInteger(), nullable=True),
        sa.Column("parked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "agent_id", "instance"),
    )
    op.create_index("agent_instance_by_time", "agent_instance", ["last_seen_at"])
    op.create_table(
        "bundle_import",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("fresh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "agent_id", "epoch", "number"),
    )


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
