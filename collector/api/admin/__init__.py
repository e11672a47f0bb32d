"""The admin family: `/api/v1/admin/…`, with the access token of a login; what a role may do stands in one table."""
