"""Scheduling, changing, starting, completing and cancelling maintenance windows, each in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from collector.core import sequences
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.maintenance import clock, rules, store, suppression, telling
from collector.domain.maintenance.rules import OPEN, Action, Unfit, Window
from collector.domain.maintenance.store import Query
from collector.domain.maintenance.telling import Shown
from collector.domain.services.rules import Visibility

Agree = Callable[[Shown], None]
"""Raises where the window is not what whoever changes it took it for."""


class NoSuchWindow(Refusal):
    """There is none of that number in this tenant."""


class NotPossible(Refusal):
    """The state of the window does not permit it; `allowed`: what could be done instead."""

    def __init__(self, message: str, allowed: Sequence[Action]) -> None:
        super().__init__(message)
        self.allowed = allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A window as somebody wants it."""

    title: str
    description: str
    visibility: Visibility
    scheduled_start: datetime
    scheduled_end: datetime
    services: tuple[int, ...]
    exclude_from_sla: bool
    suppress_alerts: bool
    auto_start: bool = True
    auto_complete: bool = True


def anyhow(one: Shown) -> None:
    """Agree to whatever the window is by now."""
    del one


def find(conn: Connection, tenant_id: int, window_id: int) -> Shown:
    window = store.find(conn, tenant_id, window_id)
    if window is None:
        raise NoSuchWindow(f"no maintenance window {window_id}")
    return telling.shown(conn, window)


def page(conn: Connection, tenant_id: int, query: Query) -> tuple[int, list[Shown]]:
    total, windows = store.page(conn, tenant_id, query)
    return total, _all_shown(conn, tenant_id, windows)


def upcoming(conn: Connection, tenant_id: int, now: datetime) -> list[Shown]:
    return _all_shown(conn, tenant_id, store.upcoming(conn, tenant_id, now))


def schedule(conn: Connection, tenant_id: int, wanted: Wanted, act: Act) -> Shown:
    """`Unfit` names what cannot be used. What is announced late counts from then on, and not at all once it is over."""
    rules.check_span(wanted.scheduled_start, wanted.scheduled_end)
    check_known(conn, tenant_id, wanted.services)
    return add(conn, tenant_id, wanted, act)


def add(conn: Connection, tenant_id: int, wanted: Wanted, act: Act, rule: tuple[str, datetime] | None = None) -> Shown:
    """Store what was checked, and tell it. `rule`: which one made it, and the instant that it gave; it tells itself."""
    given = {name: getattr(wanted, name) for name in Wanted.__slots__ if name != "services"}
    recurrence_id, occurrence = rule or ("", None)
    window = Window(
        tenant_id=tenant_id,
        id=sequences.take(conn, "maintenance")[0],
        status="scheduled",
        created_at=act.at,
        updated_at=act.at,
        created_by=act.by,
        recurrence_id=recurrence_id,
        occurrence=occurrence,
        **given,
    )
    store.save(conn, tenant_id, [window])
    store.link(conn, tenant_id, window.id, wanted.services)
    if rule is None:
        announce(conn, tenant_id, window, act)
    return telling.shown(conn, clock.settle(conn, window, act.at))


def announce(conn: Connection, tenant_id: int, window: Window, act: Act) -> None:
    """Once, whoever asks."""
    if window.tenant_id != tenant_id:
        raise NoSuchWindow(f"no maintenance window {window.id}")
    if telling.take(conn, window, [("scheduled", act.at)], act):
        telling.tell(conn, window, "scheduled", act)


def move(conn: Connection, tenant_id: int, window_id: int, action: Action, act: Act, *, agree: Agree = anyhow) -> Shown:
    """Start, complete or cancel it now; `NotPossible` where its state does not permit that."""
    before = _held(conn, tenant_id, window_id, act.at, agree)
    possible = rules.possible(before, act.at)
    if action not in possible:
        raise NotPossible(_why_not(before, action, act.at), possible)
    after = replace(rules.moved(before, action, act.at), version=before.version + 1)
    store.save(conn, tenant_id, [after])
    step = rules.MOVES[action].step
    silent = step == "cancelled" and bool(after.recurrence_id) and not store.noted(conn, tenant_id, window_id)
    if telling.take(conn, after, [(step, act.at)], act):
        if silent:
            telling.log(conn, after, "maintenance_cancelled", act)
        else:
            telling.tell(conn, after, step, act)
    if after.status == "completed" and after.suppress_alerts:
        clock.let_go(conn, after, act.at)
    return telling.shown(conn, clock.settle(conn, after, act.at))


