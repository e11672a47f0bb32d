"""What the collector wants from each agent."""
