"""The health family: `/api/v1/health/…`, read-only, with an API key."""
