"""`/api/v1/admin/findings`, `/alerts`: what is open, who mutes or works on it, and who was told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.family import Gateway
from collector.api.params import (
    MAX_ID,
    MAX_SAFE,
    capped_number,
    end_of,
    given_once,
    name,
    one_of,
    start_of,
    whole_number,
)
from collector.core import problems
from collector.domain.access.rules import Act
from collector.domain.alerts import rules as alert_rules
from collector.domain.alerts import store as alert_store
from collector.domain.alerts.rules import AlertState, Place
from collector.domain.mutes import rules as marks
from collector.domain.mutes import store as mark_store
from collector.domain.mutes.rules import FindingMark, MarkKind
from collector.domain.results import marking
from collector.domain.results.marking import Wanted
from collector.domain.results.rules import documented
from collector.domain.tickets import rules as ticket_rules
from collector.domain.tickets import store as ticket_store
from common.clock import iso, utc_now

router = APIRouter(prefix="/api/v1/admin", tags=["Findings and alerts"])

MAX_LIMIT = 200

Reader = Annotated[Member, Depends(may("read"))]
Muter = Annotated[Member, Depends(may("mute_findings"))]
Acknowledger = Annotated[Member, Depends(may("acknowledge_findings"))]

_AT_LEAST_1 = {"minimum": 1}
_Id = BeforeValidator(whole_number(at_most=MAX_ID))
ConnectionId = Annotated[int, _Id, Path(json_schema_extra=_AT_LEAST_1)]
CheckId = Annotated[str, BeforeValidator(name), Path()]
OfConnection = Annotated[int | None, _Id, Query(alias="connectionId", json_schema_extra=_AT_LEAST_1)]
Page = Annotated[int, BeforeValidator(whole_number(at_most=MAX_SAFE)), Query(json_schema_extra=_AT_LEAST_1)]
Limit = Annotated[int, BeforeValidator(capped_number(cap=MAX_LIMIT)), Query(json_schema_extra=_AT_LEAST_1)]
State = Annotated[AlertState | None, BeforeValidator(one_of("open", "suppressed", "resolved")), Query()]
From = Annotated[datetime | None, BeforeValidator(start_of), Query(alias="from")]
To = Annotated[datetime | None, BeforeValidator(end_of), Query(alias="to")]


class Mark(BaseModel):
    """Why, and until when; without `expiresAt` until it is taken away."""

    model_config = ConfigDict(strict=True)

    reason: str
    expiresAt: Annotated[datetime | None, Field(strict=False)] = None  # noqa: N815 - as the tuner document writes


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a list is wanted."""

    page: int
    limit: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit

    @property
    def shown(self) -> dict[str, int]:
        return {"page": self.page, "limit": self.limit}


async def paging_of(request: Request, page: Page = 1, limit: Limit = 50) -> Paging:
    given_once(request, "page", "limit")
    return Paging(page, limit)


WantedPage = Annotated[Paging, Depends(paging_of)]


async def alert_filter(
    request: Request, state: State = None, since: From = None, until: To = None
) -> alert_store.Query:
    given_once(request, "state", "from", "to")
    return alert_store.Query(state=state, since=since, until=until)


@router.get("/alerts", summary="Alerts, newest first")
async def alerts(
    caller: Reader, wanted: Annotated[alert_store.Query, Depends(alert_filter)], paging: WantedPage, db: Gateway
) -> Response:
    total, rows = await db.read(alert_store.page, caller.tenant, wanted, paging.offset, paging.limit)
    return envelope.ok({"alerts": [_alert(row) for row in rows], "total": total, **paging.shown})


async def finding_filter(request: Request, connection_id: OfConnection = None) -> ticket_store.Query:
    given_once(request, "connectionId")
    return ticket_store.Query(status="open", connection_id=connection_id)


@router.get("/findings", summary="Open findings with the marks that people set, newest first")
async def findings(
    caller: Reader,
    wanted: Annotated[ticket_store.Query, Depends(finding_filter)],
    paging: WantedPage,
    db: Gateway,
) -> Response:
    total, rows = await db.read(ticket_store.page, caller.tenant, wanted, paging.offset, paging.limit)
    found = await db.read(mark_store.all_marks, caller.tenant)
    known = {(mark.connection_id, mark.check_id, mark.kind): mark for mark in found}
    return envelope.ok({"findings": [_finding(row, known) for row in rows], "total": total, **paging.shown})


