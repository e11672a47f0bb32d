"""Maintenance: work that was announced, by hand and by the clock."""
