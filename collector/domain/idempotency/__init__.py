"""Requests that may be sent again: what the first one was answered."""
