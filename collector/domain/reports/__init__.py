"""A fleet's week: what a report says, and to whom it is sent."""
