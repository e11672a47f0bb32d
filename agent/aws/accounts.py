"""Proves that an account can be used: the role with its external id, without it, with a wrong one, then each right.

Loads boto3. A right is proven by a real read (CALLED), by a dry run (DRYRUN) or by simulation (SIMULATED, which is
blind to service control policies); what cannot be tried is UNPROVEN and counts neither as granted nor as missing.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from agent.aws.catalogue import Collection, Factor
from agent.aws.messages import Proof, Target, Verified, VerifyRequest
from agent.aws.policy import METRIC_READ, REGIONS_READ, RESIZING, SWITCHING, factors_without
from agent.aws.session import (
    WORKERS,
    Access,
    AccountError,
    AWSError,
    assume,
    code_of,
    denies,
    entered,
    home_of,
    why,
)
from agent.aws.snapshot import Snapshot
from agent.aws.sweep import arguments_of, first_page, items_of, needed, waves
from common.wire_aws import Verification

_DRY_RUN = "DryRunOperation"
_NO_DRY_RUN: Mapping[str, tuple[str, ...]] = {"RDS": SWITCHING["rds"], "Auto Scaling": RESIZING}
_TRIED = 20
_SIMULATED_AT_ONCE = 50
_ANYBODY = "the role can be assumed {how}: its trust policy lacks the condition on sts:ExternalId"


def verify(through: Access, request: VerifyRequest, factors: Sequence[Factor], *, at: datetime) -> Verified:
    """Everything that can be said of an account without changing anything in it."""
    target, home = request.target, home_of(next(iter(request.regions), ""))
    first = next(iter(request.regions), home)
    try:
        access = entered(through, target, first)
    except AccountError as error:
        return Verified(Verification(target.account, at, verified=False, reason=str(error), job=request.job))
    warnings = [*_trusting(through, target, first)]
    regions, closed = _regions(access, request.regions or (first,), first)
    proofs = [*_read_proofs(_Reads(access, target.account, first, at), factors, home=home)]
    proofs += _switch_proofs(access, first, request.tags) if request.switch else []
    simulated = _simulate(access, target, first, [proof.action for proof in proofs if proof.level == "UNPROVEN"])
    proofs = [_settled(proof, simulated.get(proof.action)) for proof in proofs]
    warnings += [*closed, *_lost(factors, proofs), *_unproven(proofs)]
    return Verified(_verification(request, at, proofs, regions, warnings), tuple(proofs))


def _verification(
    request: VerifyRequest, at: datetime, proofs: Sequence[Proof], regions: Sequence[str], warnings: Sequence[str]
) -> Verification:
    permissions = {proof.action: proof.granted for proof in proofs if proof.level != "UNPROVEN"}
    return Verification(
        account=request.target.account,
        at=at,
        verified=True,
        permissions=permissions,
        missing=tuple(sorted(action for action, granted in permissions.items() if not granted)),
        regions=tuple(regions),
        warnings=tuple(warning[:4000] for warning in warnings),
        job=request.job,
    )


# --- whom the role trusts ------------------------------------------------------------------------------------------


def _trusting(through: Access, target: Target, region: str) -> Iterator[str]:
    """A role that anybody's agent could assume protects the account from nobody."""
    if not target.role_arn:
        return
    if not target.external_id:
        yield "the role is assumed without an external id; link the account with one"
        return
    for how, external_id in (("without an external id", ""), ("with a wrong external id", secrets.token_hex(16))):
        wrong = Target(target.account, target.role_arn, external_id)
        try:
            assume(through, wrong, region, name="fieldpost-negative-test").close()
        except AWSError as error:
            if not denies(error):
                yield f"whether the role can be assumed {how} is not known: {why(error, 'sts:AssumeRole')}"
        else:
            yield _ANYBODY.format(how=how)


def _regions(access: Access, wanted: Sequence[str], first: str) -> tuple[list[str], list[str]]:
    """Which of the wanted regions can be used, and a line on each other one."""
    try:
        found = access.client("ec2", first).describe_regions(AllRegions=True)["Regions"]
    except AWSError as error:
        return list(wanted), [f"regions not known: {why(error, REGIONS_READ)}"]
    states = {region["RegionName"]: region.get("OptInStatus", "opt-in-not-required") for region in found}
    usable: list[str] = []
    closed: list[str] = []
    for region in wanted:
        reason = _closed(access, region, states)
        usable += [] if reason else [region]
        closed += [f"{region}: {reason}"] if reason else []
    return usable, closed


def _closed(access: Access, region: str, states: Mapping[str, str]) -> str:
    if states.get(region) == "not-opted-in":
        return "the account has not opted in to this region"
    if region not in states:
        return "there is no such region"
    try:
        access.client("ec2", region).describe_availability_zones()
    except AWSError as error:
        text = why(error, "ec2:DescribeAvailabilityZones")
        return "" if denies(error) and "service control" not in text else text
    finally:
        access.drop(region)
    return ""


# --- rights --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reads:
    """Reads under way: what the first page of each collection gave is what others are made from."""

    access: Access
    account: str
    region: str
    at: datetime
    parents: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def prove(self, collection: Collection) -> Proof:
        arguments = self._arguments(collection)
        if arguments is None:
            return Proof(collection.action, "UNPROVEN", granted=False, detail=f"no {collection.per} to try it on")
        client = self.access.client(collection.client, self.region)
        return _proven(collection.action, lambda: self._page(client, collection, arguments), none=collection.none)

    def _arguments(self, collection: Collection) -> dict[str, object] | None:
        own = arguments_of(collection.arguments, region=self.region, account=self.account)
        if not collection.per:
            return own
        if collection.calls:
            first = next(iter(collection.calls(self._look())), None)
            return None if first is None else own | dict(first)
        parent = self.parents.get(collection.per, {})
        given = {name: parent.get(key) for name, key in collection.given.items()}
        if not all(given.values()):
            return None
        return own | {name: [value] if collection.batch else value for name, value in given.items()}

    def _look(self) -> Snapshot:
        seen = {name: (parent,) for name, parent in self.parents.items()}
        return Snapshot(account=self.account, region=self.region, at=self.at, resources=seen)

    def _page(self, client: Any, collection: Collection, arguments: Mapping[str, object]) -> None:
        page = first_page(client, collection.operation, arguments)
        for item in islice(items_of(page, collection.result), 1):
            self.parents[collection.name] = {**arguments, **item}


