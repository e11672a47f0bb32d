"""A family like the status family with one resource: notes, which leave an activity entry each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

import httpx
from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection, func, select
from starlette.responses import Response

from collector.api import family
from collector.api.family import Dialect, Gateway
from collector.api.status import envelope
from collector.api.status.auth import Bearer, WriteIncidents, guard
from collector.api.status.idempotent import Repeatable, once
from collector.api.status.params import Body, ItemId, PageOf50, Paging, paging
from collector.api.uses import Uses
from collector.core.database import Database
from collector.core.limits import Limiter
from collector.core.metrics import Metrics
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.activity.tables import activity_entry as table
from collector.edge import Edge
from common.clock import utc_now
from tests.collector.accounts import client_of

NOTES = "/api/v1/incidents/notes"
PLENTY = 100_000

router = APIRouter(prefix="/api/v1/incidents")


class Note(Body):
    text: str
    count: int = 1


def write(conn: Connection, tenant_id: int, note: Note, act: Act) -> tuple[str, int, datetime]:
    if note.text == "refused":
        activity.append(conn, tenant_id, [Entry("note_written", {"text": note.text}, act.at)])
        raise Refusal("what is refused leaves nothing")
    activity.append(conn, tenant_id, [Entry("note_written", {"text": note.text, "by": act.by}, act.at)])
    return note.text, written(conn, tenant_id), act.at


def written(conn: Connection, tenant_id: int) -> int:
    wanted = (table.c.tenant_id == tenant_id, table.c.action_type == "note_written")
    return int(conn.execute(select(func.count()).select_from(table).where(*wanted)).scalar_one())


def shown(note: tuple[str, int, datetime]) -> dict[str, object]:
    return {"text": note[0], "number": note[1], "at": note[2]}


@router.post("/notes", dependencies=[Repeatable])
async def create(body: Note, request: Request, caller: WriteIncidents, db: Gateway) -> Response:
    return await _write(request, db, caller, body)


@router.post("/others", dependencies=[Repeatable])
async def create_other(body: Note, request: Request, caller: WriteIncidents, db: Gateway) -> Response:
    return await _write(request, db, caller, body)


@router.post("/{note_id}/touch", dependencies=[Repeatable])
async def touch(note_id: ItemId, request: Request, caller: WriteIncidents, db: Gateway) -> Response:
    note = Note(text=str(note_id))
    return await once(request, db, caller, write, caller.tenant, note, caller.act(utc_now()), render=shown)


@router.get("/notes")
async def notes(caller: WriteIncidents, wanted: PageOf50) -> Response:
    return envelope.page("notes", [{"of": caller.tenant}], total=7, paging=wanted)


@router.get("/all")
async def all_notes(_caller: WriteIncidents, wanted: Annotated[Paging, Depends(paging(3))]) -> Response:
    return envelope.whole("notes", [{"limit": wanted.limit}])


async def _write(request: Request, db: Database, caller: Bearer, body: Note) -> Response:
    act = caller.act(utc_now())
    try:
        return await once(request, db, caller, write, caller.tenant, body, act, render=shown, status=201)
    except Refusal as error:
        raise envelope.conflict(str(error), allowed=["written"]) from error


def app_over(db: Database, *, limiter: Limiter | None = None) -> Edge:
    dialect = Dialect(
        name="status",
        guard=guard(db, limiter or Limiter(), Uses(_unused), per_minute=PLENTY),
        render=envelope.problem,
        quota_headers=envelope.quota_headers,
        credential={},
    )
    made = family.build(dialect, [router], title="Toy", db=db)
    return Edge(lambda _path: made, metrics=Metrics())


@asynccontextmanager
async def client_over(db: Database, headers: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_over(db), **headers) as client:
        yield client


async def _unused(_tenant: int, _token: str) -> None:
    pass
