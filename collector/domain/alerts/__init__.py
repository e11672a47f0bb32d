"""Alerts: what somebody ought to be told."""