@router.get("/findings/marks", summary="Everything that is muted or acknowledged")
async def all_marks(caller: Reader, db: Gateway) -> Response:
    found = await db.read(mark_store.all_marks, caller.tenant)
    rows = [{"connection_id": one.connection_id, "kind": one.kind, **_mark(one)} for one in found]
    return envelope.ok(envelope.listed("marks", rows))


@router.put("/connections/{connection_id}/findings/{check_id}/mute", summary="Take a finding out of the score")
async def mute(connection_id: ConnectionId, check_id: CheckId, body: Mark, caller: Muter, db: Gateway) -> Response:
    return await _set(db, caller, (connection_id, check_id, "mute"), body)


@router.delete("/connections/{connection_id}/findings/{check_id}/mute", summary="Let a finding count again")
async def unmute(connection_id: ConnectionId, check_id: CheckId, caller: Muter, db: Gateway) -> Response:
    return await _unset(db, caller, (connection_id, check_id, "mute"))


@router.put("/connections/{connection_id}/findings/{check_id}/acknowledgement", summary="Say who works on a finding")
async def acknowledge(
    connection_id: ConnectionId, check_id: CheckId, body: Mark, caller: Acknowledger, db: Gateway
) -> Response:
    return await _set(db, caller, (connection_id, check_id, "acknowledge"), body)


@router.delete("/connections/{connection_id}/findings/{check_id}/acknowledgement", summary="Take that back")
async def unacknowledge(connection_id: ConnectionId, check_id: CheckId, caller: Acknowledger, db: Gateway) -> Response:
    return await _unset(db, caller, (connection_id, check_id, "acknowledge"))


_Finding = tuple[int, str, MarkKind]


async def _set(db: Gateway, caller: Member, finding: _Finding, body: Mark) -> Response:
    now = utc_now()
    reason = envelope.checked("reason", marks.check_reason, body.reason)
    if body.expiresAt is not None and not (body.expiresAt.tzinfo and body.expiresAt > now):
        raise problems.invalid("expiresAt", body.expiresAt.isoformat(), "a time in the future, with its zone")
    made = await db.write(marking.mark, caller.tenant, Wanted(*finding, reason, body.expiresAt), Act(caller.email, now))
    if made is None:
        raise problems.not_found()
    return envelope.ok(_mark(made))


async def _unset(db: Gateway, caller: Member, finding: _Finding) -> Response:
    if not await db.write(marking.unmark, caller.tenant, Wanted(*finding, ""), Act(caller.email, utc_now())):
        raise problems.not_found()
    return envelope.ok(None)


def _finding(row: ticket_store.Listed, known: dict[_Finding, FindingMark]) -> dict[str, object]:
    ticket = row.ticket
    found = {kind: known.get((ticket.connection_id, ticket.check_id, kind)) for kind in ("mute", "acknowledge")}
    return {
        **ticket_rules.document(ticket, row.connection_name),
        "mute": _mark(found["mute"]) if found["mute"] else None,
        "acknowledgement": _mark(found["acknowledge"]) if found["acknowledge"] else None,
    }


def _mark(mark: FindingMark) -> dict[str, object]:
    return {
        "check_id": documented(mark.check_id),
        "by": mark.author,
        "reason": mark.reason,
        "created_at": iso(mark.created_at),
        "expires_at": iso(mark.expires_at) if mark.expires_at else None,
    }


def _alert(row: alert_store.Listed) -> dict[str, object]:
    alert = row.alert
    place = Place(agent_id=alert.agent_id, connection_id=alert.connection_id, name=row.connection_name, host=row.host)
    return {
        **alert_rules.document(alert, place),
        "state": alert.state,
        "sent_at": iso(alert.sent_at) if alert.sent_at else None,
        "resolved_at": iso(alert.resolved_at) if alert.resolved_at else None,
    }
