"""The least that these lists could cost: bare routes that fetch the same rows with the driver alone."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.domain.fleet import rules

CONNECTIONS, TICKETS, INCIDENTS, FLEET = (
    "/api/v1/health/connections",
    "/api/v1/tuneops/tickets",
    "/api/v1/incidents",
    "/api/v1/health/fleet",
)
_TIMES = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
_SHOWN = "tenant_id = 1 AND removed_at IS NULL AND listed_at IS NOT NULL"
_CONNECTIONS = (
    "SELECT id, name, host, port, type, latest_run_id, score, latest_run_at, summary_text, raw_score FROM connection"
    f" WHERE {_SHOWN} ORDER BY id LIMIT ? OFFSET ?"
)
_TICKETS = (
    "SELECT t.id, t.connection_id, c.name, t.check_id, t.category, t.title, t.severity, t.status, t.metric_line,"
    " t.remediation, t.first_seen_at, t.last_seen_at, t.resolved_at, t.occurrences"
    " FROM ticket t JOIN connection c ON c.tenant_id = t.tenant_id AND c.id = t.connection_id"
    " WHERE t.tenant_id = 1 ORDER BY t.first_seen_at DESC, t.id DESC LIMIT ? OFFSET ?"
)
_INCIDENTS = (
    "SELECT id, title, description, severity, status, visibility, root_cause, postmortem, started_at, resolved_at,"
    " created_at, updated_at FROM incident WHERE tenant_id = 1 ORDER BY started_at DESC, id DESC LIMIT ? OFFSET ?"
)
_SERVICES = (
    "SELECT a.incident_id, s.id, s.slug, s.name, a.impact FROM incident_service a"
    " JOIN service s ON s.tenant_id = a.tenant_id AND s.id = a.service_id"
    " WHERE a.tenant_id = 1 AND a.incident_id IN ({}) ORDER BY a.incident_id, s.id"
)
_UPDATES = (
    "SELECT incident_id, id, status, message, is_public, created_at, author FROM incident_update"
    " WHERE tenant_id = 1 AND incident_id IN ({}) ORDER BY incident_id, id"
)


Fetch = Callable[[str, Sequence[object]], Sequence[Sequence[Any]]]


def app(url: str) -> Starlette:
    """Each answers with the fields of the collector's own answer, in JSON. On PostgreSQL `url` is the superuser's."""
    fetch = _of_sqlite(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else _of_postgres(url)

    def total(table: str, where: str = "tenant_id = 1") -> int:
        found: int = fetch(f"SELECT count(*) FROM {table} WHERE {where}", ())[0][0]
        return found

    async def connections(request: Request) -> Response:
        page, offset = _page(request)
        rows = fetch(_CONNECTIONS, (50, offset))
        data = [
            {
                "id": r[0],
                "name": r[1],
                "host": r[2],
                "port": r[3],
                "connection_type": r[4],
                "latest_check_id": r[5],
                "score": r[6],
                "last_checked_at": _at(r[7]),
                "summary_text": r[8],
                "raw_score": r[9],
            }
            for r in rows
        ]
        return _paged(data, total("connection", _SHOWN), page, offset)

    async def tickets(request: Request) -> Response:
        page, offset = _page(request)
        rows = fetch(_TICKETS, (50, offset))
        data = [
            {
                "id": r[0],
                "connection_id": r[1],
                "connection_name": r[2],
                "check_id": r[3],
                "category": r[4],
                "title": r[5],
                "severity": r[6],
                "status": r[7],
                "metric_line": r[8],
                "remediation": r[9],
                "first_seen_at": _at(r[10]),
                "last_seen_at": _at(r[11]),
                "resolved_at": _at(r[12]),
                "occurrences": r[13],
            }
            for r in rows
        ]
        return _paged(data, total("ticket"), page, offset)

    async def incidents(request: Request) -> Response:
        offset = int(request.query_params.get("offset", "0"))
        rows = fetch(_INCIDENTS, (50, offset))
        marks, ids = ",".join("?" * len(rows)), [r[0] for r in rows]
        services, updates = defaultdict(list), defaultdict(list)
        for number, *r in fetch(_SERVICES.format(marks), ids):
            services[number].append({"id": r[0], "slug": r[1], "name": r[2], "impact": r[3]})
        for number, *r in fetch(_UPDATES.format(marks), ids):
            updates[number].append(
                {
                    "id": r[0],
                    "status": r[1],
                    "message": r[2],
                    "is_public": bool(r[3]),
                    "created_at": _at(r[4]),
                    "author": r[5],
                }
            )
        data = [
            {
                "id": r[0],
                "title": r[1],
                "description": r[2],
                "severity": r[3],
                "status": r[4],
                "visibility": r[5],
                "root_cause": r[6],
                "postmortem": r[7],
                "services": services[r[0]],
                "updates": updates[r[0]],
                "started_at": _at(r[8]),
                "resolved_at": _at(r[9]),
                "created_at": _at(r[10]),
                "updated_at": _at(r[11]),
            }
            for r in rows
        ]
        return _answer({"incidents": data, "total": total("incident"), "limit": 50, "offset": offset})

    async def fleet(_request: Request) -> Response:
        rows = fetch(f"SELECT id, name, score FROM connection WHERE {_SHOWN} ORDER BY id", ())
        data = [{"id": a, "name": b, "score": c, "status": rules.fleet_status(c)} for a, b, c in rows]
        return _answer({"data": data, "summary": rules.summary([rules.fleet_status(c) for _, _, c in rows])})

    routes = {CONNECTIONS: connections, TICKETS: tickets, INCIDENTS: incidents, FLEET: fleet}
    return Starlette(routes=[Route(place, answer) for place, answer in routes.items()])


def _of_sqlite(path: str) -> Fetch:
    conn = sqlite3.connect(path)
    for pragma in ("query_only = 1", "cache_size = -16000", "temp_store = MEMORY"):
        conn.execute(f"PRAGMA {pragma}")
    return lambda sql, values: conn.execute(sql, values).fetchall()


def _of_postgres(url: str) -> Fetch:
    conn = psycopg.connect(url, autocommit=True)
    return lambda sql, values: conn.execute(sql.replace("?", "%s").encode(), values).fetchall()


def _page(request: Request) -> tuple[int, int]:
    page = int(request.query_params.get("page", "1"))
    return page, (page - 1) * 50


def _at(stored: int | None) -> datetime | None:
    return None if stored is None else datetime.fromtimestamp(stored / 1_000_000, UTC)


def _paged(data: Sequence[object], total: int, page: int, offset: int) -> Response:
    meta = {"total": total, "page": page, "per_page": 50, "has_more": offset + len(data) < total}
    return _answer({"data": data, "meta": meta})


def _answer(body: object) -> Response:
    return Response(orjson.dumps(body, option=_TIMES), media_type="application/json")
