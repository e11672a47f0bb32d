"""Pure: which checks run how often and against which levels: default < tenant < tag < connection."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agent.oracle.catalogue import Check, Levels
from common.wire import CheckSetting

_RANK = {"tenant": 0, "tag": 1, "connection": 2}


@dataclass(frozen=True, slots=True)
class Effective:
    """One check as it applies to one connection; `origin` says where its levels come from."""

    check: Check
    enabled: bool
    interval_s: int
    levels: Levels
    origin: str


def effective(check: Check, settings: Iterable[CheckSetting], *, key: str, tags: Sequence[str]) -> Effective:
    """Apply the overrides that fit, the narrowest last."""
    result = Effective(check, check.enabled, check.interval_s, check.numeric, "default")
    fitting = [setting for setting in settings if setting.check == check.id and _fits(setting, key, tags)]
    for setting in sorted(fitting, key=lambda setting: _RANK[setting.origin]):
        result = _apply(result, setting)
    return result


def _fits(setting: CheckSetting, key: str, tags: Sequence[str]) -> bool:
    if setting.origin == "connection":
        return setting.connection == key
    return setting.origin == "tenant" or setting.tag in tags


def _apply(to: Effective, setting: CheckSetting) -> Effective:
    levels = to.levels
    if setting.warning is not None:
        levels = replace(levels, warning=setting.warning)
    if setting.critical is not None:
        levels = replace(levels, critical=setting.critical)
    return Effective(
        check=to.check,
        enabled=to.enabled if setting.enabled is None else setting.enabled,
        interval_s=setting.interval_s or to.interval_s,
        levels=levels,
        origin=to.origin if levels == to.levels else setting.origin,
    )
