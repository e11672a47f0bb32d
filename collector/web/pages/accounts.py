"""Linked AWS accounts: whether they can be used, when they were scanned, and which agent looks after each."""

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core import problems
from collector.core.problems import Problem, Refusal
from collector.domain.access.rules import Act
from collector.domain.accounts import changing, linking
from collector.domain.accounts.changing import Change, Shown
from collector.domain.accounts.entrusting import UnknownAgent
from collector.domain.accounts.store import Status
from collector.domain.agents import store as agents
from collector.domain.agents.store import ListedAgent
from collector.domain.costs import listing, refreshing
from collector.domain.costs.listing import Counted, Query
from collector.domain.costs.refreshing import Progress, Wanted
from collector.web import forms, savings
from collector.web import linking as shaping
from collector.web.auth import Reader, Visitor, may
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
PATH = "/ui/accounts"
_LIST, _ONE, _LINK, _EDIT = (f"accounts/{name}.html" for name in ("list", "one", "link", "edit"))
_UNPROCESSABLE = 422
_ORDER: Mapping[Status, int] = {"FAILED": 0, "VERIFYING": 1, "ACTIVE": 2}

Linker = Annotated[Visitor, Depends(may("link_aws_accounts"))]
Scanner = Annotated[Visitor, Depends(may("handle_recommendations"))]


class Line(NamedTuple):
    """One account of the list; `worth`: what could be saved in it, None where nobody knows a price."""

    shown: Shown
    agent: str
    open: int
    worth: float | None


class Right(NamedTuple):
    """One permission that the role was tried for."""

    action: str
    granted: bool


@router.get(PATH)
async def page(request: Request, visitor: Reader, db: Gateway) -> Response:
    shown = await db.read(changing.shown, visitor.tenant, utc_now())
    names = _names(await db.read(agents.agents, visitor.tenant))
    sums = await db.read(listing.sums, visitor.tenant, Query(status="GENERATED"))
    lines = [_line(one, names, sums.by_account.get(one.account.account_id, Counted())) for one in shown]
    lines.sort(key=_rank)
    return show(request, _LIST, lines=lines, can=visitor.may("link_aws_accounts"))


@router.get(PATH + "/link")
async def ask(request: Request, visitor: Linker, db: Gateway) -> Response:
    return await _form(request, visitor, db, {"external_id": token_hex(16)}, {})


@router.post(PATH + "/link")
async def link(request: Request, visitor: Linker, db: Gateway) -> Response:
    pairs = await forms.fields(request)
    try:
        new = shaping.new_link(forms.check(pairs, shaping.New))
        made = await db.write(linking.link, visitor.tenant, new, _act(visitor))
    except forms.NotFilled as wrong:
        return await _form(request, visitor, db, wrong.given, wrong.errors)
    except UnknownAgent:
        return await _form(request, visitor, db, forms.shown(pairs), {"agent_id": "not there or not active any more"})
    except Refusal as refusal:
        return await _form(request, visitor, db, forms.shown(pairs), {"account_id": f"{refusal}."})
    return done(request, f"The account {made.name} is linked.", to=f"{PATH}/{made.account_id}")


@router.get(PATH + "/{account}")
async def one(request: Request, account: str, visitor: Reader, db: Gateway) -> Response:
    return await _detail(request, account, visitor, db)


@router.get(PATH + "/{account}/edit")
async def edit(request: Request, account: str, visitor: Linker, db: Gateway) -> Response:
    found = await _found(db, visitor, account)
    return _settings(request, found, shaping.as_given(found.account), {})


@router.post(PATH + "/{account}/edit")
async def change(request: Request, account: str, visitor: Linker, db: Gateway) -> Response:
    pairs = await forms.fields(request)
    try:
        wanted = shaping.change(forms.check(pairs, shaping.Settings), account)
        await _changed(db, visitor, account, wanted)
    except forms.NotFilled as wrong:
        return _settings(request, await _found(db, visitor, account), wrong.given, wrong.errors)
    except Refusal as refusal:
        return _settings(request, await _found(db, visitor, account), forms.shown(pairs), {"": f"{refusal}."})
    return done(request, "The account is changed.", to=f"{PATH}/{account}")


@router.post(PATH + "/{account}/move")
async def move(request: Request, account: str, visitor: Linker, db: Gateway) -> Response:
    try:
        given = await forms.filled(request, shaping.Move)
        await _changed(db, visitor, account, Change(agent_id=given.agent_id, force=bool(given.force)))
    except forms.NotFilled as wrong:
        return await _detail(request, account, visitor, db, errors=wrong.errors)
    except UnknownAgent:
        return await _detail(request, account, visitor, db, errors={"agent_id": "not there or not active any more"})
    except Refusal as refusal:
        return await _detail(request, account, visitor, db, errors={"": f"{refusal}."})
    found = await _found(db, visitor, account)
    said = (
        "The account moves as soon as its agent so far has let go of it." if found.moving else "The account is moved."
    )
    return done(request, said, to=f"{PATH}/{account}")