def _read_proofs(reads: _Reads, factors: Sequence[Factor], *, home: str) -> Iterator[Proof]:
    access, region = reads.access, reads.region
    found: dict[str, Proof] = {}
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="aws") as threads:
        for wave in waves(needed(factors, home=region == home)):
            for proof in threads.map(reads.prove, wave):
                found[proof.action] = _better(found.get(proof.action), proof)
        if any(factor.metrics for factor in factors):
            found[METRIC_READ] = _proven(METRIC_READ, lambda: _one_metric(access, region))
    yield from found.values()


def _better(known: Proof | None, proof: Proof) -> Proof:
    """Of two collections of one action the one that proves something, and a refusal before all."""
    if known is None or known.level == "UNPROVEN":
        return proof
    return proof if proof.level != "UNPROVEN" and not proof.granted else known


def _proven(action: str, call: Callable[[], object], *, none: Sequence[str] = ()) -> Proof:
    try:
        call()
    except AWSError as error:
        if code_of(error) in none:
            return Proof(action, "CALLED", granted=True)
        if denies(error):
            return Proof(action, "CALLED", granted=False, detail=why(error, action))
        return Proof(action, "UNPROVEN", granted=False, detail=why(error, action))
    return Proof(action, "CALLED", granted=True)


def _one_metric(access: Access, region: str) -> object:
    client = access.client("cloudwatch", region)
    metric = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization"}
    return client.get_metric_data(
        MetricDataQueries=[{"Id": "m0", "MetricStat": {"Metric": metric, "Period": 86_400, "Stat": "Maximum"}}],
        StartTime="2026-01-01T00:00:00Z",
        EndTime="2026-01-02T00:00:00Z",
    )


def _switch_proofs(access: Access, region: str, tags: Sequence[str]) -> list[Proof]:
    """A dry run on instances that carry a tag of schedules: the right is meant to end where the tag does."""
    client = access.client("ec2", region)
    try:
        page = client.describe_instances(Filters=[{"Name": "tag-key", "Values": list(tags)}], MaxResults=_TRIED)
    except AWSError as error:
        return [Proof(action, "UNPROVEN", granted=False, detail=why(error, action)) for action in SWITCHING["ec2"]]
    ids = [one["InstanceId"] for one in items_of(page, "Reservations[].Instances[]")][:_TRIED]
    calls = (("ec2:StartInstances", client.start_instances), ("ec2:StopInstances", client.stop_instances))
    proofs = [_dry_run(action, call, ids) for action, call in calls]
    return proofs + [
        Proof(action, "UNPROVEN", granted=False, detail=f"{service} has no dry run")
        for service, actions in _NO_DRY_RUN.items()
        for action in actions
    ]


def _dry_run(action: str, call: Callable[..., object], ids: Sequence[str]) -> Proof:
    last = Proof(action, "UNPROVEN", granted=False, detail="no tagged instance to try it on")
    for instance in ids:
        try:
            call(InstanceIds=[instance], DryRun=True)
        except AWSError as error:
            if code_of(error) == _DRY_RUN:
                return Proof(action, "DRYRUN", granted=True, detail=instance)
            last = Proof(action, "DRYRUN" if denies(error) else "UNPROVEN", granted=False, detail=why(error, action))
    return last


def _simulate(access: Access, target: Target, region: str, actions: Sequence[str]) -> dict[str, Proof]:
    """What the policies of the role say of actions that could not be tried; nothing when that may not be asked."""
    if not target.role_arn or not actions:
        return {}
    client = access.client("iam", home_of(region))
    found: dict[str, Proof] = {}
    for start in range(0, len(actions), _SIMULATED_AT_ONCE):
        try:
            answer = client.simulate_principal_policy(
                PolicySourceArn=target.role_arn, ActionNames=list(actions[start : start + _SIMULATED_AT_ONCE])
            )
        except AWSError:
            return found
        for result in answer["EvaluationResults"]:
            decision = result["EvalDecision"]
            found[result["EvalActionName"]] = Proof(
                result["EvalActionName"], "SIMULATED", granted=decision == "allowed", detail=decision
            )
    return found


def _settled(proof: Proof, simulated: Proof | None) -> Proof:
    """A right that is tied to a tag is refused in a simulation, which knows no tag: that proves nothing."""
    switches = any(proof.action in actions for actions in (SWITCHING["ec2"], *_NO_DRY_RUN.values()))
    return proof if simulated is None or (switches and not simulated.granted) else simulated


def _lost(factors: Iterable[Factor], proofs: Iterable[Proof]) -> Iterator[str]:
    missing = [proof.action for proof in proofs if proof.level != "UNPROVEN" and not proof.granted]
    for key, actions in factors_without(factors, missing).items():
        yield f"{key} is not judged: it needs {', '.join(actions)}"


def _unproven(proofs: Iterable[Proof]) -> Iterator[str]:
    for proof in proofs:
        if proof.level == "UNPROVEN":
            yield f"{proof.action} is not proven: {proof.detail}"
