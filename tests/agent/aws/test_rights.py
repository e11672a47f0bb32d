"""The policies that are printed, given to roles: they are enough for all that the agent does, and it does no more.

Whatever is asked without a right is refused and would be a gap here.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from typing import Any

import pytest

from agent.aws.child import scan_account, verify_account
from agent.aws.factors import catalogue
from agent.aws.messages import ScanRequest, Target, VerifyRequest
from agent.aws.policy import Document, scan_policy, schedule_policy, trust_policy
from agent.aws.session import assume, own
from agent.power import asking
from agent.power.messages import Call, LookRequest, Switched, SwitchRequest
from tests.standins.aws.launch import Aws

pytestmark = pytest.mark.slow
REGION = "eu-west-1"
EXTERNAL_ID = "fp-least-privilege"
HOME_ACCOUNT = "123456789012"


@pytest.fixture
def iam(as_agent: Aws) -> Iterator[Any]:
    """Makes roles: an administrator's client."""
    account = as_agent.accounts[0]
    with own() as through, assume(through, Target(account["account_id"], account["admin_role_arn"]), REGION) as access:
        yield access.client("iam", "us-east-1")


def role(aws: Aws, iam: Any, name: str, policy: Document) -> Target:
    trust = trust_policy(f"arn:aws:iam::{HOME_ACCOUNT}:root", EXTERNAL_ID)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=name, PolicyName="fieldpost", PolicyDocument=json.dumps(policy))
    account = aws.accounts[0]["account_id"]
    return Target(account, f"arn:aws:iam::{account}:role/{name}", EXTERNAL_ID)


def test_a_scan_needs_no_more_than_the_policy_that_is_printed_for_it(as_agent: Aws, iam: Any, tmp_path: Any) -> None:
    target = role(as_agent, iam, "Scan", scan_policy(catalogue().values(), live_prices=True))
    request = ScanRequest(target, (REGION,), state_dir=str(tmp_path), live_prices=True)
    (found,), _ = asyncio.run(scan_account(request))
    assert found.scan.gaps == {}
    assert set(found.scan.factors) >= {key for key, factor in catalogue().items() if not factor.home}
    assert {one.price_label for one in found.scan.recommendations} >= {"LIVE_LIST"}


def test_the_price_list_is_asked_only_with_a_right_that_is_asked_for_by_itself(
    as_agent: Aws, iam: Any, tmp_path: Any
) -> None:
    target = role(as_agent, iam, "ScanOffline", scan_policy(catalogue().values()))
    request = ScanRequest(target, (REGION,), ("PREVIOUS_GENERATION_EC2",), state_dir=str(tmp_path), live_prices=True)
    (found,), _ = asyncio.run(scan_account(request))
    assert found.scan.gaps == {"pricing.products": "access denied (pricing:GetProducts)"}
    assert found.scan.recommendations


def test_to_verify_an_account_needs_no_more_either(as_agent: Aws, iam: Any) -> None:
    target = role(as_agent, iam, "Verified", scan_policy(catalogue().values()))
    said = asyncio.run(verify_account(VerifyRequest(target, (REGION,)))).verification
    assert said.verified
    assert said.missing == ()


def test_to_look_and_to_switch_needs_no_more_than_the_policy_of_schedules(as_agent: Aws, iam: Any) -> None:
    target = role(as_agent, iam, "Schedule", schedule_policy("Schedule", ["office-hours"]))
    request = LookRequest(target, REGION, ("EC2", "RDS", "ASG"), tags=({"Schedule": "office-hours"},), worth=True)
    looked = asyncio.run(asking.look(request))
    assert looked.gaps == {}
    running = [one.resource.id for one in looked.resources if one.resource.type == "EC2"][:3]
    assert running
    assert {one.outcome for one in _switched(target, running, {"Schedule": "office-hours"})} == {"would_work"}


def _switched(target: Target, ids: list[str], tags: Mapping[str, str]) -> list[Switched]:
    calls = tuple(Call(name, "EC2", "STOP", dry_run=True, tags=dict(tags)) for name in ids)

    async def all_of_it() -> list[Switched]:
        async with aclosing(asking.switch(SwitchRequest(target, REGION, calls))) as answers:
            return [one async for one in answers]

    return asyncio.run(all_of_it())
