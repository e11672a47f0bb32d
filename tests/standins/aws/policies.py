"""Whether IAM policies allow an action: explicit deny first, then allow, with the conditions that are used here."""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An action on a resource, in a context (`aws:RequestedRegion`, `ec2:ResourceTag/Schedule`, `sts:ExternalId`)."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] | None = None


def decide(documents: Iterable[Document], attempt: Attempt) -> Decision:
    effects = {
        statement["Effect"]
        for document in documents
        for statement in listed(document["Statement"])
        if _applies(statement, attempt)
    }
    if "Deny" in effects:
        return "explicitDeny"
    return "allowed" if "Allow" in effects else "implicitDeny"


def listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _applies(statement: Mapping[str, Any], attempt: Attempt) -> bool:
    return (
        _action(statement, attempt.action)
        and _resource(statement, attempt.resource)
        and conditions(statement.get("Condition", {}), attempt.context or {})
    )


def _action(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _any(statement["NotAction"], action)
    return _any(statement["Action"], action)


def _any(patterns: Any, action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), str(pattern).lower()) for pattern in listed(patterns))


def _resource(statement: Mapping[str, Any], resource: str) -> bool:
    patterns = listed(statement.get("Resource", "*"))
    return resource == "*" or any(fnmatch.fnmatchcase(resource, pattern) for pattern in patterns)


def conditions(block: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """All operators and all keys must hold; an operator that is not known here holds nothing."""
    lowered = {key.lower(): value for key, value in context.items()}
    return all(
        _holds(operator, lowered.get(key.lower()), [str(value) for value in listed(wanted)])
        for operator, keys in block.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, value: str | None, wanted: Sequence[str]) -> bool:
    name = operator.removesuffix("IfExists")
    if value is None:
        return operator.endswith("IfExists") or name.startswith("StringNot") or (name == "Null" and "true" in wanted)
    if name in {"StringEquals", "ArnEquals", "Bool"}:
        return value in wanted
    if name == "StringNotEquals":
        return value not in wanted
    if name in {"StringLike", "ArnLike"}:
        return any(fnmatch.fnmatchcase(value, pattern) for pattern in wanted)
    return name == "Null" and "false" in wanted
