"""`/ui/agents`: what reports here and how it is, approving, revoking, and enrolling a new one."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.admin.agents import MAX_HOURS, MAX_USES
from collector.api.family import Gateway
from collector.core.certificates import Announced
from collector.core.problems import Problem, Refusal, invalid, not_found
from collector.core.settings import Settings
from collector.domain.access.rules import Act
from collector.domain.agents import administration, instances, rules, watching
from collector.domain.agents.condition import CONDITIONS, Condition, Watched
from collector.domain.agents.store import NewToken
from collector.domain.agents.watching import Close
from collector.domain.assignments import rules as assignments
from collector.web import enrolling, forms, paging
from collector.web.auth import Reader, Visitor, may
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)

Changer = Annotated[Visitor, Depends(may("change_agents"))]
_ENROL = "agents/enrol.html"
_MAX_TEXT = 200
Text = Annotated[str, Query(max_length=_MAX_TEXT)]


class Wanted(forms.Form):
    """What the form for a token asks for; `approval`: agents wait for somebody to let them in."""

    uses: Annotated[int, Field(ge=1, le=MAX_USES)] = 1
    hours: Annotated[int, Field(ge=1, le=MAX_HOURS)] = 24
    approval: bool = False


class Accepted(forms.Form):
    """Which of the parked machines is the right one."""

    instance: Annotated[str, Field(max_length=64)]


@router.get("/ui/agents")
async def listed(request: Request, visitor: Reader, db: Gateway, status: Text = "", text: Text = "") -> Response:
    wanted = _condition(status)
    found = [one for one in await db.read(watching.watched, visitor.tenant) if _mentions(one, text.strip())]
    counts = Counter(one.condition for one in found)
    rows = sorted((one for one in found if _is_wanted(one, wanted)), key=_order)
    page = paging.page(paging.wanted(request), len(rows))
    begin = paging.offset(min(page.number, page.pages))
    return show(
        request,
        "agents/list.html",
        rows=rows[begin : begin + paging.ROWS],
        page=page,
        total=len(found),
        active=sum(1 for one in found if one.state != "revoked"),
        counts=[(one, counts[one]) for one in CONDITIONS if counts[one] or one == wanted],
        wanted=wanted,
        text=text.strip(),
    )


@router.get("/ui/agents/enrol")
async def enrol(request: Request, visitor: Changer, db: Gateway) -> Response:
    return await _asking(request, visitor, db)


@router.post("/ui/agents/enrol")
async def add_token(request: Request, visitor: Changer, db: Gateway) -> Response:
    """The secret is in this one answer, which nobody keeps, and in no address."""
    try:
        form = await forms.filled(request, Wanted)
    except forms.NotFilled as wrong:
        return await _asking(request, visitor, db, wrong)
    wanted = administration.Wanted(form.uses, timedelta(hours=form.hours), form.approval)
    made = await db.write(administration.add_token, visitor.tenant, wanted, Act(visitor.email, utc_now()))
    answer = _made(request, made, approval=form.approval)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/ui/agents/tokens/{token_id}/withdraw")
async def withdraw(token_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    if not await db.write(administration.withdraw_token, visitor.tenant, token_id, Act(visitor.email, utc_now())):
        raise not_found("There is no such token that could still be used.")
    return done(request, "The token is useless now.", to="/ui/agents/enrol")


@router.get("/ui/agents/{agent_id}")
async def one(agent_id: str, request: Request, visitor: Reader, db: Gateway) -> Response:
    found = await _close(db, visitor, agent_id)
    return show(request, "agents/one.html", close=found, agent=found.agent, applied=_applied(request, found))


@router.post("/ui/agents/{agent_id}/approve")
async def approve(agent_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    found = await _close(db, visitor, agent_id)
    try:
        await db.write(administration.approve, visitor.tenant, agent_id, Act(visitor.email, utc_now()))
    except Refusal:
        raise Problem(409, "conflict", "This agent does not wait for approval.") from None
    return done(request, f"{found.agent.name} is let in.")


@router.post("/ui/agents/{agent_id}/revoke")
async def revoke(agent_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    found = await _close(db, visitor, agent_id)
    await db.write(administration.revoke, visitor.tenant, agent_id, Act(visitor.email, utc_now()))
    return done(request, f"{found.agent.name} is shut out for good.")


@router.post("/ui/agents/{agent_id}/rotate")
async def rotate(agent_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    found = await _close(db, visitor, agent_id)
    try:
        await db.write(administration.rotate_key, visitor.tenant, agent_id, Act(visitor.email, utc_now()))
    except Refusal:
        raise Problem(409, "conflict", "Only an active agent can replace its key.") from None
    return done(request, f"{found.agent.name} replaces its key as soon as it hears of this.")


@router.post("/ui/agents/{agent_id}/again")
async def again(agent_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    """A token by which a rebuilt host becomes this agent again; as with others the secret is in this answer alone."""
    found = await _close(db, visitor, agent_id)
    wanted = administration.Wanted(1, rules.TOKEN_LIFETIME, requires_approval=False, agent_id=agent_id)
    try:
        made = await db.write(administration.add_token, visitor.tenant, wanted, Act(visitor.email, utc_now()))
    except Refusal:
        raise Problem(409, "conflict", "This agent was revoked for good.") from None
    answer = _made(request, made, approval=False, again=found.agent)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/ui/agents/{agent_id}/accept")
async def accept(agent_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    form = await forms.filled(request, Accepted)
    found = await _close(db, visitor, agent_id)
    act = Act(visitor.email, utc_now())
    try:
        await db.write(instances.accept, visitor.tenant, agent_id, form.instance, act)
    except Refusal:
        raise Problem(409, "conflict", "This machine is not parked any more.") from None
    return done(request, f"The machine that was parked is {found.agent.name} from now on.")


async def _asking(request: Request, visitor: Visitor, db: Gateway, wrong: forms.NotFilled | None = None) -> Response:
    tokens = await db.read(administration.tokens, visitor.tenant, utc_now())
    return show(
        request,
        _ENROL,
        status=422 if wrong else 200,
        tokens=tokens,
        place=_place(request),
        errors=wrong.errors if wrong else {},
        given=wrong.given if wrong else {},
    )


def _made(request: Request, made: NewToken, *, approval: bool, again: Watched | None = None) -> Response:
    place = _place(request)
    text = enrolling.command(place, made.secret, approval=approval, new_key=again is not None)
    return show(request, "agents/token.html", made=made, command=text, place=place, approval=approval, again=again)


def _place(request: Request) -> enrolling.Address:
    settings: Settings = request.app.state.settings
    ca: Callable[[], Announced] | None = request.app.state.ca
    return enrolling.address(settings, f"{request.url.scheme}://{request.url.netloc}", ca().pin if ca else "")


def _applied(request: Request, found: Close) -> bool:
    """Whether the agent follows the newest document."""
    settings: Settings = request.app.state.settings
    version = found.assigned.version if found.assigned else assignments.EMPTY.version
    return found.agent.beat.assignment == assignments.tag(version, settings.heartbeat_s)


async def _close(db: Gateway, visitor: Visitor, agent_id: str) -> Close:
    found = await db.read(watching.close, visitor.tenant, agent_id)
    if found is None:
        raise not_found("There is no such agent.")
    return found


def _condition(given: str) -> Condition | None:
    for one in CONDITIONS:
        if one == given:
            return one
    if given:
        raise invalid("status", given, f"one of {', '.join(CONDITIONS)}")
    return None


def _is_wanted(one: Watched, wanted: Condition | None) -> bool:
    """Who asks for nothing in particular is not shown what was shut out for good."""
    return one.condition == wanted if wanted else one.state != "revoked"


def _mentions(one: Watched, text: str) -> bool:
    words: Sequence[str] = (one.name, one.hostname, one.id)
    return any(text.casefold() in word.casefold() for word in words)


def _order(one: Watched) -> tuple[int, str, str]:
    return CONDITIONS.index(one.condition), one.name.casefold(), one.id