def change(
    conn: Connection,
    tenant_id: int,
    window_id: int,
    changes: Mapping[str, Any],
    act: Act,
    *,
    agree: Agree = anyhow,
) -> Shown:
    """Replace what `changes` names: fields of `Wanted`. Nothing that has passed is changed after the fact."""
    before = _held(conn, tenant_id, window_id, act.at, agree)
    fields = {name: value for name, value in changes.items() if name != "services"}
    after = replace(before, **fields)
    linked = [one.id for one in telling.shown(conn, before).services]
    services = list(changes.get("services", linked))
    _check_change(before, after, act.at)
    _check_services(conn, before, linked, services)
    if after == before and sorted(services) == sorted(linked):
        return telling.shown(conn, before)
    after = replace(after, updated_at=act.at, version=before.version + 1)
    store.save(conn, tenant_id, [after])
    gone = set(linked) - set(services)
    store.unlink(conn, tenant_id, window_id, sorted(gone))
    store.link(conn, tenant_id, window_id, sorted(set(services) - set(linked)))
    if before.status == "active" and before.suppress_alerts:
        released = gone if after.suppress_alerts else set(linked)
        if released:
            suppression.let_go(conn, tenant_id, sorted(released), act.at)
    telling.log(conn, after, "maintenance_changed", act, {"fields": sorted(changes)})
    return telling.shown(conn, clock.settle(conn, after, act.at))


def check_known(conn: Connection, tenant_id: int, services: Sequence[int]) -> None:
    missing = sorted(set(services) - store.known_services(conn, tenant_id, services))
    if missing:
        raise Unfit("service_ids", missing[0], "ids of services")


def _held(conn: Connection, tenant_id: int, window_id: int, now: datetime, agree: Agree) -> Window:
    """Locked, and brought up to what the clock says first."""
    window = store.held(conn, tenant_id, window_id)
    if window is None:
        raise NoSuchWindow(f"no maintenance window {window_id}")
    agree(telling.shown(conn, window))
    return clock.settle(conn, window, now)


def _why_not(window: Window, action: Action, now: datetime) -> str:
    status = rules.state(window, now)
    if action == "start" and status == "scheduled":
        return f"start: its scheduled_end, {window.scheduled_end.isoformat()}, has passed"
    return f"{action}: maintenance is {status}; expected {rules.MOVES[action].origin}"


def _check_change(before: Window, after: Window, now: datetime) -> None:
    status = rules.state(before, now)
    possible = rules.possible(before, now)
    if status not in OPEN:
        raise NotPossible(f"status: maintenance is {status}; expected {' or '.join(sorted(OPEN))}", possible)
    if status == "active" and after.scheduled_start != before.scheduled_start:
        raise NotPossible("scheduled_start: maintenance is active; expected scheduled", possible)
    if status == "active" and after.exclude_from_sla and not before.exclude_from_sla:
        raise NotPossible("exclude_from_sla: maintenance is active; expected scheduled", possible)
    if after.scheduled_end != before.scheduled_end:
        if now >= before.scheduled_end:
            raise NotPossible("scheduled_end: it has passed; expected a change before", possible)
        rules.check_end(after.scheduled_end, now)
    if after.scheduled_start != before.scheduled_start:
        rules.check_start(after.scheduled_start, now)
    rules.check_span(after.scheduled_start, after.scheduled_end)
    if after.auto_complete and not before.auto_complete and status == "active" and now >= before.scheduled_end:
        raise NotPossible("auto_complete: scheduled_end has passed; expected complete", possible)
    if after.auto_start and not before.auto_start and status == "scheduled":
        rules.check_start(after.scheduled_start, now)


def _check_services(conn: Connection, before: Window, linked: Sequence[int], services: Sequence[int]) -> None:
    added = sorted(set(services) - set(linked))
    check_known(conn, before.tenant_id, added)
    if added and before.status == "active":
        raise NotPossible("service_ids: maintenance is active; expected some of those that it concerns", ["complete"])


def _all_shown(conn: Connection, tenant_id: int, windows: Sequence[Window]) -> list[Shown]:
    services = store.services_of(conn, tenant_id, [one.id for one in windows])
    return [Shown(one, services.get(one.id, [])) for one in windows]
