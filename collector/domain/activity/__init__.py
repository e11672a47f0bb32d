"""What happened, in the order in which it was recorded: append-only and hash-chained per tenant."""
