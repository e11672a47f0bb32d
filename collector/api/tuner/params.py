"""How the tuner family reads what its parameters have in common."""

import re

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)


def account_id(value: object) -> str:
    """A validator for the number of an AWS account."""
    text = str(value)
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("12-digit string")
    return text
