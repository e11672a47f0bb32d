"""`/api/v1/admin/alert-rules`: which alerts go to which channels, and when."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.outgoing import Body, Changer, Reader, checking
from collector.api.family import Gateway
from collector.core.problems import not_found
from collector.domain.access.rules import Act, check_name
from collector.domain.notifications import changes, hours, rules, store
from collector.domain.notifications.rules import Severity, Terms
from collector.domain.notifications.store import Rule
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin/alert-rules", tags=["Alert rules"])

Text = Annotated[str, Field(max_length=120)]
Names = Annotated[list[Text], Field(max_length=100)]


class Hours(Body):
    """An `end` that is not after `start` is on the next day; ISO weekdays, Monday 1, of the start."""

    start: Text = "00:00"
    end: Text = "00:00"
    timezone: Text = "UTC"
    weekdays: Annotated[list[int], Field(max_length=7)] = Field(default_factory=lambda: list(hours.EVERY_DAY))

    def made(self) -> hours.Hours:
        return hours.Hours(self.start, self.end, self.timezone, tuple(sorted(set(self.weekdays))))


class Digest(Body):
    every: Literal["hour", "day"]
    at: Text = "08:00"
    timezone: Text = "UTC"


class Wanted(Body):
    """`channels`, `escalateTo`: webhooks and channels by id or name. See the manual for what each field does."""

    name: Text
    channels: Names
    severities: Annotated[list[Severity], Field(max_length=2)] = Field(default_factory=lambda: list(rules.SEVERITIES))
    tags: Names = Field(default_factory=list)
    hours: Hours | None = None
    quiet: Hours | None = None
    digest: Digest | None = None
    repeatSeconds: int | None = None  # noqa: N815 - as the tuner document writes names
    escalateAfterSeconds: int | None = None  # noqa: N815 - likewise
    escalateTo: Names = Field(default_factory=list)  # noqa: N815 - likewise
    resolved: bool = True

    def terms(self) -> Terms:
        """Checked; ValueError names the field that cannot be used."""
        return rules.check(
            Terms(
                channels=tuple(self.channels),
                severities=tuple(dict.fromkeys(self.severities)),
                tags=tuple(self.tags),
                hours=self.hours.made() if self.hours else None,
                quiet=self.quiet.made() if self.quiet else None,
                digest=hours.Digest(self.digest.every, self.digest.at, self.digest.timezone) if self.digest else None,
                repeat_s=self.repeatSeconds,
                escalate_after_s=self.escalateAfterSeconds,
                escalate_to=tuple(self.escalateTo),
                resolved=self.resolved,
            )
        )


async def rule(rule_id: str, caller: Reader, db: Gateway) -> Rule:
    found = await db.read(changes.find, caller.tenant, rule_id)
    if found is None:
        raise not_found()
    return found


Found = Annotated[Rule, Depends(rule)]


@router.get("", summary="Alert rules")
async def alert_rules(caller: Reader, db: Gateway) -> Response:
    found = await db.read(store.all_rules, caller.tenant)
    return envelope.ok(envelope.listed("rules", [shown(row) for row in found]))


@router.post("", summary="Add an alert rule", status_code=201)
async def add_rule(body: Wanted, caller: Changer, db: Gateway) -> Response:
    with checking():
        name, terms = check_name(body.name), body.terms()
    with envelope.refusals():
        made = await db.write(changes.add, caller.tenant, name, terms, Act(caller.email, utc_now()))
    return envelope.ok(shown(made), status=201)


@router.get("/{rule_id}", summary="One alert rule")
async def one_rule(found: Found) -> Response:
    return envelope.ok(shown(found))


@router.put("/{rule_id}", summary="Replace what an alert rule says")
async def change_rule(body: Wanted, found: Found, caller: Changer, db: Gateway) -> Response:
    with checking():
        renamed, terms = found._replace(name=check_name(body.name)), body.terms()
    act = Act(caller.email, utc_now())
    with envelope.refusals():
        changed = await db.write(lambda conn: changes.change(conn, caller.tenant, renamed, act, terms=terms))
    return envelope.ok(shown(changed))


@router.delete("/{rule_id}", summary="Remove an alert rule")
async def remove_rule(found: Found, caller: Changer, db: Gateway) -> Response:
    await db.write(changes.remove, caller.tenant, found, Act(caller.email, utc_now()))
    return envelope.ok(None)


@router.post("/{rule_id}/enable", summary="Follow alerts from now on")
async def enable_rule(found: Found, caller: Changer, db: Gateway) -> Response:
    return await _enable(found, caller, db, enabled=True)


@router.post("/{rule_id}/disable", summary="Follow no alerts until it is enabled")
async def disable_rule(found: Found, caller: Changer, db: Gateway) -> Response:
    return await _enable(found, caller, db, enabled=False)


async def _enable(found: Rule, caller: Changer, db: Gateway, *, enabled: bool) -> Response:
    act = Act(caller.email, utc_now())
    changed = await db.write(lambda conn: changes.enable(conn, caller.tenant, found, act, enabled=enabled))
    return envelope.ok(shown(changed))


def shown(row: Rule) -> dict[str, object]:
    """As `Wanted` takes it, with what the collector knows beside."""
    terms = row.terms
    return {
        "id": row.id,
        "name": row.name,
        "enabled": row.enabled,
        "channels": terms.channels,
        "severities": terms.severities,
        "tags": terms.tags,
        "hours": _hours(terms.hours),
        "quiet": _hours(terms.quiet),
        "digest": _digest(terms.digest),
        "repeatSeconds": terms.repeat_s,
        "escalateAfterSeconds": terms.escalate_after_s,
        "escalateTo": terms.escalate_to,
        "resolved": terms.resolved,
        "created_at": row.created_at,
    }


def _hours(found: hours.Hours | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {"start": found.start, "end": found.end, "timezone": found.timezone, "weekdays": found.weekdays}


def _digest(found: hours.Digest | None) -> dict[str, object] | None:
    return None if found is None else {"every": found.every, "at": found.at, "timezone": found.timezone}
