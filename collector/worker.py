"""Background work: looks in bounded slices for what time alone has changed. Runs inside `serve`."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from collector.core.database import Database
from collector.core.leases import Chore, leased
from collector.core.problems import StoreUnavailable
from collector.core.settings import Settings
from collector.core.tenancy import for_everybody
from collector.domain.access import browsers, sessions, steps
from collector.domain.accounts import entrusting, linking
from collector.domain.activity import chain
from collector.domain.agents import alarms, instances
from collector.domain.assignments import store as assignments
from collector.domain.costs import deciding
from collector.domain.idempotency import store as idempotency
from collector.domain.maintenance import clock, recurring, releasing
from collector.domain.notifications import jobs as notifications
from collector.domain.reports import jobs as reports
from collector.domain.results import ingest, marking, silence
from collector.domain.retention import dividing, thinning
from collector.domain.retention import store as retention
from collector.domain.retention.rules import Keep
from collector.domain.schedules import changes as schedules
from collector.domain.schedules import holding
from collector.domain.services import making as services
from collector.domain.statuspage import jobs as statuspage
from collector.domain.webhooks import jobs as outbox
from common import logs
from common.clock import utc_now

SLICE = 50

log = logs.get(__name__)


def chores(settings: Settings, started_at: datetime) -> tuple[Chore, ...]:
    """Everything that is looked after, each by one process at a time."""
    looked_after = (
        ingest.refresh_stale,
        silence.look(settings.heartbeat_s, started_at),
        marking.expire,
        assignments.expire_jobs,
        alarms.settle(),
        instances.forget,
        deciding.wake,
        entrusting.settle,
        linking.take_over,
        services.fill(),
        schedules.end_pauses,
        holding.end_over,
        recurring.extend,
        clock.turn,
        releasing.release,
        chain.chain,
        notifications.tell_due,
        idempotency.forget,
        sessions.forget_ended,
        browsers.expired,
        steps.forget,
        statuspage.forget(timedelta(days=settings.delivery_keep_days)),
        reports.forget(timedelta(days=settings.delivery_keep_days)),
        outbox.forget(timedelta(days=settings.delivery_keep_days)),
        thinning.thinning(_keep(settings), settings.disk_terms),
        retention.forgetting(_keep(settings)),
        dividing.keeping(_keep(settings)),
        chain.forgetting(timedelta(days=settings.keep_activity_days)),
    )
    return tuple(leased(chore) for chore in looked_after)


def _keep(settings: Settings) -> Keep:
    return Keep(
        raw=settings.keep_values_days,
        hourly=settings.keep_hours_days,
        daily=settings.keep_days_days,
        runs=settings.keep_runs_days,
        records=settings.keep_records_days,
        findings=settings.keep_findings_days,
        executions=settings.keep_executions_days,
        services=settings.keep_services_days,
    )


async def work(db: Database, settings: Settings, turned: Callable[[], None] = lambda: None) -> None:
    """Tick for ever; a store that is away is waited for. `turned` is told of each piece of work that is done."""
    due = chores(settings, utc_now())
    while True:
        turned()
        try:
            with for_everybody("background work"):
                await tick(db, due, turned)
        except StoreUnavailable as trouble:
            log.warning("background work put off", why=trouble.why, detail=trouble.detail)
        await asyncio.sleep(settings.sweep_s)


async def tick(db: Database, due: Iterable[Chore], turned: Callable[[], None] = lambda: None) -> None:
    """Bring everything up to date that is due now. On a full disk all have their turn: to forget may make room."""
    full: StoreUnavailable | None = None
    for chore in due:
        try:
            while await db.write(chore, utc_now(), SLICE) == SLICE:
                turned()
        except StoreUnavailable as trouble:
            if trouble.why != "full":
                raise
            full = trouble
    if full is not None:
        raise full
