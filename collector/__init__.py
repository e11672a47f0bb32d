"""The collector: takes in what agents send, keeps it, and serves it."""
