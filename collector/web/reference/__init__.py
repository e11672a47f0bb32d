"""Turns the OpenAPI documents that the families publish into what pages show of them."""
