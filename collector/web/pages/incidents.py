"""`/ui/incidents`: what is going on and what was; one incident with what was told of it, and what it can become."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, NamedTuple, get_args

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import MAX_ID
from collector.core import problems
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.incidents import changes, rules, store
from collector.domain.incidents.rules import RESOLVED, Affected, Change, Incident, Shown, Status, Update
from collector.domain.incidents.store import Query
from collector.domain.services import overview
from collector.domain.services.rules import SEVERITIES, ServiceStatus, Severity
from collector.web import filters, forms, paging
from collector.web.auth import Reader, Visitor, may
from collector.web.refusing import on_form
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(prefix="/ui/incidents", include_in_schema=False)

Operator = Annotated[Visitor, Depends(may("handle_incidents"))]
IncidentId = Annotated[int, Path(ge=1, le=MAX_ID)]
Which = str
_SHOWS = ("open", RESOLVED, "all")
_NAMED = 3
_SHORT = 160


class Row(NamedTuple):
    """An incident of the list."""

    incident: Incident
    services: str
    said: Update | None


class Step(NamedTuple):
    """What an incident can become, as a button."""

    status: Status
    text: str


class Note(forms.Form):
    """What is told. `status`: what it becomes, or nothing; `was`: what it was when the page was made."""

    message: str = ""
    status: Status | None = None
    was: Status
    is_public: bool = False


class MovedOn(Refusal):
    """Somebody else moved it in the meantime."""


@router.get("")
async def listed(request: Request, visitor: Reader, db: Gateway) -> Response:
    shows, severity, number = _shows(request), _severity(request), paging.wanted(request)
    active: list[Shown] = await db.read(store.active, visitor.tenant)
    if shows == "open":
        matching = worst_first([one for one in active if severity in {None, one.incident.severity}])
        start = paging.offset(number)
        total, found = len(matching), matching[start : start + paging.ROWS]
    else:
        wanted = Query(status=RESOLVED if shows == RESOLVED else None, severity=severity)
        total, found = await db.read(store.page, visitor.tenant, wanted, paging.offset(number), paging.ROWS)
    return show(
        request,
        "incidents/list.html",
        rows=[_row(one) for one in found],
        shows=shows,
        severity=severity or "",
        severities=SEVERITIES,
        tabs=[(one, _tab(one, len(active))) for one in _SHOWS],
        pager=paging.page(number, total),
    )


@router.get("/{incident_id:int}")
async def incident(incident_id: IncidentId, request: Request, visitor: Reader, db: Gateway) -> Response:
    return await page(request, visitor, db, incident_id)


@router.post("/{incident_id:int}/updates")
async def tell(incident_id: IncidentId, request: Request, visitor: Operator, db: Gateway) -> Response:
    pairs = await forms.fields(request)
    try:
        form = forms.check(pairs, Note)
        with on_form(pairs):
            wanted = _change(form)
            work = partial(changes.change, agree=_still(form.was))
            made: Shown | None = await db.write(
                work, visitor.tenant, incident_id, wanted, Act(visitor.email, utc_now())
            )
    except forms.NotFilled as wrong:
        return await page(request, visitor, db, incident_id, wrong=wrong)
    if made is None:
        raise problems.not_found()
    words = f"It is {made.incident.status} now." if form.status else "The update is posted."
    return done(request, words, to=f"/ui/incidents/{incident_id}")


async def page(
    request: Request, visitor: Visitor, db: Gateway, incident_id: int, *, wrong: forms.NotFilled | None = None
) -> Response:
    now = utc_now()
    found: Shown | None = await db.read(store.find, visitor.tenant, incident_id)
    if found is None:
        raise problems.not_found()
    ids = [one.id for one in found.services]
    statuses: Mapping[int, ServiceStatus] = await db.read(overview.statuses, visitor.tenant, ids, now)
    one = found.incident
    return show(
        request,
        "incidents/one.html",
        status=422 if wrong else 200,
        errors=wrong.errors if wrong else {},
        given=wrong.given if wrong else {},
        incident=one,
        services=found.services,
        statuses=statuses,
        updates=list(reversed(found.updates)),
        steps=steps(one, now),
        lasted=(one.resolved_at or now) - one.started_at,
        can_note=one.status != RESOLVED,
    )


def worst_first(found: Sequence[Shown]) -> list[Shown]:
    """Among those that are equally bad, in the order in which they come."""
    return sorted(found, key=lambda one: -SEVERITIES.index(one.incident.severity))


def steps(one: Incident, now: datetime) -> Sequence[Step]:
    """What the state machine offers."""
    return [Step(status, _step(one.status, status)) for status in rules.choices(one, now)]


def written(field: str, text: str) -> str:
    """A text of several lines, checked."""
    try:
        return rules.check_text(text)
    except ValueError as error:
        raise rules.Unusable(field, text[:40], str(error)) from None


def _change(form: Note) -> Change:
    message = written("message", form.message)
    if not message and form.status is None:
        raise rules.Unusable("message", "", "something to say")
    return Change(status=form.status, message=message or None, is_public=form.is_public)


def _still(was: Status) -> changes.Agree:
    """Nobody moved it since the page was made; notes of others do not matter."""

    def agree(document: Mapping[str, object]) -> None:
        if document["status"] != was:
            raise MovedOn(f"Somebody else moved it meanwhile: it is {document['status']}, no longer {was}")

    return agree


def _step(before: Status, after: Status) -> str:
    if before == RESOLVED:
        return "Reopen"
    return "Resolve" if after == RESOLVED else filters.words(after)


def _row(one: Shown) -> Row:
    last = one.updates[-1] if one.updates else None
    if last is not None and len(last.message) > _SHORT:
        last = last._replace(message=last.message[:_SHORT] + "…")
    return Row(one.incident, _named(one.services), last)


def _named(services: Sequence[Affected]) -> str:
    names = [one.name for one in services[:_NAMED]]
    more = len(services) - len(names)
    return ", ".join([*names, f"{more} more"] if more else names)


def _tab(shows: str, active: int) -> str:
    return f"Open ({active})" if shows == "open" else shows.capitalize()


def _shows(request: Request) -> str:
    text = request.query_params.get("show", "open")
    if text not in _SHOWS:
        raise problems.invalid("show", text, f"one of {', '.join(_SHOWS)}")
    return text


def _severity(request: Request) -> Severity | None:
    text = request.query_params.get("severity", "")
    known: tuple[Severity, ...] = get_args(Severity)
    for one in known:
        if one == text:
            return one
    if text:
        raise problems.invalid("severity", text, f"one of {', '.join(SEVERITIES)}")
    return None
