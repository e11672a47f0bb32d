"""Findings that people have muted or acknowledged."""
