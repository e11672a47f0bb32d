"""What agents found: connections, runs, latest state per check, score."""
