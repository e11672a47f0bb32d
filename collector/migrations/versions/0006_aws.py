"""AWS accounts, recommendations and schedules."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("arguments", sa.Text(), nullable=True))
    op.add_column("job", sa.Column("done", sa.Integer(), nullable=True))
    op.add_column("job", sa.Column("total", sa.Integer(), nullable=True))
    _accounts()
    _recommendations()
    _schedules()
    op.create_table(
        "aws_region",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("judged", sa.Text(), nullable=False),
        sa.Column("pending", sa.Text(), nullable=False),
        sa.Column("undecided", sa.Text(), nullable=False),
        sa.Column("gaps", sa.Text(), nullable=False),
        sa.Column("scanned_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "account_id", "region"),
    )


def _accounts() -> None:
    op.create_table(
        "aws_account",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role_arn", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("regions", sa.Text(), nullable=False),
        sa.Column("scan_hours", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("verification_job", sa.String(), nullable=False),
        sa.Column("verification", sa.Text(), nullable=True),
        sa.Column("verified_at", sa.BigInteger(), nullable=True),
        sa.Column("last_sync_at", sa.BigInteger(), nullable=True),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "account_id"),
    )
    op.create_index("aws_account_by_agent", "aws_account", ["agent_id", "tenant_id"])


def _recommendations() -> None:
    words = ("account_id", "region", "factor", "resource_id", "resource_name", "service", "category")
    money = ("current_cost", "recommended_cost", "monthly_savings")
    labels = ("price_label", "price_as_of", "risk", "confidence", "suppressed_by", "evidence_hash")
    op.create_table(
        "recommendation",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in words),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("description", "action", "cli")),
        *(sa.Column(name, sa.Float(), nullable=True) for name in money),
        *(sa.Column(name, sa.String(), nullable=False) for name in labels),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("facts", "evidence")),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("snoozed_until", sa.BigInteger(), nullable=True),
        sa.Column("implemented_by", sa.String(), nullable=True),
        sa.Column("implemented_at", sa.BigInteger(), nullable=True),
        sa.Column("realised_savings", sa.Float(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "updated_at", "seen_at")),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index(
        "recommendation_by_account", "recommendation", ["tenant_id", "account_id", "suppressed_by", "ended_at"]
    )
    op.create_index(
        "recommendation_by_region", "recommendation", ["tenant_id", "account_id", "region", "ended_at", "seen_at"]
    )
    op.create_index("recommendation_by_snooze", "recommendation", ["status", "snoozed_until"])


def _schedules() -> None:
    op.create_table(
        "aws_schedule",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("id", "name", "type", "account_id", "region")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("tag_rules", "resource_ids", "hours")),
        sa.Column("resource_types", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("matches", sa.Text(), nullable=False),
        sa.Column("projected_savings", sa.Float(), nullable=True),
        sa.Column("last_execution_at", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "updated_at")),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("aws_schedule_by_account", "aws_schedule", ["tenant_id", "account_id"])
    op.create_table(
        "aws_execution",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("schedule_id", sa.String(), nullable=False),
        sa.Column("edge", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("results", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "schedule_id", "edge", "action"),
    )


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
