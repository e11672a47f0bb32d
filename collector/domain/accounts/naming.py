"""Pure: what accounts, roles, external ids and regions may look like; `ValueError` says what is expected."""

import re

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_+=,.@:/-]{2,1224}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]", re.ASCII)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/[A-Za-z0-9_+=,.@/-]{1,512}", re.ASCII)
_MAX_REGION = 32


def account(value: str) -> str:
    return _checked(_ACCOUNT, value, "12-digit string")


def external_id(value: str) -> str:
    return _checked(_EXTERNAL_ID, value, "2 to 1224 letters, digits and _+=,.@:/-")


def role(value: str) -> str:
    return _checked(_ROLE, value, "the ARN of a role, like arn:aws:iam::123456789012:role/fieldpost")


def region(value: str) -> str:
    return _checked(_REGION, value if len(value) <= _MAX_REGION else "", "an AWS region, like us-east-1")


def owner(role_arn: str) -> str:
    """The account that a role belongs to."""
    found = _ROLE.fullmatch(role_arn)
    return found[1] if found else ""


def _checked(pattern: re.Pattern[str], value: str, expected: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(expected)
    return value
