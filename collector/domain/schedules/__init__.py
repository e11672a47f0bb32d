"""Schedules that start and stop resources: what is wanted, and what agents say they did."""
