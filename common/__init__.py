"""What agent and collector must agree on; imports neither of them, no framework and no driver."""
