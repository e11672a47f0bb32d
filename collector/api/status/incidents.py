"""`/api/v1/incidents`: what went wrong, whom it affects, what was told of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from collector.api.again import again
from collector.api.family import Gateway
from collector.api.params import MAX_ID, given_once, one_of, start_of
from collector.api.status import envelope, examples, shapes
from collector.api.status.auth import Bearer, ReadStatus, WriteIncidents
from collector.api.status.documents import answers, changing
from collector.api.status.envelope import Item
from collector.api.status.idempotent import Repeatable, once
from collector.api.status.matching import if_match
from collector.api.status.params import Body, ItemId, PageOf50
from collector.api.status.texts import Message, Text, Title
from collector.core import problems
from collector.core.database import Database
from collector.domain.incidents import changes, rules, store
from collector.domain.incidents.rules import Change, Choice, NotAllowed, Shown, Unusable, Wanted
from collector.domain.services import rules as services
from collector.domain.services.rules import SEVERITIES, VISIBILITIES
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/incidents", tags=["Incidents"])

MAX_SERVICES = 500

ServiceId = Annotated[int, Field(ge=1, le=MAX_ID)]
ServiceIds = Annotated[list[ServiceId], Field(max_length=MAX_SERVICES)]
Severity = Annotated[services.Severity, BeforeValidator(one_of(*SEVERITIES))]
Visibility = Annotated[services.Visibility, BeforeValidator(one_of(*VISIBILITIES))]
Status = Annotated[rules.Status, BeforeValidator(one_of(*rules.STATUSES))]
Impacted = Annotated[rules.Impacted, BeforeValidator(one_of(*rules.IMPACTS))]
Moment = Annotated[datetime, BeforeValidator(start_of)]
_COLUMNS = ("title", "description", "severity", "visibility", "root_cause", "postmortem")


class AffectedBody(Body):
    """`impact`: the one that it has already, or what the severity means, where it is left out."""

    id: ServiceId
    impact: Impacted | None = None


AffectedList = Annotated[list[AffectedBody], Field(max_length=MAX_SERVICES)]


class NewBody(Body):
    title: Title
    description: Text = ""
    severity: Severity = "degraded"
    status: Status = "investigating"
    visibility: Visibility = "public"
    service_ids: ServiceIds = Field(default_factory=list)
    services: AffectedList = Field(default_factory=list)
    started_at: Moment | None = None

    def wanted(self) -> Wanted:
        return Wanted(
            title=self.title,
            description=self.description,
            severity=self.severity,
            status=self.status,
            visibility=self.visibility,
            services=_chosen(self.service_ids, self.services),
            started_at=self.started_at,
        )


class PatchBody(Body):
    """Only what is in the body is changed; null takes a root cause or post-mortem away."""

    title: Title = ""
    description: Text = ""
    severity: Severity = "degraded"
    status: Status = "investigating"
    visibility: Visibility = "public"
    root_cause: Text | None = None
    postmortem: Text | None = None
    service_ids: ServiceIds = Field(default_factory=list)
    services: AffectedList = Field(default_factory=list)
    message: Message = ""
    is_public: bool | None = None

    def wanted(self) -> Change:
        given = self.model_fields_set
        return Change(
            fields={name: getattr(self, name) for name in _COLUMNS if name in given},
            status=self.status if "status" in given else None,
            services=_chosen(self.service_ids, self.services) if given & {"service_ids", "services"} else None,
            message=self.message if "message" in given else None,
            is_public=self.is_public,
            restates=True,
        )


class UpdateBody(Body):
    """The status stays where none is given."""

    message: Message
    status: Status | None = None
    is_public: bool | None = None

    def wanted(self) -> Change:
        return Change(status=self.status, message=self.message, is_public=self.is_public)


class ResolveBody(Body):
    root_cause: Text | None = None
    postmortem: Text | None = None
    message: Message | None = None
    is_public: bool | None = None

    def wanted(self) -> Change:
        told = {name: getattr(self, name) for name in ("root_cause", "postmortem")}
        return Change(
            fields={name: text for name, text in told.items() if text is not None},
            status="resolved",
            message=self.message,
            is_public=self.is_public,
        )


async def wanted(
    request: Request,
    status: Annotated[Status | None, Query()] = None,
    severity: Annotated[Severity | None, Query()] = None,
) -> store.Query:
    given_once(request, "status", "severity")
    return store.Query(status=status, severity=severity)


Asked = Annotated[store.Query, Depends(wanted)]


@router.get("", summary="Incidents, newest first", responses=answers(shapes.Incidents, examples.INCIDENTS, 400))
@again
async def incidents(caller: ReadStatus, asked: Asked, paging: PageOf50, db: Gateway) -> Response:
    total, found = await db.read(store.documents, caller.tenant, asked, paging.offset, paging.limit)
    return envelope.page("incidents", found, total=total, paging=paging)


@router.get(
    "/active",
    summary="Incidents that are not resolved",
    responses=answers(shapes.ActiveIncidents, examples.ACTIVE),
)
async def active(caller: ReadStatus, db: Gateway) -> Response:
    found = await db.read(store.active, caller.tenant)
    return envelope.whole("incidents", [rules.document(one) for one in found])


@router.get(
    "/{incident_id}",
    summary="One incident with its updates and services",
    responses=answers(shapes.Incident, examples.INCIDENT, 404),
)
async def incident(caller: ReadStatus, incident_id: ItemId, db: Gateway) -> Response:
    return envelope.bare(_found(await db.read(store.find, caller.tenant, incident_id)))


@router.post(
    "",
    summary="Create an incident",
    status_code=201,
    dependencies=[Repeatable],
    responses=changing(shapes.Incident, examples.INCIDENT, status=201),
)
async def create(request: Request, caller: WriteIncidents, body: NewBody, db: Gateway) -> Response:
    act = caller.act(utc_now())
    with _worded(body):
        return await once(
            request, db, caller, changes.create, caller.tenant, body.wanted(), act, render=rules.document, status=201
        )


@router.patch(
    "/{incident_id}",
    summary="Change an incident",
    dependencies=[Repeatable],
    responses=changing(shapes.Incident, examples.INCIDENT, 404),
)
async def patch(
    request: Request, caller: WriteIncidents, incident_id: ItemId, body: PatchBody, db: Gateway
) -> Response:
    with _worded(body):
        return await _change(request, db, caller, incident_id, body.wanted())


@router.post(
    "/{incident_id}/updates",
    summary="Tell how it goes on",
    dependencies=[Repeatable],
    responses=changing(shapes.Incident, examples.INCIDENT, 404),
)
async def tell(
    request: Request, caller: WriteIncidents, incident_id: ItemId, body: UpdateBody, db: Gateway
) -> Response:
    with _worded(body):
        return await _change(request, db, caller, incident_id, body.wanted())


@router.post(
    "/{incident_id}/resolve",
    summary="Resolve an incident",
    dependencies=[Repeatable],
    responses=changing(shapes.Incident, examples.INCIDENT, 404),
)
async def resolve(
    request: Request, caller: WriteIncidents, incident_id: ItemId, db: Gateway, body: ResolveBody | None = None
) -> Response:
    with _worded(body):
        return await _change(request, db, caller, incident_id, (body or ResolveBody()).wanted())


async def _change(request: Request, db: Database, caller: Bearer, incident_id: int, change: Change) -> Response:
    work = partial(changes.change, agree=if_match(request))
    act = caller.act(utc_now())
    return await once(request, db, caller, work, caller.tenant, incident_id, change, act, render=_found)


def _found(found: Shown | None) -> Item:
    if found is None:
        raise problems.not_found()
    return rules.document(found)


def _chosen(ids: list[int], services: list[AffectedBody]) -> Choice:
    by_hand = {one.id: one.impact for one in services}
    if len(by_hand) < len(services):
        raise Unusable("services", [one.id for one in services], "each service once")
    return {**dict.fromkeys(ids), **by_hand}


@contextmanager
def _worded(body: Body | None) -> Iterator[None]:
    try:
        yield
    except NotAllowed as error:
        raise envelope.conflict(str(error), allowed=error.allowed) from error
    except Unusable as error:
        listed = getattr(body, "service_ids", [])
        field = "services" if error.field == "service_ids" and error.value not in listed else error.field
        raise problems.invalid(field, error.value, error.expected) from error
