"""Whose certificates are believed."""

import ssl
from pathlib import Path


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """The system's authorities, and the operator's own."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
