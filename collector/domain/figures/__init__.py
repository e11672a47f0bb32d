"""Figures of each tenant for monitoring: how many there are of what, as of now."""
