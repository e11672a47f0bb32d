"""Describes what schedules of a region may apply to, as it is now. Loads boto3.

Calls: one page of instances and groups for each set of tags, all databases and clusters, one page of Spot requests
where there are Spot instances, and one call for each running instance of which it is not known whether it is protected
from being stopped, at most `MAX_PROTECTED`.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

import msgspec

from agent.aws.catalogue import Collection
from agent.aws.collections import COLLECTIONS
from agent.aws.messages import Failed
from agent.aws.session import Access, AccountError, entered, own
from agent.aws.sweep import Looking
from agent.power import seeing
from agent.power.messages import PROTECTION, Answer, Looked, LookRequest, Seen
from agent.power.resource import Database, Instance
from agent.power.rules import refusal
from agent.power.worth import appraise
from common.clock import Now, utc_now
from common.wire_aws import ResourceType

MAX_PROTECTED = 500
_AT_ONCE = 200  # values of one filter
_NAMES_AT_ONCE = 50
_SPECIAL = frozenset("*?\\")
_ALIVE = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
_SERVICES: Mapping[ResourceType, str] = {"EC2": "ec2", "RDS": "rds", "ASG": "autoscaling"}
_INSTANCE = (
    "Reservations[].Instances[].{InstanceId: InstanceId, InstanceType: InstanceType, State: State,"
    " StateReason: StateReason, StateTransitionReason: StateTransitionReason, LaunchTime: LaunchTime,"
    " Placement: Placement, RootDeviceType: RootDeviceType, RootDeviceName: RootDeviceName,"
    " InstanceLifecycle: InstanceLifecycle, HibernationOptions: HibernationOptions, Tags: Tags, Platform: Platform,"
    " PlatformDetails: PlatformDetails, Monitoring: Monitoring, BlockDeviceMappings: BlockDeviceMappings}"
)
"""Of an instance only what decides: thousands of whole ones are a lot of memory."""

Arguments = Iterator[Mapping[str, object]]


def look(request: LookRequest, to: Callable[[Answer], None], *, now: Now = utc_now) -> int:
    """Say what there is, or why nothing can be said; how many calls it took."""
    with own() as through:
        try:
            access = entered(through, request.target, request.region)
        except AccountError as error:
            to(Failed(str(error)))
            return through.calls
        with access:
            to(_looked(access, request, to, now))
            return access.calls + (through.calls if access is not through else 0)


def _looked(access: Access, request: LookRequest, to: Callable[[Answer], None], now: Now) -> Looked | Failed:
    at, clocks = now(), Clocks(now)
    for service in sorted({_SERVICES[kind] for kind in request.types}):
        clocks.listen(access.client(service, request.region))
    ends = time.monotonic() + request.deadline_s
    looking = Looking(access, request.target.account, request.region, at, ends)
    described = _Described(looking, request)
    try:
        found = described.all()
        if request.worth and clocks.skew_s is not None and not looking.gaps:
            known = tuple(_protected(seen, request.protection) for seen in found)
            to(Looked(at, round(clocks.skew_s, 1), known, early=True))
        asked = described.protection(found)
        found = [_protected(seen, {**request.protection, **asked}) for seen in found]
        worths = appraise(looking, found, request.state_dir) if request.worth else found
    finally:
        looking.end()
    if clocks.skew_s is None and looking.gaps:
        return Failed(next(iter(looking.gaps.values())))
    skew = clocks.skew_s or 0.0  # where nothing is named that there could be, nobody was asked, nor is switched
    return Looked(at, round(skew, 1), tuple(worths), dict(looking.gaps), asked)


@dataclass(slots=True)
class Clocks:
    """Our clock against AWS's, by the date of its answers: what an answer took on its way only adds to a difference, so
    that the smallest one is nearest to the truth.
    """

    now: Now
    heard: list[float] = field(default_factory=list)

    def listen(self, client: Any) -> None:
        client.meta.events.register("after-call", self._heard)

    @property
    def skew_s(self) -> float | None:
        """None while there was no answer."""
        return min(self.heard, default=None)

    def _heard(self, http_response: Any, **_: object) -> None:
        said = http_response.headers.get("Date", "")
        try:
            theirs = parsedate_to_datetime(said)
        except ValueError:
            return
        self.heard.append((self.now() - theirs.astimezone(UTC)).total_seconds())


# --- what is described ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Described:
    """A look under way: what matches coarsely, first; what else must be known of it, then."""

    looking: Looking
    request: LookRequest

    def all(self) -> list[Seen]:
        reads: dict[ResourceType, list[Collection]] = {
            "EC2": [self._instances()],
            "RDS": [COLLECTIONS["rds.instances"], COLLECTIONS["rds.clusters"]],
            "ASG": [self._groups()],
        }
        self.looking.describe([one for kind in dict.fromkeys(self.request.types) for one in reads[kind]])
        return [*self._of_ec2(), *self._of_rds(), *self._of_groups()]

    @property
    def wanted(self) -> seeing.Wanted:
        return seeing.Wanted(self.request.tags, self.request.ids)

    # --- EC2

    def _instances(self) -> Collection:
        ids = [name for name in map(_last, self.request.ids) if name.startswith("i-")]
        asked = [*_tag_filters(self.request.tags), *_any_of("instance-id", ids)]
        calls = [{"Filters": [*filters, _ALIVE]} for filters in asked]
        return replace(COLLECTIONS["ec2.instances"], result=_INSTANCE, calls=lambda _: calls)

    def _of_ec2(self) -> Iterator[Seen]:
        said = {str(one["InstanceId"]): one for one in self.looking.seen().of("ec2.instances")}
        spots = self._spots([name for name, one in said.items() if one.get("InstanceLifecycle") == "spot"])
        wanted, region, account = self.wanted, self.looking.region, self.looking.account
        made = [
            (seeing.instance_of(one, spots), seeing.instance_arn(region, account, name)) for name, one in said.items()
        ]
        kept = [Seen(one, arn) for one, arn in made if wanted.has(one.id, arn, one.tags)]
        yield from sorted(kept, key=lambda seen: seen.resource.id)

    def _spots(self, ids: Sequence[str]) -> Mapping[str, str]:
        """The kind of their requests; nothing is asked where there are none."""
        calls = [{"Filters": filters} for filters in _any_of("instance-id", ids)]
        self.looking.describe(
            [
                Collection(
                    "ec2.spot_requests",
                    "ec2",
                    "describe_spot_instance_requests",
                    "SpotInstanceRequests[].{InstanceId: InstanceId, Type: Type}",
                    "ec2:DescribeSpotInstanceRequests",
                    calls=lambda _: calls,
                )
            ]
        )
        found = self.looking.seen().of("ec2.spot_requests")
        return {str(one["InstanceId"]): str(one["Type"]) for one in found if one.get("InstanceId")}

    def protection(self, found: Sequence[Seen]) -> dict[str, bool]:
        """DisableApiStop of the running instances that nothing else speaks for leaving alone, first of the new ones."""
        known = self.request.protection
        new: list[str] = []
        old: list[str] = []
        for one in (seen.resource for seen in found):
            if isinstance(one.kind, Instance) and one.state == "RUNNING" and not refusal(one, "STOP"):
                (old if one.id in known else new).append(one.id)
        if len(new) > MAX_PROTECTED:
            self.looking.gaps[PROTECTION] = f"asked of {MAX_PROTECTED} of {len(new)} running instances"
        asked = [*new, *(old if self.request.again else ())][:MAX_PROTECTED]
        calls = [{"InstanceId": name} for name in asked]
        self.looking.describe(
            [
                Collection(
                    PROTECTION,
                    "ec2",
                    "describe_instance_attribute",
                    "{InstanceId: InstanceId, Protected: DisableApiStop.Value}",
                    "ec2:DescribeInstanceAttribute",
                    {"Attribute": "disableApiStop"},
                    calls=lambda _: calls,
                    none=("InvalidInstanceID.NotFound",),
                )
            ]
        )
        return {str(one["InstanceId"]): bool(one.get("Protected")) for one in self.looking.seen().of(PROTECTION)}

    # --- RDS

    def _of_rds(self) -> Iterator[Seen]:
        """What matches, and the cluster of a member that does: it is the one to be switched."""
        look, wanted = self.looking.seen(), self.wanted
        made = [(seeing.database_of(one), str(one["DBInstanceArn"])) for one in look.of("rds.instances")]
        kept = [(one, arn) for one, arn in made if wanted.has(one.id, arn, one.tags)]
        taken = {one.id for one, _ in kept}
        named = {one.kind.cluster for one, _ in kept if isinstance(one.kind, Database)}
        yield from (Seen(one, arn) for one, arn in kept)
        for said in look.of("rds.clusters"):
            one, arn = seeing.cluster_of(said), str(said["DBClusterArn"])
            if one.id not in named and not wanted.has(one.id, arn, one.tags):
                continue
            if one.id in taken:
                self.looking.gaps[f"rds.clusters/{one.id}"] = "an instance has the same name: it is left alone"
                continue
            yield Seen(one, arn)

    # --- Auto Scaling

    def _groups(self) -> Collection:
        """Names that are none are ignored."""
        names = [name.rpartition("autoScalingGroupName/")[2] for name in self.request.ids]
        calls: list[Mapping[str, object]] = [{"Filters": filters} for filters in _tag_filters(self.request.tags)]
        calls += [{"AutoScalingGroupNames": chunk} for chunk in _chunks(names, _NAMES_AT_ONCE)]
        return replace(COLLECTIONS["autoscaling.groups"], calls=lambda _: calls)

    def _of_groups(self) -> Iterator[Seen]:
        said = {str(one["AutoScalingGroupName"]): one for one in self.looking.seen().of("autoscaling.groups")}
        for name in sorted(said):
            one, arn = seeing.group_of(said[name]), str(said[name].get("AutoScalingGroupARN", ""))
            if self.wanted.has(one.id, arn, one.tags):
                yield Seen(one, arn)


def _protected(seen: Seen, protection: Mapping[str, bool]) -> Seen:
    one = seen.resource
    if not isinstance(one.kind, Instance) or not protection.get(one.id):
        return seen
    kind = msgspec.structs.replace(one.kind, stop_protected=True)
    return msgspec.structs.replace(seen, resource=msgspec.structs.replace(one, kind=kind))


# --- filters -------------------------------------------------------------------------------------------------------


def _tag_filters(sets: Sequence[Mapping[str, str]]) -> list[list[Mapping[str, object]]]:
    """One list of filters for each set. In a value `*`, `?` and a backslash have a meaning of their own: such a tag,
    and an empty one, is asked for by its key, and compared here.
    """
    distinct = {tuple(sorted(one.items())) for one in sets if one}
    return [[_tag_filter(key, value) for key, value in one] for one in sorted(distinct)]


def _tag_filter(key: str, value: str) -> Mapping[str, object]:
    if not value or _SPECIAL & set(value):
        return {"Name": "tag-key", "Values": [key]}
    return {"Name": f"tag:{key}", "Values": [value]}


def _any_of(name: str, values: Sequence[str]) -> list[list[Mapping[str, object]]]:
    """As a filter, which is no error for what is not there."""
    return [[{"Name": name, "Values": chunk}] for chunk in _chunks(sorted(set(values)), _AT_ONCE)]


def _chunks(values: Sequence[str], size: int) -> Iterator[list[str]]:
    left = iter(values)
    while chunk := list(islice(left, size)):
        yield chunk


def _last(name: str) -> str:
    """The id in an ARN, or the id."""
    return name.rpartition("/")[2]
