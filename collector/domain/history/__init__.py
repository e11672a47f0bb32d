"""How scores, values and statuses went over time."""
