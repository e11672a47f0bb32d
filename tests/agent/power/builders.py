"""Small makers of what is decided about."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent.power.decision import Term
from agent.power.resource import Database, Instance, Observed, Resource
from common.wire_aws import Schedule, Window

OFFICE = Window(timezone="UTC", weekdays=(1, 2, 3, 4, 5), start="08:00", stop="20:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(window: Window = OFFICE, **given: Any) -> Schedule:
    return Schedule(
        schedule=given.pop("id", "s1"),
        name="office",
        account="111122223333",
        region="eu-west-1",
        window=window,
        resource_types=("EC2", "RDS"),
        **given,
    )


def terms(window: Window = OFFICE, **given: Any) -> tuple[Term, ...]:
    return (Term(schedule(window, **given)),)


def instance(state: Observed = "RUNNING", *, tags: Mapping[str, str] | None = None, **kind: Any) -> Resource:
    return Resource(id="i-1", type="EC2", state=state, kind=Instance(**kind), tags=tags or {})


def database(state: Observed = "RUNNING", **kind: Any) -> Resource:
    return Resource(id="db-1", type="RDS", state=state, kind=Database(**kind))
