"""Whole databases, copied row by row: into a file, out of it, from one store to the other."""
