"""Which authorities agents recognise a collector by, as both sides speak of it."""

import hashlib

HEADER = "Fieldpost-CA"
"""On every answer of the link: the mark of what the collector announces; an agent with another one asks for it."""
SYSTEM = "system"
"""In a heartbeat: what the system trusts."""
PLAIN = "none"
"""In a heartbeat: nothing, as plain HTTP goes to the same host."""


def ca_mark(pem: bytes) -> str:
    """A short name of exactly these certificates."""
    return hashlib.sha256(pem).hexdigest()[:16]
