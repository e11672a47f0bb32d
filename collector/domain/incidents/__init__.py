"""Incidents: what went wrong, who is affected, and what is told of it."""
