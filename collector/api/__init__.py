"""One package per family of endpoints; families are strangers to one another."""
