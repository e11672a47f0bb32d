"""Whether a role may switch what has no dry run: a simulation of its policies, blind to service control policies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.aws.policy import SIMULATE
from agent.aws.session import AWSError, Clients, code_of, home_of, status_of, why
from agent.power.messages import Call
from agent.power.refusals import reach
from agent.power.resource import SIZES_TAG

_RESIZE = "autoscaling:UpdateAutoScalingGroup"
_NOTE = {"STOP": "autoscaling:CreateOrUpdateTags", "START": "autoscaling:DeleteTags"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`granted` None: not known, and why."""

    granted: bool | None
    detail: str


def permitted(access: Clients, role_arn: str, region: str, call: Call) -> Verdict:
    """Without the ARN of the resource a refusal proves nothing: the right may be tied to it or to its tags.

    `AWSError` when asking again may help.
    """
    if not role_arn:
        return Verdict(None, "without a role there is no policy to simulate")
    try:
        answer = access.client("iam", home_of(region)).simulate_principal_policy(**_question(role_arn, region, call))
    except AWSError as error:
        if reach(code_of(error), status_of(error)) == "moment":
            raise
        return Verdict(None, why(error, SIMULATE))
    return _verdict(answer["EvaluationResults"], certain=bool(call.arn))


def actions_of(call: Call) -> tuple[str, ...]:
    """The IAM actions that a call of RDS or Auto Scaling takes."""
    if call.type == "ASG":
        return (_RESIZE, _NOTE[call.action])
    verb = "Start" if call.action == "START" else "Stop"
    return (f"rds:{verb}{'DBCluster' if call.cluster else 'DBInstance'}",)


def _question(role_arn: str, region: str, call: Call) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "PolicySourceArn": role_arn,
        "ActionNames": list(actions_of(call)),
        "ContextEntries": [*_context(region, call)],
    }
    return asked | ({"ResourceArns": [call.arn]} if call.arn else {})


def _context(region: str, call: Call) -> Iterator[Mapping[str, object]]:
    yield _entry("aws:RequestedRegion", region)
    for key, value in call.tags.items():
        yield _entry(f"aws:ResourceTag/{key}", value)
        if call.type == "ASG":
            yield _entry(f"autoscaling:ResourceTag/{key}", value)
    if call.type == "ASG":
        yield _entry("aws:TagKeys", SIZES_TAG, kind="stringList")


def _entry(name: str, value: str, *, kind: str = "string") -> Mapping[str, object]:
    return {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": kind}


def _verdict(results: list[Mapping[str, Any]], *, certain: bool) -> Verdict:
    refused = [one for one in results if one["EvalDecision"] != "allowed"]
    if not refused:
        return Verdict(True, "simulated: allowed")
    detail = ", ".join(f"{one['EvalActionName']} {one['EvalDecision']}" for one in refused)
    missing = sorted({name for one in refused for name in one.get("MissingContextValues", [])})
    if missing or not certain:
        return Verdict(None, f"simulated: {detail}; not known to it: {', '.join(missing) or 'the resource'}")
    return Verdict(False, f"simulated: {detail}")
