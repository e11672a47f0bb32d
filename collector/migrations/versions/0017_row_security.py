"""Row-level security: on PostgreSQL no transaction sees the rows of another tenant."""

from alembic import op

from collector.core.row_security import secure

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ON_POSTGRESQL = {"guards": ("tenant",)}  # and all others; it takes no time that rows could tell

_TABLES = """
    activity_chain activity_checkpoint activity_count activity_entry agent agent_instance agent_key alert
    alert_hold alert_rule api_key api_token assignment aws_account aws_execution aws_fence aws_match
    aws_override aws_region aws_schedule baseline_span browser_session bundle_import bundle_receipt
    catalogue_entry check_setting check_state chore connection coverage_span delivery endpoint enrolment_token
    event finding_mark fleet_version gap incident incident_impact incident_rule incident_service incident_update
    invitation job maintenance maintenance_service maintenance_step member metric_day metric_hour metric_point
    notice received_range recommendation recurrence reply report_mail report_reader run service service_pin
    session status_interval status_mail status_news status_page status_told subscriber ticket unknown_record
"""


def upgrade() -> None:
    conn = op.get_bind()
    secure(conn, "tenant", "id")
    for name in _TABLES.split():
        secure(conn, name)


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
