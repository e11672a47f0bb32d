"""Forgetting in slices: connection by connection, and by time index; never a whole table in one go."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, select, tuple_

from collector.core import partitions
from collector.core.tenancy import across_tenants
from collector.core.upsert import insert_missing, upsert
from collector.domain.agents.tables import bundle_import
from collector.domain.alerts.tables import alert
from collector.domain.bundles.rules import LOOK_BACK
from collector.domain.history import rules as history_rules
from collector.domain.history import store as history
from collector.domain.history.rules import Span
from collector.domain.history.tables import metric_day, metric_hour, metric_point, status_interval
from collector.domain.results import received
from collector.domain.results.received import Source
from collector.domain.results.tables import check_state, connection, gap, run, unknown_record
from collector.domain.retention import rules, thinning
from collector.domain.retention.rules import Cuts, Keep
from collector.domain.retention.tables import chore
from collector.domain.schedules.tables import aws_execution
from collector.domain.services.tables import baseline_span, coverage_span
from collector.domain.tenants.tables import tenant
from collector.domain.tickets.tables import ticket
from collector.domain.versions import store as versions

AT_ONCE = 10
"""Connections in one transaction: each has a hundred series or so."""
_NAME = "retention"
_GAPS_AT_ONCE = 500


class Place(NamedTuple):
    """A connection, with its newest run and the series of its scores."""

    tenant_id: int
    id: int
    latest_run_id: int | None
    series_id: int | None


def forgetting(keep: Keep) -> Callable[[Connection, datetime, int], int]:
    """The chore: a slice of all connections, then of what belongs to none; once it is through it rests for a while."""

    @across_tenants("forgetting serves all of them, each connection by its own key")
    def forget(conn: Connection, now: datetime, limit: int) -> int:
        begin = _begin(conn, now)
        if begin is None:
            return 0
        cuts = rules.cuts(keep, now)
        cuts = replace(cuts, raw=thinning.cut(conn, cuts.raw))
        rows = conn.execute(_NEXT, {"tenant": begin[0], "connection": begin[1], "limit": AT_ONCE})
        places = [Place._make(row) for row in rows]
        for place in places:
            _forget_of_connection(conn, place.tenant_id, place, cuts)
        if len(places) == AT_ONCE:
            _save(conn, (places[-1].tenant_id, places[-1].id), None)
            return limit  # there is more
        for tenant_id in conn.execute(_TENANTS).scalars().all():
            _forget_of_tenant(conn, tenant_id, cuts)
        conn.execute(_OLD_UNKNOWN, {"before": cuts.records})
        _absorb_gaps(conn, cuts.records)
        _save(conn, (0, 0), now)
        return 0

    return forget


def _forget_of_connection(conn: Connection, tenant_id: int, place: Place, cuts: Cuts) -> None:
    here = {"of_tenant": tenant_id, "of_connection": place.id}
    conn.execute(_OLD_RUNS, {**here, "latest": place.latest_run_id or 0, "before": cuts.runs})
    conn.execute(_OLD_INTERVALS, {**here, "before": cuts.daily})
    found = conn.execute(_SERIES, {"tenant_id": tenant_id, "connection_id": place.id}).scalars().all()
    numbers = [number for number in (place.series_id, *found) if number is not None]
    if not numbers:
        return
    _roll_up(conn, tenant_id, numbers, cuts.hourly)
    old = [(_OLD_HOURS, cuts.hourly), (_OLD_DAYS, cuts.daily)]
    if not partitions.used(conn):  # where they are, values go by the partition
        old.append((_OLD_POINTS, cuts.raw))
    for statement, before in old:
        conn.execute(statement, [{"of_tenant": tenant_id, "of_series": one, "before": before} for one in numbers])


def _roll_up(conn: Connection, tenant_id: int, series: Sequence[int], before: datetime) -> None:
    """Hours that are about to go become days first."""
    wanted = {"tenant_id": tenant_id, "series": series, "before": before}
    hours: dict[int, list[Span]] = {}
    for number, *span in conn.execute(_HOURS_BEFORE, wanted):
        hours.setdefault(number, []).append(Span._make(span))
    days = ((number, day) for number, spans in hours.items() for day in history_rules.days(spans))
    history.merge_days(conn, tenant_id, days)


def _forget_of_tenant(conn: Connection, tenant_id: int, cuts: Cuts) -> None:
    if conn.execute(_OLD_TICKETS, {"of_tenant": tenant_id, "before": cuts.findings}).rowcount:
        versions.move(conn, tenant_id, "results")
    conn.execute(_OLD_ALERTS, {"of_tenant": tenant_id, "before": cuts.findings})
    conn.execute(_OLD_EXECUTIONS, {"of_tenant": tenant_id, "before": cuts.executions})
    conn.execute(_OLD_IMPORTS, {"of_tenant": tenant_id, "before": cuts.records})
    for statement in (_OLD_FOUND, _OLD_COVERED):
        conn.execute(statement, {"of_tenant": tenant_id, "before": cuts.services})


@across_tenants("the chore goes through all of them")
def _absorb_gaps(conn: Connection, before: datetime) -> None:
    """What a forgotten gap explained counts as received, so that no agent is asked for it again."""
    for row in conn.execute(_OLD_GAPS, {"before": before, "limit": _GAPS_AT_ONCE}).all():
        received.cover(conn, Source(row.tenant_id, row.agent_id, row.epoch, row.stream), (row.first, row.last))
        place = {"of_tenant": row.tenant_id, "of_agent": row.agent_id, "of_epoch": row.epoch}
        conn.execute(_REMOVE_GAP, {**place, "of_stream": row.stream, "of_first": row.first, "of_last": row.last})


@across_tenants("the chore goes through all of them")
def _begin(conn: Connection, now: datetime) -> tuple[int, int] | None:
    """Where to go on, held until the commit; None while there is nothing to do."""
    _ADD_CHORE(conn, [{"name": _NAME, "tenant_id": 0, "connection_id": 0, "done_at": None}])
    row = conn.execute(_CHORE, {"name": _NAME}).one()
    if row.done_at is not None and now < row.done_at + rules.EVERY:
        return None
    return row.tenant_id, row.connection_id


@across_tenants("the chore goes through all of them")
def _save(conn: Connection, last: tuple[int, int], done_at: datetime | None) -> None:
    _PUT_CHORE(conn, [{"name": _NAME, "tenant_id": last[0], "connection_id": last[1], "done_at": done_at}])


_C, _S, _R, _I = connection.c, check_state.c, run.c, status_interval.c
_P, _H, _D, _T, _A, _G = metric_point.c, metric_hour.c, metric_day.c, ticket.c, alert.c, gap.c

_ADD_CHORE, _PUT_CHORE = insert_missing(chore), upsert(chore)
_CHORE = (
    select(chore.c.tenant_id, chore.c.connection_id, chore.c.done_at)
    .where(chore.c.name == bindparam("name"))
    .with_for_update()
)

_NEXT = (
    select(_C.tenant_id, _C.id, _C.latest_run_id, _C.series_id)
    .where(tuple_(_C.tenant_id, _C.id) > tuple_(bindparam("tenant"), bindparam("connection")))
    .order_by(_C.tenant_id, _C.id)
    .limit(bindparam("limit"))
)
_TENANTS = select(tenant.c.id).order_by(tenant.c.id)
_SERIES = select(_S.series_id).where(
    _S.tenant_id == bindparam("tenant_id"), _S.connection_id == bindparam("connection_id"), _S.series_id.is_not(None)
)

_OLD_RUNS = delete(run).where(
    _R.tenant_id == bindparam("of_tenant"),
    _R.connection_id == bindparam("of_connection"),
    _R.ended_at < bindparam("before"),
    _R.id != bindparam("latest"),
)
_OLD_INTERVALS = delete(status_interval).where(
    _I.tenant_id == bindparam("of_tenant"),
    _I.connection_id == bindparam("of_connection"),
    _I.ended_at < bindparam("before"),
)

_HOURS_BEFORE = (
    select(_H.series_id, _H.at, _H.points, _H.low, _H.high, _H.total, _H.last, _H.last_at)
    .where(
        _H.tenant_id == bindparam("tenant_id"),
        _H.series_id.in_(bindparam("series", expanding=True)),
        _H.at < bindparam("before"),
    )
    .order_by(_H.series_id, _H.at)
)
_OLD_POINTS = delete(metric_point).where(
    _P.tenant_id == bindparam("of_tenant"), _P.series_id == bindparam("of_series"), _P.at < bindparam("before")
)
_OLD_HOURS = delete(metric_hour).where(
    _H.tenant_id == bindparam("of_tenant"), _H.series_id == bindparam("of_series"), _H.at < bindparam("before")
)
_OLD_DAYS = delete(metric_day).where(
    _D.tenant_id == bindparam("of_tenant"), _D.series_id == bindparam("of_series"), _D.at < bindparam("before")
)

_OLD_TICKETS = delete(ticket).where(_T.tenant_id == bindparam("of_tenant"), _T.resolved_at < bindparam("before"))
_OLD_ALERTS = delete(alert).where(_A.tenant_id == bindparam("of_tenant"), _A.resolved_at < bindparam("before"))
_OLD_EXECUTIONS = delete(aws_execution).where(
    aws_execution.c.tenant_id == bindparam("of_tenant"), aws_execution.c.edge < bindparam("before")
)
_OLD_FOUND = delete(baseline_span).where(
    baseline_span.c.tenant_id == bindparam("of_tenant"), baseline_span.c.ended_at < bindparam("before")
)
_OLD_COVERED = delete(coverage_span).where(
    coverage_span.c.tenant_id == bindparam("of_tenant"), coverage_span.c.ended_at < bindparam("before")
)
_B, _L = bundle_import.c, bundle_import.alias("later").c
_LAST_OF_SPOOL = (
    select(func.max(_L.number))
    .where(_L.tenant_id == _B.tenant_id, _L.agent_id == _B.agent_id, _L.epoch == _B.epoch)
    .scalar_subquery()
)
_OLD_IMPORTS = delete(bundle_import).where(
    _B.tenant_id == bindparam("of_tenant"),
    _B.imported_at < bindparam("before"),
    _B.number < _LAST_OF_SPOOL - LOOK_BACK,  # among the last ones it is told which are missing
)
_OLD_UNKNOWN = delete(unknown_record).where(unknown_record.c.received_at < bindparam("before"))
_OLD_GAPS = (
    select(_G.tenant_id, _G.agent_id, _G.epoch, _G.stream, _G.first, _G.last)
    .where(_G.reported_at < bindparam("before"))
    .order_by(_G.reported_at)
    .limit(bindparam("limit"))
)
_REMOVE_GAP = delete(gap).where(
    _G.tenant_id == bindparam("of_tenant"),
    _G.agent_id == bindparam("of_agent"),
    _G.epoch == bindparam("of_epoch"),
    _G.stream == bindparam("of_stream"),
    _G.first == bindparam("of_first"),
    _G.last == bindparam("of_last"),
)
