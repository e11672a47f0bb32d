"""Changing a linked AWS account, and having another agent look after it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.accounts import entrusting, rules, store
from collector.domain.accounts.linking import note
from collector.domain.accounts.store import Fenced, Linked
from collector.domain.assignments import store as assignments
from collector.domain.costs import ending
from collector.domain.schedules import store as schedules
from collector.domain.services import making


class RegionInUse(Refusal):
    """Schedules are for a region that the account is to be without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is None stays as it is. `force`: the agent so far can act no more, so nobody waits for its word."""

    name: str | None = None
    regions: tuple[str, ...] | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
    scan_hours: int | None = None
    agent_id: str | None = None
    force: bool = False


class Moving(NamedTuple):
    """An account that waits for the agent before to let go of it."""

    before: str
    after: str
    since: datetime
    reason: str


class Shown(NamedTuple):
    """An account as people see it."""

    account: Linked
    moving: Moving | None


def change(conn: Connection, tenant_id: int, account_id: str, wanted: Change, act: Act) -> Linked | None:
    """None where there is no such account. Whatever its agent has to prove anew is verified at once."""
    store.hold(conn, tenant_id)
    known = store.find(conn, tenant_id, account_id)
    if known is None:
        return None
    changed = _changed(known, wanted)
    _drop_regions(conn, known, changed, act)
    to = known.moving_to or known.agent_id
    if wanted.agent_id is not None:
        to = entrusting.chosen(conn, tenant_id, wanted.agent_id, changed.role_arn)
    given = entrusting.entrust(conn, changed, to, act.at, force=wanted.force)
    for action, about in _told(known, given, wanted):
        note(conn, given, action, act, **about)
    making.follow(conn, tenant_id, [making.of_account(account_id, given.name)], act.at)
    if given.agent_id != known.agent_id or _proof(changed) != _proof(known):
        return entrusting.verified(conn, _unproven(given), act.at)
    assignments.rebuild(conn, tenant_id, given.agent_id or "", act.at)
    return given


def shown(conn: Connection, tenant_id: int, now: datetime) -> list[Shown]:
    fences = store.fences(conn, tenant_id)
    return [Shown(one, _moving(one, fences.get(one.account_id), now)) for one in store.all_linked(conn, tenant_id)]


def show(conn: Connection, tenant_id: int, account_id: str, now: datetime) -> Shown | None:
    found = store.find(conn, tenant_id, account_id)
    return Shown(found, _moving(found, store.fences(conn, tenant_id).get(account_id), now)) if found else None


def _moving(one: Linked, fenced: Fenced | None, now: datetime) -> Moving | None:
    if fenced is None or one.moving_to is None:
        return None
    fence = fenced.fence
    return Moving(fence.agent_id, one.moving_to, fence.since, rules.waits_for(fence, fenced.last_seen_at, now))


def _changed(known: Linked, wanted: Change) -> Linked:
    return replace(
        known,
        name=known.name if wanted.name is None else wanted.name,
        regions=known.regions if wanted.regions is None else list(wanted.regions),
        role_arn=known.role_arn if wanted.role_arn is None else wanted.role_arn,
        external_id=known.external_id if wanted.external_id is None else wanted.external_id,
        scan_hours=known.scan_hours if wanted.scan_hours is None else wanted.scan_hours,
    )


def _proof(one: Linked) -> tuple[str, str, set[str]]:
    """What a verification is about."""
    return one.role_arn, one.external_id, set(one.regions)


def _unproven(given: Linked) -> Linked:
    reason = "" if given.agent_id else given.reason
    return replace(given, status="VERIFYING", reason=reason, verification=None, verified_at=None)


def _drop_regions(conn: Connection, known: Linked, changed: Linked, act: Act) -> None:
    """Nothing is recommended any more where nobody looks; what schedules are for stays."""
    dropped = set(known.regions) - set(changed.regions)
    if not dropped:
        return
    used = [one for one in schedules.of_account(conn, known.tenant_id, known.account_id) if one.region in dropped]
    if used:
        names = ", ".join(f"{one.name} ({one.id}) in {one.region}" for one in used)
        raise RegionInUse(f"The AWS account {known.account_id} has schedules there: {names}")
    for region in sorted(dropped):
        ending.end_region(conn, known.tenant_id, known.account_id, region, act.at)


def _told(known: Linked, given: Linked, wanted: Change) -> Iterable[tuple[str, dict[str, object]]]:
    """What the activity log is to say of the change."""
    names = list(_differences(known, given))
    if names:
        yield "aws_account_changed", {"changed": names}
    if (given.agent_id, given.moving_to) != (known.agent_id, known.moving_to):
        passed: dict[str, object] = {
            "from": known.agent_id,
            "to": given.agent_id or given.moving_to,
            "forced": wanted.force,
        }
        yield "aws_account_moved" if given.agent_id else "aws_account_move_requested", passed


def _differences(known: Linked, given: Linked) -> Iterable[str]:
    for name in ("name", "regions", "role_arn", "external_id", "scan_hours"):
        if getattr(known, name) != getattr(given, name):
            yield name
