"""What everybody may read of a tenant's services, and those who want to hear of it by mail."""
