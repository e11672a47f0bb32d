"""The status family: probes now, services, incidents and maintenance later."""
