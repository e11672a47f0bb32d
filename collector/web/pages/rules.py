"""`/ui/settings/rules`: which alerts are told to whom, and when."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core.database import Database
from collector.core.problems import not_found
from collector.domain.access.rules import Act, check_name
from collector.domain.notifications import changes, rules, store
from collector.domain.notifications.hours import Digest, Hours
from collector.domain.notifications.rules import SEVERITIES, Terms
from collector.domain.notifications.store import Rule
from collector.domain.webhooks import store as webhooks
from collector.web import forms
from collector.web.auth import Reader, Visitor, may
from collector.web.filters import duration
from collector.web.pages import settings
from collector.web.pages.settings import told
from collector.web.rendering import done
from common.clock import utc_now

router = APIRouter(prefix=f"{settings.PREFIX}/rules", include_in_schema=False)

Changer = Annotated[Visitor, Depends(may("change_webhooks"))]
LIST = router.prefix
_MINUTE = 60
Minutes = Annotated[int, Field(ge=0, le=7 * 24 * 60)]
Clock = Annotated[str, Field(max_length=5)]


class Wanted(forms.Form):
    """`channels`, `escalate_to`: ids. `tags`: with commas between. Hours: both ends, or neither."""

    name: Annotated[str, Field(max_length=200)]
    channels: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    tags: Annotated[str, Field(max_length=2000)] = ""
    quiet_start: Clock = ""
    quiet_end: Clock = ""
    timezone: Annotated[str, Field(max_length=60)] = "UTC"
    digest: Literal["", "hour", "day"] = ""
    repeat_minutes: Minutes | None = None
    escalate_minutes: Minutes | None = None
    escalate_to: tuple[str, ...] = ()
    resolved: bool = False


class Row(NamedTuple):
    """A rule in words."""

    id: str
    name: str
    enabled: bool
    alerts: str
    channels: str
    when: Sequence[str]


_NAMES = {
    "repeat_s": "repeat_minutes",
    "escalate_after_s": "escalate_minutes",
    "quiet": "quiet_start",
    "quiet.start": "quiet_start",
    "quiet.end": "quiet_end",
    "quiet.timezone": "timezone",
}


@router.get("")
async def listed(request: Request, visitor: Reader, db: Gateway) -> Response:
    names = await _channels(db, visitor)
    rows = [row_of(one, names) for one in await db.read(store.all_rules, visitor.tenant)]
    return settings.page(request, "rules.html", visitor, rows=rows, channels=names)


@router.get("/new")
async def ask(request: Request, visitor: Changer, db: Gateway) -> Response:
    return await _form(request, visitor, db, None)


@router.post("")
async def add(request: Request, visitor: Changer, db: Gateway) -> Response:
    pairs = await forms.fields(request)
    try:
        form = forms.check(pairs, Wanted)
        with told(form, names=_NAMES):
            terms = terms_of(form, None)
            made = await db.write(changes.add, visitor.tenant, check_name(form.name), terms, _act(visitor))
    except forms.NotFilled as wrong:
        return await _form(request, visitor, db, None, wrong=wrong, pairs=pairs)
    return done(request, f"The rule {made.name} is added.", to=LIST)


@router.get("/{rule_id}")
async def one(rule_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    return await _form(request, visitor, db, await _found(db, visitor, rule_id))


@router.post("/{rule_id}")
async def change(rule_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    found, pairs, act = await _found(db, visitor, rule_id), await forms.fields(request), _act(visitor)
    try:
        form = forms.check(pairs, Wanted)
        with told(form, names=_NAMES):
            renamed, terms = found._replace(name=check_name(form.name)), terms_of(form, found.terms)
            await db.write(lambda conn: changes.change(conn, visitor.tenant, renamed, act, terms=terms))
    except forms.NotFilled as wrong:
        return await _form(request, visitor, db, found, wrong=wrong, pairs=pairs)
    return done(request, f"The rule {renamed.name} is changed.", to=LIST)


@router.post("/{rule_id}/{action}")
async def act_on(
    rule_id: str, action: Literal["enable", "disable", "remove"], request: Request, visitor: Changer, db: Gateway
) -> Response:
    found, act = await _found(db, visitor, rule_id), _act(visitor)
    if action == "remove":
        await db.write(changes.remove, visitor.tenant, found, act)
        return done(request, f"The rule {found.name} is removed.", to=LIST)
    await db.write(lambda conn: changes.enable(conn, visitor.tenant, found, act, enabled=action == "enable"))
    return done(request, f"The rule {found.name} is {action}d.", to=LIST)


def terms_of(form: Wanted, before: Terms | None) -> Terms:
    """Checked; ValueError names the field. What the form does not show of a rule stays as it was."""
    quiet = None
    if form.quiet_start or form.quiet_end:
        weekdays = before.quiet.weekdays if before and before.quiet else Hours().weekdays
        quiet = Hours(form.quiet_start, form.quiet_end, form.timezone, weekdays)
    kept = before.digest if before and before.digest else Digest("hour")
    terms = Terms(
        channels=form.channels,
        severities=tuple(one for one in SEVERITIES if one in form.severities),
        tags=tuple(dict.fromkeys(tag.strip() for tag in form.tags.split(",") if tag.strip())),
        hours=before.hours if before else None,
        quiet=quiet,
        digest=msgspec.structs.replace(kept, every=form.digest) if form.digest else None,
        repeat_s=form.repeat_minutes * _MINUTE if form.repeat_minutes else None,
        escalate_after_s=form.escalate_minutes * _MINUTE if form.escalate_minutes else None,
        escalate_to=form.escalate_to,
        resolved=form.resolved,
    )
    return rules.check(terms)


def row_of(one: Rule, names: Mapping[str, str]) -> Row:
    """`names`: what receivers are called."""
    terms = one.terms
    where = f" on connections tagged {', '.join(terms.tags)}" if terms.tags else ""
    return Row(
        id=one.id,
        name=one.name,
        enabled=one.enabled,
        alerts=f"{' and '.join(terms.severities)}{where}",
        channels=_named(terms.channels, names),
        when=_conditions(terms, names),
    )


def _conditions(terms: Terms, names: Mapping[str, str]) -> list[str]:
    said = []
    if terms.hours:
        said.append(f"of {_hours(terms.hours)}")
    if terms.quiet:
        said.append(f"quiet {_hours(terms.quiet)}")
    if terms.digest:
        said.append(
            "one summary an hour" if terms.digest.every == "hour" else f"one summary a day at {terms.digest.at}"
        )
    if terms.repeat_s:
        said.append(f"again every {duration(terms.repeat_s)}")
    if terms.escalate_after_s:
        said.append(f"after {duration(terms.escalate_after_s)} to {_named(terms.escalate_to, names)}")
    return said if terms.resolved else [*said, "without the end"]


def _hours(one: Hours) -> str:
    return f"{one.start} to {one.end} {one.timezone}"


def _named(ids: Sequence[str], names: Mapping[str, str]) -> str:
    return ", ".join(names.get(one, one) for one in ids)


def _as_given(terms: Terms) -> dict[str, str]:
    """What the form shows of a rule."""
    quiet = terms.quiet or Hours("", "")
    return {
        "tags": ", ".join(terms.tags),
        "quiet_start": quiet.start,
        "quiet_end": quiet.end,
        "timezone": quiet.timezone,
        "digest": terms.digest.every if terms.digest else "",
        "repeat_minutes": str(terms.repeat_s // _MINUTE) if terms.repeat_s else "",
        "escalate_minutes": str(terms.escalate_after_s // _MINUTE) if terms.escalate_after_s else "",
        "resolved": "true" if terms.resolved else "",
    }


async def _form(
    request: Request,
    visitor: Visitor,
    db: Database,
    found: Rule | None,
    *,
    wrong: forms.NotFilled | None = None,
    pairs: Sequence[tuple[str, str]] = (),
) -> Response:
    terms = found.terms if found else Terms(channels=())
    usual = _as_given(terms) | {"name": found.name if found else ""}
    chosen = {
        name: [value for key, value in pairs if key == name] if wrong else list(getattr(terms, name))
        for name in ("channels", "severities", "escalate_to")
    }
    return settings.page(
        request,
        "rule.html",
        visitor,
        status=422 if wrong else 200,
        rule=found,
        channels=await _channels(db, visitor),
        severities=SEVERITIES,
        chosen=chosen,
        errors=wrong.errors if wrong else {},
        given=dict(pairs) if wrong else usual,
    )


async def _channels(db: Database, visitor: Visitor) -> dict[str, str]:
    found = await db.read(webhooks.endpoints, visitor.tenant, ("webhook", "email", "syslog"))
    return {one.id: one.name for one in found}


async def _found(db: Database, visitor: Visitor, rule_id: str) -> Rule:
    found = next((one for one in await db.read(store.all_rules, visitor.tenant) if one.id == rule_id), None)
    if found is None:
        raise not_found()
    return found


def _act(visitor: Visitor) -> Act:
    return Act(visitor.email, utc_now())
