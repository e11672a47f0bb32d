"""Agents: enrolment, keys, signs of life."""
