"""Services: what people depend on, how each is, and how it was."""
