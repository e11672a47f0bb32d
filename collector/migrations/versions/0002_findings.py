"""Confirmed states, tickets, alerts, mutes, and the series that history is made of."""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise RuntimeError("restore a backup instead: a schema only moves forward")
