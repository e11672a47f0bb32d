"""The same page as the tests of its JSON have."""

from tests.collector.api.public.conftest import acme, app, http, settings

__all__ = ["acme", "app", "http", "settings"]
