"""Windows are scheduled and changed by hand: never after the fact, and each change leaves a trace."""

from datetime import timedelta
from typing import Any

import pytest

from collector.domain.access.rules import Act
from collector.domain.maintenance import changes, rules, store
from collector.domain.maintenance.changes import NoSuchWindow, NotPossible
from collector.domain.maintenance.rules import Action, Unfit
from collector.domain.services import changes as service_changes
from collector.domain.services.rules import Span
from tests.collector import builders
from tests.collector.maintenance.desk import HOUR, MINUTE, T0, Desk
from tests.collector.services.making import add_service

END = T0 + 2 * HOUR


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"scheduled_end": T0}, "scheduled_end"),
        ({"scheduled_end": T0 + timedelta(days=31)}, "scheduled_end"),
        ({"services": (999_999,)}, "service_ids"),
    ],
)
async def test_what_cannot_be_scheduled_is_named(desk: Desk, changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Unfit) as refusal:
        await desk.schedule(**changed)
    assert refusal.value.field == field
    assert await desk.events() == []


async def test_services_of_another_tenant_and_removed_ones_are_unknown(desk: Desk) -> None:
    foreign = await add_service(desk.db, await builders.tenant(desk.db), T0)
    gone = await add_service(desk.db, desk.tenant, T0, removed_at=T0)
    for number in (foreign, gone):
        with pytest.raises(Unfit, match=f"service_ids: {number}; expected ids of services"):
            await desk.schedule(services=(desk.service, number))


@pytest.mark.parametrize("late", [2 * MINUTE, 90 * MINUTE])
async def test_a_window_whose_time_has_come_begins_when_it_is_announced(desk: Desk, late: timedelta) -> None:
    number = await desk.schedule(start=T0 - HOUR - late)
    found = await desk.window(number)
    assert (found.status, found.actual_start) == ("active", T0 - HOUR)
    assert [kind for kind, _ in await desk.events()] == ["maintenance.scheduled", "maintenance.started"]


async def test_a_window_that_is_over_when_it_is_announced_is_recorded_and_never_lasted(desk: Desk) -> None:
    number = await desk.schedule(start=T0 - 5 * HOUR, scheduled_end=T0 - 2 * HOUR)
    found = await desk.window(number)
    assert (found.status, found.actual_start, found.actual_end) == ("completed", T0 - HOUR, T0 - HOUR)


@pytest.mark.parametrize(
    ("before", "action", "allowed"),
    [
        ((), "complete", ["start", "cancel"]),
        (("start",), "start", ["complete"]),
        (("start",), "cancel", ["complete"]),
        (("start", "complete"), "start", []),
        (("start", "complete"), "complete", []),
        (("start", "complete"), "cancel", []),
        (("cancel",), "start", []),
        (("cancel",), "complete", []),
        (("cancel",), "cancel", []),
    ],
)
async def test_what_its_state_does_not_permit_is_refused_and_changes_nothing(
    desk: Desk, before: tuple[Action, ...], action: Action, allowed: list[Action]
) -> None:
    number = await desk.schedule()
    for one in before:
        await desk.move(number, one, T0 - 10 * MINUTE)
    was, told = await desk.window(number), await desk.events()
    with pytest.raises(NotPossible) as refusal:
        await desk.move(number, action, T0 - 5 * MINUTE)
    assert refusal.value.allowed == allowed
    assert await desk.window(number) == was
    assert await desk.events() == told


async def test_what_the_clock_has_done_counts_before_anybody_has_noted_it(desk: Desk) -> None:
    number = await desk.schedule()
    with pytest.raises(NotPossible, match="cancel: maintenance is active; expected scheduled"):
        await desk.move(number, "cancel", T0 + MINUTE)
    found = await desk.move(number, "complete", T0 + HOUR)
    assert (found.actual_start, found.actual_end) == (T0, T0 + HOUR)
    assert [kind for kind, _ in await desk.events()] == [
        "maintenance.scheduled",
        "maintenance.started",
        "maintenance.completed",
    ]


async def test_one_that_was_not_begun_by_its_end_can_only_be_cancelled(desk: Desk) -> None:
    number = await desk.schedule(auto_start=False)
    with pytest.raises(NotPossible, match=r"start: its scheduled_end, .* has passed") as refusal:
        await desk.move(number, "start", END)
    assert refusal.value.allowed == ["cancel"]
    assert (await desk.move(number, "cancel", END)).status == "cancelled"


async def test_missing_and_foreign_windows_are_refused_alike(desk: Desk) -> None:
    number = await desk.schedule()
    stranger = await builders.tenant(desk.db)
    for tenant, wanted in ((stranger, number), (desk.tenant, 999_999)):
        with pytest.raises(NoSuchWindow):
            await desk.db.write(changes.move, tenant, wanted, "start", Act("ana", T0))
        with pytest.raises(NoSuchWindow):
            await desk.db.write(changes.change, tenant, wanted, {"title": "x"}, Act("ana", T0))
        with pytest.raises(NoSuchWindow):
            await desk.db.read(changes.find, tenant, wanted)
    query = store.Query(None, 0, 50, T0)
    assert await desk.db.read(changes.page, stranger, query) == (0, [])
    assert await desk.db.read(changes.upcoming, stranger, T0 - 2 * HOUR) == []
    assert await desk.db.read(store.works, stranger, [desk.service], T0 - HOUR, END) == []


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"scheduled_start": T0 + MINUTE}, T0 + HOUR),
        ({"scheduled_end": END + HOUR}, END + MINUTE),
        ({"title": "x"}, END + MINUTE),
    ],
)
async def test_what_has_passed_is_not_changed(desk: Desk, fields: dict[str, Any], at: Any) -> None:
    number = await desk.schedule()
    with pytest.raises(NotPossible):
        await desk.change(number, at, **fields)


