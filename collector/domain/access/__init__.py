"""Credentials of the REST API."""