@router.post(PATH + "/{account}/verify")
async def verify(request: Request, account: str, visitor: Linker, db: Gateway) -> Response:
    try:
        job = await db.write(linking.verify, visitor.tenant, account, _act(visitor))
    except Refusal as refusal:
        return await _detail(request, account, visitor, db, errors={"": f"{refusal}."})
    if job is None:
        raise _unknown(account)
    return done(request, "The agent is asked to verify the account.", to=f"{PATH}/{account}")


@router.post(PATH + "/{account}/scan")
async def scan(request: Request, account: str, visitor: Scanner, db: Gateway) -> Response:
    try:
        queued = await db.write(refreshing.refresh, visitor.tenant, Wanted(account_id=account), _act(visitor))
    except Refusal as refusal:
        return await _detail(request, account, visitor, db, errors={"": f"{refusal}."})
    if queued is None:
        raise _unknown(account)
    return done(request, "The agent is asked to scan the account.", to=f"{PATH}/{account}?job={queued.job_id}")


@router.post(PATH + "/{account}/unlink")
async def unlink(request: Request, account: str, visitor: Linker, db: Gateway) -> Response:
    found = await _found(db, visitor, account)
    await db.write(linking.unlink, visitor.tenant, account, _act(visitor))
    return done(request, f"The account {found.account.name} is unlinked; its schedules are paused.", to=PATH)


async def _detail(
    request: Request, account: str, visitor: Visitor, db: Gateway, *, errors: Mapping[str, str] | None = None
) -> Response:
    found = await _found(db, visitor, account)
    known = await db.read(agents.agents, visitor.tenant)
    sums = await db.read(listing.sums, visitor.tenant, Query(account_id=account, status="GENERATED"))
    told = found.account.verification or {}
    missing = sorted(told.get("missing", ()))
    return show(
        request,
        _ONE,
        status=_UNPROCESSABLE if errors else 200,
        shown=found,
        account=found.account,
        agent=_names(known).get(found.account.agent_id or "", ""),
        names=_names(known),
        agents=_choices(known, but=found.account.agent_id),
        found=sums.total.number,
        worth=_worth(found, sums.total),
        rights=_rights(told.get("permissions", {})),
        missing=missing,
        statement=shaping.statement(missing) if missing else "",
        warnings=told.get("warnings", ()),
        regions=told.get("regions", ()),
        asked=bool(found.account.agent_id) and told.get("job", "") != found.account.verification_job,
        job=await _job(request, visitor, db),
        commands=shaping.commands(found.account.external_id) if visitor.may("link_aws_accounts") else None,
        can=visitor.may("link_aws_accounts"),
        can_scan=visitor.may("handle_recommendations"),
        errors=errors or {},
    )


async def _form(
    request: Request, visitor: Visitor, db: Gateway, given: Mapping[str, str], errors: Mapping[str, str]
) -> Response:
    known = await db.read(agents.agents, visitor.tenant)
    return show(
        request,
        _LINK,
        status=_UNPROCESSABLE if errors else 200,
        given=given,
        errors=errors,
        agents=[("", "Whichever agent lists the role in its aws.toml"), *_choices(known)],
        any_agent=any(one.state == "active" for one in known),
        commands=shaping.commands(given.get("external_id", "") or "ID"),
        hours=shaping.SCAN_HOURS,
    )


def _settings(request: Request, found: Shown, given: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    status = _UNPROCESSABLE if errors else 200
    return show(request, _EDIT, status=status, account=found.account, given=given, errors=errors)


async def _changed(db: Gateway, visitor: Visitor, account: str, wanted: Change) -> None:
    if await db.write(changing.change, visitor.tenant, account, wanted, _act(visitor)) is None:
        raise _unknown(account)


async def _found(db: Gateway, visitor: Visitor, account: str) -> Shown:
    found = await db.read(changing.show, visitor.tenant, account, utc_now())
    if found is None:
        raise _unknown(account)
    return found


async def _job(request: Request, visitor: Visitor, db: Gateway) -> Progress | None:
    """The scan that was just asked for."""
    job_id = request.query_params.get("job", "")
    return await db.read(refreshing.progress, visitor.tenant, job_id) if job_id else None


def _line(one: Shown, names: Mapping[str, str], worth: Counted) -> Line:
    return Line(one, names.get(one.account.agent_id or "", ""), worth.number, _worth(one, worth))


def _worth(one: Shown, sums: Counted) -> float | None:
    """None also where nobody has looked yet."""
    return savings.amount(sums) if one.account.last_sync_at else None


def _rank(line: Line) -> tuple[int, str]:
    """What cannot be used comes first."""
    return _ORDER[line.shown.account.status], line.shown.account.name.lower()


def _rights(permissions: Mapping[str, bool]) -> Sequence[Right]:
    """What is missing first."""
    return sorted(
        (Right(action, granted) for action, granted in permissions.items()), key=lambda one: (one.granted, one.action)
    )


def _names(known: Sequence[ListedAgent]) -> dict[str, str]:
    return {one.id: one.name for one in known}


def _choices(known: Sequence[ListedAgent], *, but: str | None = None) -> list[tuple[str, str]]:
    return [(one.id, f"{one.name} on {one.hostname}") for one in known if one.state == "active" and one.id != but]


def _act(visitor: Visitor) -> Act:
    return Act(visitor.email, utc_now())


def _unknown(account: str) -> Problem:
    return problems.not_found(f"There is no AWS account {account[:20]} here.")
