"""Who may do what: roles, and what a name or an address must look like."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple, get_args

Role = Literal["owner", "admin", "dba", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)

Permission = Literal[
    "read",
    "acknowledge_findings",
    "mute_findings",
    "run_checks",
    "handle_recommendations",
    "handle_incidents",
    "link_aws_accounts",
    "override_schedules",
    "change_schedules",
    "change_thresholds",
    "change_webhooks",
    "change_services",
    "change_agents",
    "change_members",
    "change_keys",
    "change_tokens",
    "change_plan",
]


Scope = Literal["read:status", "write:incidents", "write:maintenance"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""What an API token of the status family may be good for."""


class Act(NamedTuple):
    """By whom something is changed, and when: a member's address, or `cli`."""

    by: str
    at: datetime


class RoleTerms(NamedTuple):
    """What a role is called, is for, and may do."""

    id: int
    description: str
    permissions: tuple[Permission, ...]


_VIEWER: tuple[Permission, ...] = ("read",)
_DBA: tuple[Permission, ...] = (
    *_VIEWER,
    "acknowledge_findings",
    "mute_findings",
    "run_checks",
    "handle_recommendations",
    "handle_incidents",
    "override_schedules",
)
_ADMIN: tuple[Permission, ...] = (
    *_DBA,
    "link_aws_accounts",
    "change_schedules",
    "change_thresholds",
    "change_webhooks",
    "change_services",
    "change_agents",
    "change_members",
)
_OWNER: tuple[Permission, ...] = (*_ADMIN, "change_keys", "change_tokens", "change_plan")

ROLE_TERMS: dict[Role, RoleTerms] = {
    "owner": RoleTerms(1, "Everything, also keys, tokens and the plan", _OWNER),
    "admin": RoleTerms(2, "Sets up: agents, AWS accounts, schedules, thresholds, webhooks, services, members", _ADMIN),
    "dba": RoleTerms(3, "Works with findings, recommendations and incidents; overrides schedules", _DBA),
    "viewer": RoleTerms(4, "Reads", _VIEWER),
}
"""The one table of roles; the contract's `/team/roles` and every permission check read it."""


def allowed(role: Role, permission: Permission) -> bool:
    return permission in ROLE_TERMS[role].permissions


def may_change_member(by: Role, *roles: Role | None) -> bool:
    """Owners are made, changed and removed by owners alone; `roles`: what the member is, and is to be."""
    return by == "owner" or "owner" not in roles


_MAX_NAME = 120
_MAX_EMAIL = 254


def parse_role(text: str) -> Role:
    for role in ROLES:
        if role == text:
            return role
    raise ValueError(f"role: {text!r}; expected one of {', '.join(ROLES)}")


def parse_scopes(words: Sequence[str]) -> tuple[Scope, ...]:
    """Each once, in the order of SCOPES; ValueError names what is unknown."""
    unknown = [word for word in words if word not in SCOPES]
    if unknown or not words:
        raise ValueError(f"scopes: {', '.join(unknown)[:_MAX_NAME]!r}; expected one or more of {', '.join(SCOPES)}")
    return tuple(scope for scope in SCOPES if scope in words)


def check_name(text: str) -> str:
    """A name that people give to a thing: trimmed, printable, not empty."""
    name = text.strip()
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise ValueError(f"name: {text[:_MAX_NAME]!r}; expected 1 to {_MAX_NAME} printable characters")
    return name


def check_email(text: str) -> str:
    """Close enough: one @ with something on both sides, no blanks. Lower case, so that one person is one row."""
    address = text.strip().lower()
    local, at, domain = address.partition("@")
    blank = any(character.isspace() or not character.isprintable() for character in address)
    if not (local and at and domain) or "@" in domain or blank or len(address) > _MAX_EMAIL:
        raise ValueError(f"email: {text[:_MAX_EMAIL]!r}; expected an address such as ana@example.com")
    return address
