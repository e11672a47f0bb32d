"""Pure but for reading one file: which roles this agent may ever use, and for what; `aws.toml`, only edited by hand.

    [[role]]
    arn = "arn:aws:iam::111122223333:role/fieldpost-scan"   # `*` stands for anything
    allow = ["read"]                                        # read, switch
    regions = ["eu-west-1"]                                 # all without it
    targets = ["i-0abc*", "tag:Schedule=office"]            # what may be switched; all without it

Without the file nothing is allowed: the collector can ask for less than it says, and never for more.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, get_args

from common.errors import ConfigurationError

FILE_NAME = "aws.toml"
Allowed = Literal["read", "switch"]
_FIELDS = ("arn", "allow", "regions", "targets")


@dataclass(frozen=True, slots=True)
class Rule:
    """One role, or those that a pattern with `*` names, and what it may be used for."""

    arn: str
    allow: frozenset[Allowed]
    regions: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def names(self, role_arn: str, region: str) -> bool:
        return fnmatchcase(role_arn, self.arn) and (not region or not self.regions or region in self.regions)

    def includes(self, resource: str, tags: Mapping[str, str]) -> bool:
        """Whether a resource, by its id and its tags, is among the targets."""
        return not self.targets or any(_matches(target, resource, tags) for target in self.targets)


@dataclass(frozen=True, slots=True)
class LocalPolicy:
    rules: tuple[Rule, ...] = ()

    def allows(self, role_arn: str, action: Allowed, *, region: str = "") -> bool:
        """Whether a role may be used for this; in any region without one."""
        return any(action in rule.allow and rule.names(role_arn, region) for rule in self.rules)

    def may_switch(self, role_arn: str, region: str, resource: str, tags: Mapping[str, str]) -> bool:
        """Whether this resource may be started and stopped with that role."""
        named = (rule for rule in self.rules if "switch" in rule.allow and rule.names(role_arn, region))
        return any(rule.includes(resource, tags) for rule in named)

    def refusal(self, role_arn: str, action: Allowed, *, region: str = "") -> str:
        """Why a role may not be used for this; empty when it may."""
        if self.allows(role_arn, action, region=region):
            return ""
        where = f" in {region}" if region else ""
        return f"{FILE_NAME} on this agent's host does not allow to {action} with {role_arn}{where}"

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that are listed, as they are written."""
        return tuple(dict.fromkeys(rule.arn for rule in self.rules))


NOTHING = LocalPolicy()


def read_policy(config_dir: Path) -> LocalPolicy:
    """What the file says; nothing is allowed while there is none."""
    path = config_dir / FILE_NAME
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return NOTHING
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None
    unknown = sorted(set(document) - {"role"})
    entries = document.get("role", [])
    if unknown or not isinstance(entries, list):
        raise ConfigurationError(f"{path}: `{', '.join(unknown) or 'role'}`; expected [[role]] tables")
    return LocalPolicy(tuple(_rule(entry, f"{path}: role {number}") for number, entry in enumerate(entries, 1)))


def _rule(entry: object, where: str) -> Rule:
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where}: `{entry}`; expected a [[role]] table")
    for name in entry:
        if name not in _FIELDS:
            raise ConfigurationError(f"{where}: {name}: unknown; expected one of {', '.join(_FIELDS)}")
    arn = entry.get("arn")
    if not isinstance(arn, str) or not arn.startswith("arn:") or ":role/" not in arn:
        raise ConfigurationError(f"{where}: arn: `{arn}`; expected the ARN of a role, `*` standing for anything")
    allow = _texts(entry, "allow", where)
    for action in allow:
        if action not in get_args(Allowed):
            raise ConfigurationError(f"{where}: allow: `{action}`; expected one of {', '.join(get_args(Allowed))}")
    if not allow:
        raise ConfigurationError(f"{where}: allow: nothing; expected some of {', '.join(get_args(Allowed))}")
    granted: frozenset[Allowed] = frozenset(action for action in get_args(Allowed) if action in allow)
    return Rule(arn, granted, _texts(entry, "regions", where), _texts(entry, "targets", where))


def _texts(entry: Mapping[str, object], name: str, where: str) -> tuple[str, ...]:
    value = entry.get(name, [])
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise ConfigurationError(f"{where}: {name}: `{value}`; expected a list of texts")
    return tuple(value)


def _matches(target: str, resource: str, tags: Mapping[str, str]) -> bool:
    """`tag:Name=value`, or a pattern of ids."""
    if not target.startswith("tag:"):
        return fnmatchcase(resource, target)
    name, _, value = target.removeprefix("tag:").partition("=")
    return name in tags and fnmatchcase(tags[name], value or "*")
