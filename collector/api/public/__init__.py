"""What everybody may read of a tenant's services: JSON, a feed, badges, and subscriptions by mail."""
