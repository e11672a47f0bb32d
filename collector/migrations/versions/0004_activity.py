"""The activity log and its chain; how often a fleet has changed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.schema.CreateSequence(sa.Sequence("activity_id_seq")))
    _entries()
    _chain()
    op.create_table(
        "fleet_version",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "source"),
    )


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")


def _entries() -> None:
    op.create_table(
        "activity_entry",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("action_type", sa.String(), nullable=False),
        sa.Column("page_path", sa.Text(), nullable=True),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("activity_by_time", "activity_entry", ["tenant_id", "occurred_at", "id"], unique=False)
    op.create_index(
        "activity_by_type", "activity_entry", ["tenant_id", "action_type", "occurred_at", "id"], unique=False
    )
    chained, unchained = sa.text("position IS NOT NULL"), sa.text("position IS NULL")
    op.create_index(
        "activity_by_position",
        "activity_entry",
        ["tenant_id", "position"],
        unique=True,
        sqlite_where=chained,
        postgresql_where=chained,
    )
    op.create_index(
        "activity_unchained",
        "activity_entry",
        ["tenant_id", "id"],
        unique=False,
        sqlite_where=unchained,
        postgresql_where=unchained,
    )


def _chain() -> None:
    op.create_table(
        "activity_chain",
        sa.Column("tenant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("cut_position", sa.BigInteger(), nullable=False),
        sa.Column("cut_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    op.create_table(
        "activity_checkpoint",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("newest_at", sa.BigInteger(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "position"),
    )
    op.create_table(
        "activity_count",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("action_type", sa.String(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "hour", "action_type"),
    )
