"""Tickets: the history of findings."""
