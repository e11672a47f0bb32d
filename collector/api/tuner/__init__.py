"""The tuner family: `/api/v1/…`, `/tuner/v1/api/…`, with the access token of a login."""
