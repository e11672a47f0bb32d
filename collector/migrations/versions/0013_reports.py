"""Reports that go out by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "report_reader",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("queued", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "member_id"),
    )
    op.create_index("report_reader_by_week", "report_reader", ["queued", "since"])
    op.create_table(
        "report_mail",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "week", "member_id"),
    )
    op.create_index("report_mail_by_due", "report_mail", ["state", "due_at"])
    op.create_index("report_mail_by_time", "report_mail", ["queued_at"])


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
