"""Services, incidents, maintenance, and the tokens of the status family."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COUNTED = ("service", "pin", "incident", "incident_update", "maintenance")

# what is confirmed to be critical (3) now; what was before nobody knows
_STANDING = """
INSERT INTO baseline_span (tenant_id, source, check_id, began_at, ended_at, status)
SELECT s.tenant_id, 'connection/' || CAST(s.connection_id AS VARCHAR), s.check_id, s.observed_at, NULL,
    CASE WHEN s.check_id = 'DB_CONNECT' THEN 'major_outage'
         WHEN e.gate THEN 'partial_outage' ELSE 'degraded_performance' END
FROM check_state s
JOIN connection c ON c.tenant_id = s.tenant_id AND c.id = s.connection_id
LEFT JOIN catalogue_entry e
    ON e.tenant_id = s.tenant_id AND e.agent_id = c.agent_id AND e.check_id = s.check_id
WHERE s.confirmed = 3 AND c.removed_at IS NULL AND s.category <> 'monitoring'
    AND NOT EXISTS (
        SELECT 1 FROM finding_mark m
        WHERE m.tenant_id = s.tenant_id AND m.connection_id = s.connection_id
            AND m.check_id = s.check_id AND m.kind = 'mute')
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in _COUNTED:
            op.execute(sa.schema.CreateSequence(sa.Sequence(f"{name}_id_seq")))
    op.add_column("connection", sa.Column("covered_from", sa.BigInteger(), nullable=True))
    op.add_column("connection", sa.Column("covered_until", sa.BigInteger(), nullable=True))
    op.add_column("tenant", sa.Column("uptime_policy", sa.String(), nullable=True))
    _services()
    _incidents()
    _maintenance()
    _credentials()
    op.execute(_STANDING)


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")


def _services() -> None:
    op.create_table(
        "service",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("group_name", sa.String(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("own_tags", sa.Text(), nullable=True),
        sa.Column("publish_baseline", sa.Boolean(), nullable=False),
        sa.Column("on_stale", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("service_by_id", "service", ["id"], unique=True)
    op.create_index("service_by_slug", "service", ["tenant_id", "slug"], unique=True)
    op.create_index(
        "service_by_name",
        "service",
        ["tenant_id", "name", "id"],
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "service_by_source",
        "service",
        ["tenant_id", "source"],
        unique=True,
        sqlite_where=sa.text("source <> ''"),
        postgresql_where=sa.text("source <> ''"),
    )
    op.create_table(
        "service_pin",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("service_pin_by_time", "service_pin", ["tenant_id", "service_id", "began_at"])
    op.create_table(
        "baseline_span",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("check_id", sa.String(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "source", "check_id", "began_at"),
    )
    op.create_index("baseline_span_by_end", "baseline_span", ["tenant_id", "ended_at"])
    op.create_table(
        "coverage_span",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "source", "began_at"),
    )
    op.create_index("coverage_span_by_end", "coverage_span", ["tenant_id", "ended_at"])


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("root_cause", sa.Text(), nullable=True),
        sa.Column("postmortem", sa.Text(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("incident_by_alert", "incident", ["tenant_id", "alert_id"])
    op.create_index("incident_by_id", "incident", ["id"], unique=True)
    op.create_index("incident_by_status", "incident", ["tenant_id", "status", "started_at", "id"])
    op.create_index("incident_by_time", "incident", ["tenant_id", "started_at", "id"])
    op.create_table(
        "incident_update",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("incident_update_by_incident", "incident_update", ["tenant_id", "incident_id", "id"])
    op.create_table(
        "incident_service",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("impact", sa.String(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "incident_id", "service_id"),
    )
    op.create_table(
        "incident_impact",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("impact", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "incident_id", "service_id", "began_at"),
    )
    op.create_index("incident_impact_by_service", "incident_impact", ["tenant_id", "service_id", "ended_at"])
    op.create_table(
        "incident_rule",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )


def _maintenance() -> None:
    op.create_table(
        "maintenance",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("scheduled_start", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_end", sa.BigInteger(), nullable=False),
        sa.Column("actual_start", sa.BigInteger(), nullable=True),
        sa.Column("actual_end", sa.BigInteger(), nullable=True),
        sa.Column("exclude_from_sla", sa.Boolean(), nullable=False),
        sa.Column("suppress_alerts", sa.Boolean(), nullable=False),
        sa.Column("auto_start", sa.Boolean(), nullable=False),
        sa.Column("auto_complete", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recurrence_id", sa.String(), nullable=False),
        sa.Column("occurrence", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("maintenance_by_id", "maintenance", ["id"], unique=True)
    op.create_index(
        "maintenance_by_recurrence", "maintenance", ["tenant_id", "recurrence_id", "occurrence"], unique=True
    )
    op.create_index("maintenance_open", "maintenance", ["tenant_id", "status", "scheduled_start"])
    op.create_index("maintenance_by_start", "maintenance", ["tenant_id", "scheduled_start", "id"])
    op.create_index("maintenance_by_status", "maintenance", ["status", "scheduled_start"])
    op.create_table(
        "maintenance_service",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("maintenance_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "maintenance_id", "service_id"),
    )
    op.create_index(
        "maintenance_service_by_service", "maintenance_service", ["tenant_id", "service_id", "maintenance_id"]
    )
    op.create_table(
        "maintenance_step",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("maintenance_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "maintenance_id", "step"),
    )
    op.create_table(
        "alert_hold",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "connection_id"),
    )
    op.create_index("alert_hold_by_time", "alert_hold", ["due_at"])
    op.create_table(
        "recurrence",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("first_start", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("exclude_from_sla", sa.Boolean(), nullable=False),
        sa.Column("suppress_alerts", sa.Boolean(), nullable=False),
        sa.Column("expanded_until", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("recurrence_by_reach", "recurrence", ["ended_at", "expanded_until"])


def _credentials() -> None:
    op.create_table(
        "api_token",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "reply",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("credential", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "credential", "method", "path", "key"),
    )
    op.create_index("reply_by_time", "reply", ["created_at"])
