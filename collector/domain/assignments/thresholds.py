"""Overrides of checks as people set them: held against the catalogue first, written down in the activity log after."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.assignments import store
from collector.domain.assignments.store import Override
from collector.domain.assignments.tables import check_setting
from collector.domain.fleet import catalogue
from collector.domain.fleet.store import watched_by
from collector.domain.results.rules import documented, stored
from collector.domain.results.tables import catalogue_entry

MIN_INTERVAL_S, MAX_INTERVAL_S = 60, 604_800
MAX_TAG = 64
MAX_CHECKS = 2000


class Unusable(Refusal):
    """One field of an override that makes no sense."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: {value!r}; expected {expected}")
        self.field = field
        self.value = value
        self.expected = expected


class Known(NamedTuple):
    """A check of the catalogue as its agents run it where nobody has said otherwise; levels as they are written."""

    check: str
    category: str
    title: str
    unit: str
    interval_s: int
    enabled: bool
    warning: str
    critical: str


class Usual(NamedTuple):
    """The levels of a check before any override; None where they are words, or there are none."""

    warning: float | None
    critical: float | None


def put(conn: Connection, tenant_id: int, wanted: Override, act: Act) -> Override:
    """Set or replace an override; raises `Unusable`."""
    override = replace(wanted, check=stored(wanted.check))
    check(override, _usual(conn, tenant_id, override.check))
    if override.origin == "connection" and not _is_watched(conn, tenant_id, override.scope):
        raise Unusable("connection", override.scope, "the id of a connection that is watched")
    store.put_override(conn, tenant_id, override, act.at)
    _note(conn, tenant_id, "threshold_changed", override, act)
    return override


def remove(conn: Connection, tenant_id: int, wanted: Override, act: Act) -> bool:
    """Take an override away; False where there is none."""
    override = replace(wanted, check=stored(wanted.check))
    if not store.remove_override(conn, tenant_id, override, act.at):
        return False
    _note(conn, tenant_id, "threshold_removed", override, act)
    return True


def known(conn: Connection, tenant_id: int) -> list[Known]:
    """All checks that can be overridden, by id."""
    _, found = catalogue.page(conn, tenant_id, 0, MAX_CHECKS)
    return [
        Known(
            check=documented(one.check),
            category=one.category,
            title=one.title,
            unit=one.unit,
            interval_s=one.interval_s,
            enabled=one.enabled,
            warning=one.rest.get("warning") or "",
            critical=one.rest.get("critical") or "",
        )
        for one in found
    ]


def overrides(conn: Connection, tenant_id: int) -> list[Override]:
    """All overrides of a tenant, by check, the widest first."""
    found = [_override(row) for row in conn.execute(_OVERRIDES, {"tenant_id": tenant_id}).mappings()]
    return sorted(found, key=lambda one: (one.check, _ORDER.index(one.origin), one.scope))


def check(override: Override, usual: Usual | None) -> None:
    """Refuse what an agent could do nothing with."""
    if usual is None:
        raise Unusable("check", documented(override.check), "a check of the catalogue that an agent has uploaded")
    if override.origin == "tag" and not _is_tag(override.scope):
        raise Unusable("tag", override.scope, f"1 to {MAX_TAG} printable characters")
    if override.interval_s is not None and not MIN_INTERVAL_S <= override.interval_s <= MAX_INTERVAL_S:
        raise Unusable("interval_s", override.interval_s, f"{MIN_INTERVAL_S} to {MAX_INTERVAL_S} seconds")
    if override.enabled is None and override.interval_s is None and override.warning is override.critical is None:
        raise Unusable("override", "", "at least one of enabled, interval_s, warning, critical")
    for name in ("warning", "critical"):
        _check_level(name, getattr(override, name), getattr(usual, name))
    _check_order(override, usual)


def _check_level(name: str, level: float | None, usual: float | None) -> None:
    if level is None:
        return
    if usual is None:
        raise Unusable(name, level, "nothing: this check has no such level, or it is no number")
    if not math.isfinite(level):
        raise Unusable(name, level, "a finite number")


def _check_order(override: Override, usual: Usual) -> None:
    """Critical is worse than warning, in the direction that the check has by default."""
    if usual.warning is None or usual.critical is None or usual.warning == usual.critical:
        return
    warning = usual.warning if override.warning is None else override.warning
    critical = usual.critical if override.critical is None else override.critical
    rises = usual.warning < usual.critical
    if (critical < warning) if rises else (critical > warning):
        side = "at least" if rises else "at most"
        raise Unusable("critical", critical, f"{side} the warning level, {warning:g}")


def _is_tag(text: str) -> bool:
    return 0 < len(text) <= MAX_TAG and text.isprintable() and text == text.strip()


def _is_watched(conn: Connection, tenant_id: int, scope: str) -> bool:
    return scope.isascii() and scope.isdigit() and watched_by(conn, tenant_id, int(scope)) is not None


def _usual(conn: Connection, tenant_id: int, check_id: str) -> Usual | None:
    row = conn.execute(_NEWEST_ENTRY, {"tenant_id": tenant_id, "check_id": check_id}).one_or_none()
    return None if row is None else Usual(_number(row.rest.get("warning")), _number(row.rest.get("critical")))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _override(row: Any) -> Override:
    return Override(check=row["check_id"], **{name: row[name] for name in _FIELDS})


def _note(conn: Connection, tenant_id: int, action: str, override: Override, act: Act) -> None:
    values = {name: getattr(override, name) for name in _FIELDS if getattr(override, name) is not None}
    about = {"by": act.by, "check_id": documented(override.check), **values}
    activity.append(conn, tenant_id, [Entry(action, about, act.at)])


_FIELDS = ("origin", "scope", "enabled", "interval_s", "warning", "critical")
_ORDER: Sequence[str] = ("tenant", "tag", "connection")

_E, _S = catalogue_entry.c, check_setting.c

_NEWEST_ENTRY = (
    select(_E.rest)
    .where(_E.tenant_id == bindparam("tenant_id"), _E.check_id == bindparam("check_id"))
    .order_by(_E.uploaded_at.desc())
    .limit(1)
)

_OVERRIDES = select(_S.check_id, _S.origin, _S.scope, _S.enabled, _S.interval_s, _S.warning, _S.critical).where(
    _S.tenant_id == bindparam("tenant_id")
)
