"""Who may do what in the admin family; the table of roles is `domain/access/rules.py`."""

from collector.api.members import Member, may

__all__ = ["Member", "may"]
