"""The public status page of each tenant, for people: nothing but what the public family tells as JSON."""
