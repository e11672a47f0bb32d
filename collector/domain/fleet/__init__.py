"""The read side of connections: lists, the fleet, the latest results of one connection."""