async def test_nobody_extends_what_does_not_count_after_the_fact(desk: Desk) -> None:
    number = await desk.schedule(auto_complete=False)
    await desk.turn(T0)
    with pytest.raises(NotPossible, match="scheduled_end: it has passed"):
        await desk.change(number, END + MINUTE, scheduled_end=END + HOUR)
    work = rules.work(await desk.window(number))
    assert work is not None
    assert (work.span, work.excluded) == (Span(T0, None), Span(T0, END))


async def test_an_overrun_is_not_undone_by_having_it_end_by_itself_after_the_fact(desk: Desk) -> None:
    number = await desk.schedule(auto_complete=False)
    await desk.turn(T0)
    with pytest.raises(NotPossible, match="auto_complete: scheduled_end has passed"):
        await desk.change(number, END + HOUR, auto_complete=True)
    assert (await desk.move(number, "complete", END + HOUR)).actual_end == END + HOUR


async def test_nothing_is_excluded_from_the_sla_while_it_goes_on(desk: Desk) -> None:
    number = await desk.schedule(exclude_from_sla=False)
    other = await add_service(desk.db, desk.tenant, T0 - HOUR)
    await desk.turn(T0)
    with pytest.raises(NotPossible, match="exclude_from_sla"):
        await desk.change(number, T0 + HOUR, exclude_from_sla=True)
    with pytest.raises(NotPossible, match="service_ids"):
        await desk.change(number, T0 + HOUR, services=(desk.service, other))


async def test_one_that_was_not_begun_cannot_be_made_to_have_begun(desk: Desk) -> None:
    number = await desk.schedule(auto_start=False)
    with pytest.raises(Unfit, match="scheduled_start"):
        await desk.change(number, T0 + HOUR, auto_start=True)


async def test_an_end_moves_before_it_has_come_and_the_clock_follows(desk: Desk) -> None:
    number = await desk.schedule()
    await desk.turn(T0)
    with pytest.raises(Unfit, match="scheduled_end"):
        await desk.change(number, T0 + HOUR, scheduled_end=T0 + 30 * MINUTE)
    longer = await desk.change(number, T0 + HOUR, scheduled_end=END + HOUR)
    assert longer.version > 1
    await desk.turn(END + MINUTE)
    assert (await desk.window(number)).status == "active"
    await desk.change(number, END + 2 * MINUTE, scheduled_end=END + 5 * MINUTE)
    await desk.turn(END + 6 * MINUTE)
    assert (await desk.window(number)).actual_end == END + 5 * MINUTE
    assert await desk.activity() == [
        "maintenance_scheduled",
        "maintenance_started",
        "maintenance_changed",
        "maintenance_changed",
        "maintenance_completed",
    ]


async def test_a_change_that_changes_nothing_leaves_no_trace(desk: Desk) -> None:
    number = await desk.schedule()
    was = await desk.window(number)
    await desk.change(number, T0 - MINUTE, title=was.title, services=(desk.service,))
    assert await desk.window(number) == was
    assert await desk.activity() == ["maintenance_scheduled"]


async def test_work_is_seen_by_its_services_before_anybody_has_noted_it(desk: Desk) -> None:
    number = await desk.schedule()
    (found,) = await desk.db.read(store.works, desk.tenant, [desk.service], T0 - HOUR, T0 + HOUR)
    assert found[0] == desk.service
    assert (found[1].maintenance_id, found[1].span, found[1].excluded) == (number, Span(T0, END), Span(T0, END))
    assert await desk.db.read(store.works, desk.tenant, [desk.service], END, END + HOUR) == []
    assert await desk.db.read(store.works, desk.tenant, [desk.service], T0 - HOUR, T0) == []
    for at, working in ((T0 - MINUTE, 0), (T0, 1), (END - MINUTE, 1), (END, 0)):
        assert len(await desk.db.read(store.works_now, desk.tenant, at)) == working


@pytest.mark.parametrize("noted", [False, True])
async def test_lists_go_by_what_windows_are_at_the_instant(desk: Desk, *, noted: bool) -> None:
    number = await desk.schedule()
    never = await desk.schedule(auto_start=False)
    for at, status in ((T0 - MINUTE, "scheduled"), (T0, "active"), (END, "completed")):
        if noted:
            await desk.turn(at)
        total, found = await desk.db.read(changes.page, desk.tenant, store.Query(status, 0, 50, at))  # type: ignore[arg-type]  # one of the words
        assert number in [one.window.id for one in found]
        assert total == len(found)
    for status in ("active", "completed", "cancelled"):
        _, found = await desk.db.read(changes.page, desk.tenant, store.Query(status, 0, 50, END))  # type: ignore[arg-type]  # likewise
        assert never not in [one.window.id for one in found]


async def test_a_service_that_was_removed_since_is_told_of_as_such(desk: Desk) -> None:
    number = await desk.schedule()
    await desk.move(number, "cancel", T0 - MINUTE)
    await desk.db.write(service_changes.delete, desk.tenant, desk.service, Act("ana", T0))
    found = await desk.db.read(changes.find, desk.tenant, number)
    assert [(one.slug, one.name) for one in found.services] == [("removed-service", "Payments (removed service)")]
