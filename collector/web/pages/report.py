"""`/ui/report`: a fleet's week on one page that can be printed, and who gets it by mail."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import MAX_ID
from collector.core.database import Database
from collector.core.problems import Problem, not_found
from collector.domain.access import people
from collector.domain.access.people import NoSuchMember
from collector.domain.access.rules import Act
from collector.domain.reports import mailing, reading, weeks
from collector.domain.reports.mailing import Reader as Recipient
from collector.domain.reports.rules import BANDS, Report
from collector.domain.reports.weeks import Week
from collector.web import forms
from collector.web.auth import Reader, Visitor, may
from collector.web.charts import weekly
from collector.web.pages.settings import errors, told
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(prefix="/ui/report", include_in_schema=False)

Changer = Annotated[Visitor, Depends(may("change_members"))]
MemberId = Annotated[int, Path(ge=1, le=MAX_ID)]


class Added(forms.Form):
    """`email`: of a member of this tenant."""

    email: Annotated[str, Field(max_length=300)]


@router.get("")
async def report(request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _page(request, visitor, db)


@router.post("/subscribe")
async def subscribe(request: Request, visitor: Reader, db: Gateway) -> Response:
    await db.write(mailing.subscribe, visitor.tenant, visitor.id, _act(visitor))
    return done(request, f"Each Monday the report of the week goes to {visitor.email}.")


@router.post("/unsubscribe")
async def unsubscribe(request: Request, visitor: Reader, db: Gateway) -> Response:
    await db.write(mailing.unsubscribe, visitor.tenant, visitor.id, _act(visitor))
    return done(request, "No report goes to you any more.")


@router.post("/readers")
async def add_reader(request: Request, visitor: Changer, db: Gateway) -> Response:
    try:
        form = await forms.filled(request, Added)
        with told(form):
            found = await db.read(people.by_email, visitor.tenant, form.email.lower())
            await db.write(mailing.subscribe, visitor.tenant, found.id, _act(visitor))
    except forms.NotFilled as wrong:
        return await _page(request, visitor, db, wrong)
    return done(request, f"{found.email} gets the report.")


@router.post("/readers/{member_id}/remove")
async def remove_reader(member_id: MemberId, request: Request, visitor: Changer, db: Gateway) -> Response:
    try:
        found = await db.read(people.find, visitor.tenant, member_id)
    except NoSuchMember as error:
        raise not_found() from error
    if not await db.write(mailing.unsubscribe, visitor.tenant, member_id, _act(visitor)):
        raise not_found()
    return done(request, f"{found.email} gets no report any more.")


def week_of(text: str, now: datetime, keep: timedelta) -> Week:
    """The last whole week where none is asked for; none that is still to come, or that nothing is kept of."""
    if not text:
        return weeks.last_whole(now)
    latest, earliest = Week.of(now), Week.of(now - keep)
    try:
        wanted = Week.parse(text)
    except ValueError as error:
        raise Problem(422, "invalid_request", f"{error}.") from None
    if not earliest <= wanted <= latest:
        raise Problem(422, "invalid_request", f"week: {text!r}; expected one from {earliest} to {latest}.")
    return wanted


async def _page(request: Request, visitor: Visitor, db: Database, wrong: forms.NotFilled | None = None) -> Response:
    now, app_settings = utc_now(), request.app.state.settings
    keep = timedelta(days=app_settings.keep_findings_days)
    week = week_of(request.query_params.get("week", ""), now, keep)
    made = await db.read(reading.report, visitor.tenant, week, now, heavy=True)
    recipients = await db.read(mailing.readers, visitor.tenant)
    return show(
        request,
        "report/report.html",
        status=422 if wrong else 200,
        report=made,
        week=week,
        before=week.before if week.before >= Week.of(now - keep) else None,
        after=week.after if week.after <= Week.of(now) else None,
        pictures=_pictures(made),
        bands=BANDS,
        recipients=recipients if visitor.may("change_members") else (),
        gets_it=_is_among(visitor, recipients),
        mails=bool(app_settings.smtp_host),
        ready=weeks.READY,
        **errors(wrong),
    )


def _pictures(made: Report) -> dict[str, object]:
    fleet = made.fleet
    end = "at its end" if made.is_over else "now"
    rows = [("A week before", fleet.bands_before), (end[:1].upper() + end[1:], fleet.bands_after)]
    return {
        "days": weekly.days(fleet.days, f"Average score of the fleet day by day in week {made.week}"),
        "bands": weekly.bands(rows, f"Connections by band before week {made.week} and {end}"),
    }


def _is_among(visitor: Visitor, recipients: list[Recipient]) -> bool:
    return any(one.member_id == visitor.id for one in recipients)


def _act(visitor: Visitor) -> Act:
    return Act(visitor.email, utc_now())
