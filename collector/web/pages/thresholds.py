"""`/ui/settings/thresholds`: the levels of each check: as they are by default, and as somebody has set them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core.database import Database
from collector.core.problems import not_found
from collector.domain.access.rules import Act
from collector.domain.assignments import thresholds
from collector.domain.assignments.store import Override
from collector.domain.assignments.thresholds import MAX_INTERVAL_S, MIN_INTERVAL_S, Known
from collector.domain.fleet import store as fleet
from collector.domain.results.rules import documented
from collector.web import forms
from collector.web.auth import Reader, Visitor, may
from collector.web.filters import duration
from collector.web.pages import settings
from collector.web.pages.settings import told
from collector.web.rendering import done
from common.clock import utc_now

router = APIRouter(prefix=f"{settings.PREFIX}/thresholds", include_in_schema=False)

Changer = Annotated[Visitor, Depends(may("change_thresholds"))]
LIST = router.prefix
Origin = Literal["tenant", "tag", "connection"]
_USUAL = "catalogue"


class Level(NamedTuple):
    """What holds somewhere: for everything, where a tag is, or on one connection. Empty: as in the line above."""

    origin: str
    scope: str
    where: str
    enabled: str
    interval: str
    warning: str
    critical: str


class Listed(NamedTuple):
    """A check with its default, what the tenant has set, and how often something narrower is set."""

    known: Known
    tenant: Level | None
    narrower: int


class Put(forms.Form):
    """`where`: a tag, or the name or id of a connection. Empty fields leave a value as it is."""

    origin: Origin
    where: Annotated[str, Field(max_length=300)] = ""
    enabled: Literal["", "yes", "no"] = ""
    interval_s: int | None = None
    warning: float | None = None
    critical: float | None = None


class Reset(forms.Form):
    origin: Origin
    scope: Annotated[str, Field(max_length=300)] = ""


@router.get("")
async def listed(request: Request, visitor: Reader, db: Gateway) -> Response:
    given = request.query_params
    search, category = given.get("q", "").strip()[:200], given.get("category", "")
    known = await db.read(thresholds.known, visitor.tenant)
    rows = rows_of(known, await db.read(thresholds.overrides, visitor.tenant))
    wanted = [row for row in rows if _fits(row, search, category, changed=given.get("changed") == "yes")]
    page = settings.page_of(request, len(wanted))
    return settings.page(
        request,
        "thresholds.html",
        visitor,
        rows=wanted[page.offset : page.offset + settings.ROWS],
        page=page,
        search=search,
        category=category,
        changed=given.get("changed", ""),
        categories=[("", "all"), *((name, name) for name in sorted({one.category for one in known}))],
        empty=not known,
    )


@router.get("/{check_id}")
async def one(check_id: str, request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _page(request, visitor, db, await _known(db, visitor, check_id))


@router.post("/{check_id}")
async def put(check_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    known = await _known(db, visitor, check_id)
    try:
        form = await forms.filled(request, Put)
        with told(form, names={"tag": "where", "connection": "where", "override": ""}):
            wanted = await _override(db, visitor, known, form)
            await db.write(thresholds.put, visitor.tenant, wanted, Act(visitor.email, utc_now()))
    except forms.NotFilled as wrong:
        return await _page(request, visitor, db, known, wrong=wrong)
    return done(request, f"{known.check} is changed; agents follow within seconds.", to=f"{LIST}/{check_id}")


@router.post("/{check_id}/reset")
async def reset(check_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    known = await _known(db, visitor, check_id)
    form = await forms.filled(request, Reset)
    place = Override(check=known.check, origin=form.origin, scope=form.scope)
    if not await db.write(thresholds.remove, visitor.tenant, place, Act(visitor.email, utc_now())):
        raise not_found()
    return done(request, "That is as it was again.", to=f"{LIST}/{check_id}")


def rows_of(known: Sequence[Known], overrides: Sequence[Override]) -> list[Listed]:
    """Every check with what is set of it."""
    of_tenant = {documented(one.check): level_of(one, {}) for one in overrides if one.origin == "tenant"}
    narrower = Counter(documented(one.check) for one in overrides if one.origin != "tenant")
    return [Listed(one, of_tenant.get(one.check), narrower[one.check]) for one in known]


def usual_of(known: Known) -> Level:
    """Before anybody has said anything."""
    return Level(
        origin=_USUAL,
        scope="",
        where="by default",
        enabled="on" if known.enabled else "off",
        interval=duration(known.interval_s),
        warning=_with_unit(known.warning, known.unit),
        critical=_with_unit(known.critical, known.unit),
    )


def level_of(one: Override, names: Mapping[str, str], unit: str = "") -> Level:
    """`names`: what connections are called, by id."""
    where = {
        "tenant": "all connections",
        "tag": f"connections tagged {one.scope}",
        "connection": names.get(one.scope, f"connection {one.scope}, which is gone"),
    }[one.origin]
    return Level(
        origin=one.origin,
        scope=one.scope,
        where=where,
        enabled="" if one.enabled is None else "on" if one.enabled else "off",
        interval="" if one.interval_s is None else duration(one.interval_s),
        warning="" if one.warning is None else _with_unit(f"{one.warning:g}", unit),
        critical="" if one.critical is None else _with_unit(f"{one.critical:g}", unit),
    )


def _fits(row: Listed, search: str, category: str, *, changed: bool) -> bool:
    if category not in {"", row.known.category} or (changed and row.tenant is None and not row.narrower):
        return False
    text = search.casefold()
    return text in row.known.check.casefold() or text in row.known.title.casefold()


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}".strip() if text else ""


async def _known(db: Database, visitor: Visitor, check_id: str) -> Known:
    found = next((one for one in await db.read(thresholds.known, visitor.tenant) if one.check == check_id), None)
    if found is None:
        raise not_found()
    return found


async def _override(db: Database, visitor: Visitor, known: Known, form: Put) -> Override:
    return Override(
        check=known.check,
        origin=form.origin,
        scope=await _scope(db, visitor, form),
        enabled={"": None, "yes": True, "no": False}[form.enabled],
        interval_s=form.interval_s,
        warning=form.warning,
        critical=form.critical,
    )


async def _scope(db: Database, visitor: Visitor, form: Put) -> str:
    """Connections are found by name where just one is called so."""
    if form.origin == "tenant":
        return ""
    if form.origin == "tag":
        return form.where
    fleet_of = await db.read(fleet.fleet, visitor.tenant)
    ids = [str(number) for number, name, _ in fleet_of if name == form.where]
    ids = ids or [str(number) for number, _, _ in fleet_of if str(number) == form.where]
    if len(ids) != 1:
        many = (
            f"{len(ids)} connections are called so; expected an id"
            if ids
            else "expected the name or id of a connection"
        )
        raise ValueError(f"where: {form.where!r}; {many}")
    return ids[0]


async def _page(
    request: Request, visitor: Visitor, db: Database, known: Known, *, wrong: forms.NotFilled | None = None
) -> Response:
    found = [one for one in await db.read(thresholds.overrides, visitor.tenant) if documented(one.check) == known.check]
    names = {str(number): name for number, name, _ in await db.read(fleet.fleet, visitor.tenant)} if found else {}
    page = settings.page_of(request, len(found))
    asked = request.query_params.get("connection", "")[:300]
    return settings.page(
        request,
        "threshold.html",
        visitor,
        status=422 if wrong else 200,
        known=known,
        usual=usual_of(known),
        rows=[level_of(one, names, known.unit) for one in found[page.offset : page.offset + settings.ROWS]],
        page=page,
        asked=asked,
        bounds=(MIN_INTERVAL_S, MAX_INTERVAL_S),
        **settings.errors(wrong),
    )
