"""Pure: which figures there are of a tenant, by name."""

from typing import NamedTuple


class Family(NamedTuple):
    """One figure: its name without the prefix, what it is, and by what it is told apart beside the tenant."""

    name: str
    what: str
    by: str = ""


class Figure(NamedTuple):
    """A value of a family; `of` says of which part, where the family has parts."""

    family: str
    tenant: str
    value: float
    of: str = ""


FAMILIES: tuple[Family, ...] = (
    Family("connections", "Connections by the status of their score.", "status"),
    Family("connections_unreachable", "Connections whose last visit could not log on or reach them."),
    Family("tickets_open", "Open tickets by severity.", "severity"),
    Family("alerts_standing", "Alerts that are not resolved: open, or suppressed by maintenance or a mute.", "state"),
    Family("incidents_open", "Incidents that are not resolved, by severity.", "severity"),
    Family("maintenance_active", "Maintenance windows that are under way."),
    Family("agents", "Agents by what is heard of them: reporting, late, silent, or waiting for approval.", "state"),
    Family("agents_clock_offset_seconds", "The largest difference between the clock of an agent and this one's."),
    Family("agents_spool_records", "Records that wait on agents, as their last heartbeats said."),
    Family("agents_spool_used_ratio", "How full the fullest spool of an agent is."),
    Family("aws_accounts", "Linked AWS accounts by state.", "state"),
    Family("recommendations_open", "Open recommendations that no other one covers."),
    Family("recommendations_unpriced", "Those of them whose price nobody knows; they are in no sum."),
    Family("recommendations_savings_usd", "What open recommendations would save together, in USD a month."),
    Family("deliveries_pending", "Events on their way to endpoints that are enabled."),
    Family("deliveries_dead", "Events that were given up and can be sent again."),
)
