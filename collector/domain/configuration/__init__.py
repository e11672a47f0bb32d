"""A tenant's configuration as one file: what is set, and what would have to change for a file to hold."""
