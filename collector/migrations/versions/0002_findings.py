"""Confirmed states, tickets, alerts, mutes, and the series that history is made of."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBERED = ("ticket", "alert", "series")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in NUMBERED:
            op.execute(sa.schema.CreateSequence(sa.Sequence(f"{name}_id_seq")))
    _confirmed()
    _silent_agents()
    _tickets()
    _alerts()
    _marks()
    _history()
    _forgetting()


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")


def _confirmed() -> None:
    for table, columns in _ADDED.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind(), nullable=True))


_ADDED = {
    "connection": {
        "raw_score": sa.Integer,
        "series_id": sa.BigInteger,
        "status": sa.String,
        "status_at": sa.BigInteger,
        "told": sa.String,
        "told_at": sa.BigInteger,
    },
    "check_state": {
        "warning": sa.Float,
        "critical": sa.Float,
        "confirmed": sa.Integer,
        "recent": sa.Integer,
        "finding_since": sa.BigInteger,
        "series_id": sa.BigInteger,
    },
    "agent": {"silence": sa.Integer, "spool_full": sa.Boolean},
}


def _silent_agents() -> None:
    op.create_index("agent_by_silence", "agent", ["state", "silence", "last_seen_at"])


def _tickets() -> None:
    op.create_table(
        "ticket",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("check_id", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("metric_line", sa.Text(), nullable=False),
        sa.Column("remediation", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index(
        "ticket_open",
        "ticket",
        ["tenant_id", "connection_id", "check_id"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ticket_by_connection", "ticket", ["tenant_id", "connection_id", "first_seen_at", "id"])
    op.create_index("ticket_by_severity", "ticket", ["tenant_id", "severity", "first_seen_at", "id"])
    op.create_index("ticket_by_time", "ticket", ["tenant_id", "first_seen_at", "id"])
    op.create_index("ticket_by_status", "ticket", ["tenant_id", "status", "first_seen_at", "id"])
    op.create_index("ticket_by_end", "ticket", ["tenant_id", "resolved_at", "first_seen_at"])
    op.create_index("ticket_by_both", "ticket", ["tenant_id", "status", "severity", "first_seen_at", "id"])


def _alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("check_id", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("triggered_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("alert_by_state", "alert", ["tenant_id", "state", "triggered_at", "id"])
    op.create_index(
        "alert_standing",
        "alert",
        ["tenant_id", "connection_id", "agent_id", "check_id"],
        unique=True,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index("alert_by_end", "alert", ["tenant_id", "resolved_at"])
    op.create_index("alert_by_time", "alert", ["tenant_id", "triggered_at", "id"])


def _marks() -> None:
    op.create_table(
        "finding_mark",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("check_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "connection_id", "check_id", "kind"),
    )
    op.create_index("finding_mark_by_expiry", "finding_mark", ["expires_at"])


def _history() -> None:
    op.create_table(
        "metric_point",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "series_id", "at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_hour",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("last", sa.Float(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "series_id", "at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_day",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("last", sa.Float(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "series_id", "at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "status_interval",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "connection_id", "began_at"),
    )


def _forgetting() -> None:
    op.create_table(
        "chore",
        sa.Column("name", sa.String(), autoincrement=False, nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("catalogue_by_check", "catalogue_entry", ["tenant_id", "check_id", "uploaded_at", "agent_id"])
    op.create_index("unknown_by_time", "unknown_record", ["received_at"])
    op.create_index("gap_by_time", "gap", ["reported_at"])
