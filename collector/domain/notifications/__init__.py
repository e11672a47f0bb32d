"""Telling people: which alerts go to whom, when, and how often."""
