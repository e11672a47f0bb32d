import asyncio

import pytest

from agent.aws.child import verify_account
from agent.aws.factors import catalogue
from agent.aws.messages import Target, Verified, VerifyRequest
from agent.aws.policy import actions_of
from tests.standins.aws.launch import Aws

pytestmark = pytest.mark.slow
REGIONS = ("us-east-1", "eu-west-1")


def verified(
    aws: Aws, role: str = "role_arn", *, external_id: str | None = None, switch: bool = False, account: str = ""
) -> Verified:
    said = aws.accounts[0]
    given = said["schedule_external_id" if switch else "external_id"] if external_id is None else external_id
    target = Target(account or said["account_id"], said[role], given)
    return asyncio.run(verify_account(VerifyRequest(target, REGIONS, switch=switch)))


def test_a_well_made_role_has_every_right_and_trusts_nobody_else(as_agent: Aws) -> None:
    said = verified(as_agent).verification
    assert said.verified
    assert said.missing == ()
    assert said.regions == REGIONS
    assert not [warning for warning in said.warnings if "can be assumed" in warning]
    proven = {action for action, granted in said.permissions.items() if granted}
    unproven = {warning.partition(" ")[0] for warning in said.warnings if "is not proven" in warning}
    assert proven | unproven == set(actions_of(catalogue().values()))


def test_a_role_that_anybody_can_assume_is_reported(as_agent: Aws) -> None:
    said = verified(as_agent, "trusting_role_arn").verification
    assert said.verified
    assert [warning.partition(":")[0] for warning in said.warnings if "can be assumed" in warning] == [
        "the role can be assumed without an external id",
        "the role can be assumed with a wrong external id",
    ]


def test_a_wrong_external_id_and_another_account_are_refused_with_the_reason(as_agent: Aws) -> None:
    said = verified(as_agent, external_id="fp-wrong").verification
    assert not said.verified
    assert said.reason.endswith("access denied (sts:AssumeRole)")
    assert "fp-wrong" not in said.reason
    said = verified(as_agent, account="999999999999").verification
    assert said.reason == "account 111122223333; expected 999999999999"


def test_missing_rights_are_named_and_so_are_the_factors_that_need_them(as_agent: Aws) -> None:
    said = verified(as_agent, "partial_role_arn").verification
    assert said.verified
    lost = {action for action in actions_of(catalogue().values()) if action.startswith("rds:")}
    assert lost <= set(said.missing)
    assert said.permissions["ec2:DescribeVolumes"]
    needing = next(key for key, factor in catalogue().items() if "rds.instances" in factor.collections)
    assert any(warning.startswith(f"{needing} is not judged: it needs ") for warning in said.warnings)


def test_a_region_that_is_shut_is_named_and_the_others_are_used(as_agent: Aws) -> None:
    as_agent.set_faults("scp=eu-west-1")
    said = verified(as_agent).verification
    assert said.verified
    assert said.regions == ("us-east-1",)
    assert any(warning.startswith("eu-west-1: denied by a service control policy") for warning in said.warnings)
    as_agent.set_faults("optout=eu-west-1")
    said = verified(as_agent).verification
    assert said.regions == ("us-east-1",)
    assert any(warning.startswith("eu-west-1: ") for warning in said.warnings)


def test_the_right_to_switch_is_proven_by_a_dry_run(as_agent: Aws) -> None:
    found = verified(as_agent, "schedule_role_arn", switch=True)
    proofs = {proof.action: proof for proof in found.proofs}
    assert (proofs["ec2:StopInstances"].level, proofs["ec2:StopInstances"].granted) == ("DRYRUN", True)
    assert proofs["rds:StopDBInstance"].level in {"SIMULATED", "UNPROVEN"}
    assert proofs["autoscaling:UpdateAutoScalingGroup"].detail == "Auto Scaling has no dry run"


def test_throttling_while_the_negative_test_runs_is_not_taken_for_a_refusal(as_agent: Aws) -> None:
    as_agent.set_faults("error=sts:AssumeRole:InternalFailure")
    said = verified(as_agent).verification
    assert not said.verified
    assert "InternalFailure" in said.reason
