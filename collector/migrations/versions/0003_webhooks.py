"""The outbox: endpoints, events, deliveries, and the rules that tell people."""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
