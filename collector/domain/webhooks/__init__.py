"""Events that leave the collector: endpoints, the outbox, and what became of each delivery."""
