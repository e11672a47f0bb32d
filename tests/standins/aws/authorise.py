"""Whether the caller may do this at all, and the refusal in the words of the service."""

from collections.abc import Mapping

from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.rds.models import rds_backends

from tests.standins.aws.calls import Call
from tests.standins.aws.errors import AwsError
from tests.standins.aws.faults import Faults
from tests.standins.aws.identities import Principal
from tests.standins.aws.policies import Attempt, decide

_PREFIX = {
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "opensearch": "es",
    "efs": "elasticfilesystem",
    "resourcegroupstaggingapi": "tag",
}
_ACTION = {
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
}
_ALWAYS = {"sts:GetCallerIdentity", "sts:AssumeRole"}
_REST_JSON = {"lambda", "opensearch", "es", "savingsplans", "efs", "backup", "dlm", "account", "ebs"}
_GLOBAL = {"sts", "iam", "ce", "pricing", "savingsplans", "cost-optimization-hub", "s3"}


def action_of(call: Call) -> str:
    named = f"{_PREFIX.get(call.service, call.service)}:{call.operation}"
    return _ACTION.get(named, named)


def authorise(call: Call, caller: Principal, faults: Faults) -> None:
    action = action_of(call)
    if faults.has("optout", call.region) and call.service not in _GLOBAL:
        raise _not_opted_in(call)
    if action in _ALWAYS:
        return
    if faults.has("scp", call.region) and call.service not in _GLOBAL and caller.documents is not None:
        raise _refusal(call, caller, action, "with an explicit deny in a service control policy")
    if faults.has("deny", *action.split(":")) and caller.documents is not None:
        raise _refusal(call, caller, action, f"because no identity-based policy allows the {action} action")
    if caller.documents is None:
        return
    for resource, tags in _resources(call):
        context = {"aws:RequestedRegion": call.region, **{f"aws:ResourceTag/{key}": tags[key] for key in tags}}
        context |= {f"{action.split(':')[0]}:ResourceTag/{key}": value for key, value in tags.items()}
        decision = decide(caller.documents, Attempt(action, "*", context))
        if decision != "allowed":
            because = (
                "with an explicit deny in an identity-based policy"
                if decision == "explicitDeny"
                else (f"because no identity-based policy allows the {action} action")
            )
            raise _refusal(call, caller, f"{action}{resource and ' on resource: '}{resource}", because)


_SWITCHES = {"StartInstances", "StopInstances"}
_GROUPS = {"UpdateAutoScalingGroup", "CreateOrUpdateTags", "DeleteTags"}
Tagged = tuple[str, Mapping[str, str]]


def _resources(call: Call) -> list[Tagged]:
    """ARNs and tags of what is to be changed, for conditions on them; one entry without them where there is nothing."""
    found: list[Tagged] = []
    if call.service == "ec2" and call.operation in _SWITCHES:
        found = _instances(call)
    elif call.service == "rds":
        found = _databases(call)
    elif call.service == "autoscaling" and call.operation in _GROUPS:
        found = _groups(call)
    return found or [("", {})]


def _instances(call: Call) -> list[Tagged]:
    known = {one.id: one for one in ec2_backends[call.account][call.region].all_instances()}
    return [
        (
            f"arn:aws:ec2:{call.region}:{call.account}:instance/{name}",
            {tag["key"]: tag["value"] for tag in known[name].get_tags()},
        )
        for name in call.get("InstanceIds", [])
        if name in known
    ]


def _databases(call: Call) -> list[Tagged]:
    backend = rds_backends[call.account][call.region]
    names = [str(call.get(name) or "") for name in ("DBInstanceIdentifier", "DBClusterIdentifier")]
    known = backend.databases.get(names[0]) or backend.clusters.get(names[1])
    return [(known.arn, {tag["Key"]: tag["Value"] for tag in known.tags})] if known else []


def _groups(call: Call) -> list[Tagged]:
    names = [call.get("AutoScalingGroupName"), *(tag.get("ResourceId") for tag in call.get("Tags", []))]
    known = autoscaling_backends[call.account][call.region].autoscaling_groups
    groups = [known[name] for name in names if name in known]
    return [(group.arn, {tag["Key"]: tag["Value"] for tag in group.tags}) for group in groups]


def _refusal(call: Call, caller: Principal, what: str, because: str) -> AwsError:
    told = f"User: {caller.arn} is not authorized to perform: {what} {because}"
    if call.service == "ec2":
        return AwsError("UnauthorizedOperation", f"You are not authorized to perform this operation. {told}", 403)
    if call.protocol == "query" or call.service == "s3":
        return AwsError("AccessDenied", told, 403)
    return AwsError("AccessDeniedException", told, 403 if call.service in _REST_JSON else 400)


def _not_opted_in(call: Call) -> AwsError:
    if call.service == "ec2":
        return AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    if call.protocol == "query":
        return AwsError("InvalidClientTokenId", "The security token included in the request is invalid", 403)
    return AwsError("UnrecognizedClientException", "The security token included in the request is invalid.", 403)
