"""Pure: the fields of the form of a schedule, and the document of the API that they make."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from collector.api.tuner import schedules as api
from collector.core.problems import Problem
from collector.domain.schedules.changes import Wanted
from collector.domain.schedules.store import Kept
from collector.web import forms
from common import schedule_document
from common.schedule_document import WindowError
from common.windows import resolve
from common.wire_aws import Window

_LOCAL = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:00)?", re.ASCII)
_FIELDS = {
    "accountId": "place",
    "region": "place",
    "tagRules": "tags",
    "resourceIds": "resources",
    "resourceTypes": "types",
    "startTime": "start",
    "stopTime": "stop",
    "weekdays": "weekday",
    "skipDates": "skip",
    "extraDates": "extra",
    "dryRun": "dry_run",
}
"""What the document calls a field -> what the form calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """As they were typed; nothing of it is checked."""

    name: str = ""
    type: str = "TAG_BASED"
    place: str = ""
    tags: str = ""
    resources: str = ""
    types: tuple[str, ...] = ()
    start: str = ""
    stop: str = ""
    timezone: str = ""
    weekday: tuple[str, ...] = ()
    skip: str = ""
    extra: str = ""
    options: tuple[str, ...] = ()
    do: str = ""

    def get(self, name: str, other: object = "") -> object:
        """As the macros of forms ask."""
        return getattr(self, name, other)


_SEVERAL = {"types", "weekday", "options"}
OPTIONS = ("dry_run", "enforce", "hibernate")


def read(pairs: Sequence[tuple[str, str]]) -> Fields:
    """The fields of a form that was sent; `NotFilled` names one that it does not have."""
    several: dict[str, list[str]] = {name: [] for name in _SEVERAL}
    single: dict[str, str] = {}
    for name, value in pairs:
        if name not in Fields.__slots__:
            raise forms.NotFilled({name[:80]: "not a field of this form"}, {})
        if name in several:
            several[name].append(value)
        else:
            single[name] = value.strip()
    return Fields(**single, **{name: tuple(values) for name, values in several.items()})  # type: ignore[arg-type]  # by name


def of(one: Kept) -> Fields:
    """A schedule that is there, to be changed."""
    window = schedule_document.parse(one.hours)
    return Fields(
        name=one.name,
        type=one.type,
        place=f"{one.account_id}/{one.region}",
        tags="\n".join(f"{key}={value}" for key, value in one.tag_rules.items()),
        resources="\n".join(one.resource_ids),
        types=tuple(one.resource_types),
        start=window.start or "",
        stop=window.stop or "",
        timezone=window.timezone,
        weekday=tuple(str(day) for day in window.weekdays),
        skip="\n".join(window.skip),
        extra="\n".join(window.extra),
        options=tuple(name for name in OPTIONS if getattr(one, name)),
    )


def new(zone: str) -> Fields:
    """What is offered first: office hours."""
    return Fields(
        types=("EC2", "RDS", "ASG"), start="07:00", stop="19:00", timezone=zone, weekday=("1", "2", "3", "4", "5")
    )


def window(fields: Fields) -> Window:
    """The hours alone; `NotFilled` names the field that cannot be used."""
    try:
        return schedule_document.parse(_hours(fields))
    except WindowError as error:
        name = _FIELDS.get(error.field, error.field)
        raise forms.NotFilled({name: f"expected {error.expected}"}, {}) from error


def wanted(fields: Fields) -> Wanted:
    """The schedule as the API takes it; `NotFilled` names every field that cannot be used."""
    tags, errors = _tags(fields)
    errors = {**_wrong(fields), **errors}
    try:
        made = _asked(_document(fields, tags))
    except forms.NotFilled as wrong:
        raise forms.NotFilled({**wrong.errors, **errors}, {}) from wrong
    if errors:
        raise forms.NotFilled(errors, {})
    return made


def instant(text: str, zone: str, field: str) -> datetime:
    """A wall time of a zone, as browsers write it."""
    match = _LOCAL.fullmatch(text)
    try:
        if match:
            return resolve(datetime.fromisoformat(match[1]).date(), match[2], ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # the 30th of February: refused below as well
    raise forms.NotFilled({field: f"expected a time of {zone} like 2026-11-23T18:00"}, {})


def _document(fields: Fields, tags: dict[str, str]) -> dict[str, Any]:
    account, _, region = fields.place.partition("/")
    return {
        "name": fields.name,
        "type": fields.type,
        "accountId": account,
        "region": region,
        "tagRules": tags,
        "resourceIds": fields.resources.split(),
        "schedule": _hours(fields),
        "resourceTypes": list(fields.types),
        "enforce": "enforce" in fields.options,
        "hibernate": "hibernate" in fields.options,
        "dryRun": "dry_run" in fields.options,
    }


def _wrong(fields: Fields) -> dict[str, str]:
    """What the document would say less clearly."""
    found: dict[str, str] = {}
    try:
        window(fields)
    except forms.NotFilled as wrong:
        found.update(wrong.errors)
    if "/" not in fields.place:
        found["place"] = "expected an account and a region"
    if not fields.types:
        found["types"] = "expected at least one of EC2, RDS and ASG"
    if not fields.name:
        found["name"] = "missing; expected a name"
    return found


def _asked(document: Mapping[str, Any]) -> Wanted:
    try:
        return api.wanted(api.NewSchedule(**document))
    except ValidationError as error:
        found = {_FIELDS.get(name, name): text for name, text in forms.errors_of(error).items()}
    except Problem as wrong:
        name = str(wrong.details.get("field", "")).removeprefix("schedule.")
        found = {_FIELDS.get(name, name): f"expected {wrong.details.get('expected', 'something else')}"}
    raise forms.NotFilled(found, {})


def _hours(fields: Fields) -> dict[str, Any]:
    given: dict[str, Any] = {
        "startTime": fields.start or None,
        "stopTime": fields.stop or None,
        "timezone": fields.timezone,
        "weekdays": [int(day) for day in fields.weekday if day.isdecimal() and day.isascii()],
        "skipDates": fields.skip.replace(",", " ").split(),
        "extraDates": fields.extra.replace(",", " ").split(),
    }
    return {key: value for key, value in given.items() if value not in (None, [])}


def _tags(fields: Fields) -> tuple[dict[str, str], dict[str, str]]:
    """The tags, and what is wrong with them."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, fields.tags.splitlines())):
        key, sign, value = (part.strip() for part in line.partition("="))
        if not sign or not key:
            return {}, {"tags": f"`{line[:60]}`; expected one tag a line, like Environment=Dev"}
        if key in found:
            return {}, {"tags": f"`{key[:60]}` is there twice; expected each tag once"}
        found[key] = value
    return found, {}
