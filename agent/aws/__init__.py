"""AWS accounts: what they hold, what of it costs more than it must, and who may look."""
