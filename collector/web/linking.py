"""Forms of AWS accounts: what can be given, and what an account's role needs, as text to take along."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from collector.api.tuner.accounts import ExternalId, Named, Role
from collector.api.tuner.params import account_id
from collector.domain.accounts import naming
from collector.domain.accounts.changing import Change
from collector.domain.accounts.linking import NewLink
from collector.domain.accounts.store import Linked
from collector.web import forms

MOST_REGIONS = 40
SCAN_HOURS = 24
_BETWEEN = re.compile(r"[\s,;]+")


def _regions(text: str) -> tuple[str, ...]:
    values = [one for one in _BETWEEN.split(text) if one]
    if not 0 < len(values) <= MOST_REGIONS:
        raise ValueError(f"{len(values)} regions; expected 1 to {MOST_REGIONS}")
    for one in values:
        try:
            naming.region(one)
        except ValueError as expected:
            raise ValueError(f"{one[:40]!r}; expected {expected}") from None
    return tuple(dict.fromkeys(values))


Places = Annotated[str, AfterValidator(lambda text: ", ".join(_regions(text)))]
Hours = Annotated[int, Field(ge=1, le=168)]
AgentId = Annotated[str, Field(max_length=64)]


class Settings(forms.Form):
    """What can be changed later."""

    name: Named
    role_arn: Role
    external_id: ExternalId
    regions: Places
    scan_hours: Hours = SCAN_HOURS


class New(Settings):
    """An account to be linked; without an agent whichever one lists the role in its local policy."""

    account_id: Annotated[str, AfterValidator(account_id)]
    agent_id: AgentId | None = None


class Move(forms.Form):
    """Which agent is to look after it; `force`: the host of the one before is gone for good."""

    agent_id: AgentId
    force: str = ""


def new_link(given: New) -> NewLink:
    """`NotFilled` where the role is another account's."""
    return NewLink(
        account_id=given.account_id,
        name=given.name,
        role_arn=_role(given, given.account_id),
        external_id=given.external_id,
        regions=_regions(given.regions),
        scan_hours=given.scan_hours,
        agent_id=given.agent_id,
    )


def change(given: Settings, account: str) -> Change:
    """As `new_link`."""
    return Change(
        name=given.name,
        role_arn=_role(given, account),
        external_id=given.external_id,
        regions=_regions(given.regions),
        scan_hours=given.scan_hours,
    )


def as_given(linked: Linked) -> dict[str, str]:
    """An account's settings as its form has them."""
    return {
        "name": linked.name,
        "role_arn": linked.role_arn,
        "external_id": linked.external_id,
        "regions": ", ".join(linked.regions),
        "scan_hours": str(linked.scan_hours),
    }


class Commands(NamedTuple):
    """What prints the policies of the role, on the host of the agent."""

    trust: str
    scan: str
    schedule: str


def commands(external_id: str) -> Commands:
    return Commands(
        f"fieldpost-agent aws trust --principal ARN-OF-THE-AGENT --external-id {external_id}",
        "fieldpost-agent aws policy",
        "fieldpost-agent aws policy --schedule --tag 'Schedule=office|night'",
    )


def statement(missing: Iterable[str]) -> str:
    """What to add to the role's policy where rights are missing."""
    return json.dumps({"Effect": "Allow", "Action": sorted(missing), "Resource": "*"}, indent=2)


def _role(given: Settings, account: str) -> str:
    if naming.owner(given.role_arn) != account:
        expected = f"{given.role_arn[:80]!r}; expected a role of the account {account}"
        raise forms.NotFilled({"role_arn": expected}, _typed(given))
    return given.role_arn


def _typed(given: Settings) -> dict[str, str]:
    return {name: str(value) for name, value in given.model_dump(exclude_none=True).items()}
