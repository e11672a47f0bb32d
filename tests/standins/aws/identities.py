"""Who calls, what their role allows, and who may become which role."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from moto.iam.exceptions import NotFoundException
from moto.iam.models import Role, iam_backends
from moto.sts.models import sts_backends

from tests.standins.aws.calls import Call
from tests.standins.aws.errors import AwsError
from tests.standins.aws.policies import Attempt, Document, conditions, decide, listed

HOME_ACCOUNT = "123456789012"
"""Whoever comes with keys that are nobody's is an administrator of this account, as with moto."""
PARTITION = "aws"
_ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/([\w+=,.@/-]+)")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: `documents` None for one that may do everything in its account."""

    account: str
    arn: str
    documents: tuple[Document, ...] | None = None


def principal_of(access_key: str) -> Principal:
    for account, backends in list(iam_backends.items()):
        key = backends[PARTITION].access_keys.get(access_key)
        if key is None:
            continue
        if key.role_arn is None:
            return Principal(account, f"arn:aws:iam::{account}:user/{key.user_name}")
        session = sts_backends[account][PARTITION].get_assumed_role_from_access_key(access_key)
        return Principal(account, session.arn if session else key.role_arn, documents_of(_role(key.role_arn)))
    return Principal(HOME_ACCOUNT, f"arn:aws:iam::{HOME_ACCOUNT}:user/moto")


def _role(arn: str) -> Role | None:
    found = _ROLE_ARN.fullmatch(arn)
    if found is None:
        return None
    try:
        return iam_backends[found[1]][PARTITION].get_role_by_arn(arn)
    except NotFoundException:
        return None


def documents_of(role: Role | None) -> tuple[Document, ...]:
    """The inline and the attached policies of a role; none for one that is gone."""
    if role is None:
        return ()
    attached = [
        version.document
        for policy in role.managed_policies.values()
        for version in policy.versions
        if version.is_default_version
    ]
    return tuple(_document(text) for text in [*role.policies.values(), *attached])


def _document(text: str) -> Document:
    document: Document = json.loads(text if text.lstrip().startswith("{") else unquote(text))
    return document


def check_trust(call: Call, caller: Principal) -> None:
    """Refuse AssumeRole where the role does not exist, does not trust the caller or wants another external id."""
    arn, external_id = str(call.get("RoleArn", "")), call.get("ExternalId")
    _check_form(call, external_id)
    refused = AwsError(
        "AccessDenied", f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}", 403
    )
    role = _role(arn)
    if role is None or not _trusts(role, caller, external_id):
        raise refused
    if caller.documents is not None and decide(caller.documents, Attempt("sts:AssumeRole", arn)) != "allowed":
        raise refused


def _check_form(call: Call, external_id: str | None) -> None:
    if external_id is not None and not _EXTERNAL_ID.fullmatch(external_id):
        raise AwsError(
            "ValidationError",
            "1 validation error detected: Value at 'externalId' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*",
        )
    if not _SESSION_NAME.fullmatch(str(call.get("RoleSessionName", ""))):
        raise AwsError(
            "ValidationError",
            "1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        )


def _trusts(role: Role, caller: Principal, external_id: str | None) -> bool:
    context = {} if external_id is None else {"sts:ExternalId": external_id}
    trust = _document(role.assume_role_policy_document)
    return any(
        statement["Effect"] == "Allow"
        and "sts:AssumeRole" in listed(statement["Action"])
        and _is_named(statement.get("Principal", {}), caller)
        and conditions(statement.get("Condition", {}), context)
        for statement in listed(trust["Statement"])
    )


def _is_named(named: Any, caller: Principal) -> bool:
    if named == "*":
        return True
    principals: Iterable[str] = listed(named.get("AWS", [])) if isinstance(named, Mapping) else ()
    accepted = {"*", caller.account, caller.arn, f"arn:aws:iam::{caller.account}:root"}
    return bool(accepted & set(principals))


def simulate(call: Call) -> Mapping[str, Any]:
    """SimulatePrincipalPolicy, from the role's own policies: it knows nothing of service control policies."""
    arn = str(call.get("PolicySourceArn", ""))
    role = _role(arn)
    if role is None:
        raise AwsError("NoSuchEntity", f"Could not find entity {arn}", 404)
    documents = documents_of(role)
    resources: Sequence[str] = call.get("ResourceArns") or ["*"]
    context = {
        str(entry["ContextKeyName"]): str(entry["ContextKeyValues"][0])
        for entry in call.get("ContextEntries", [])
        if entry.get("ContextKeyValues")
    }
    return {
        "EvaluationResults": [
            {
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": decide(documents, Attempt(action, resource, context)),
                "MatchedStatements": [],
                "MissingContextValues": [],
            }
            for action in call.get("ActionNames", [])
            for resource in resources
        ],
        "IsTruncated": False,
    }
