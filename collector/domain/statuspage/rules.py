"""Pure: what a status page shows, what may be asked of it, and what of an incident is news."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from collector.domain.services.rules import IMPACT, DataState, ServiceStatus, Severity, worst

EventKind = Literal["incidents", "maintenance"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
"""What a subscriber may want to hear of."""

SubscriberState = Literal["pending", "confirmed", "quarantined"]
MailState = Literal["pending", "sent", "dead"]
ItemKind = Literal["incident", "maintenance"]

HISTORY = timedelta(days=90)
"""How far back incidents and days are shown."""

LINK_GOOD_FOR = timedelta(hours=48)
ASK_AGAIN_AFTER = timedelta(minutes=10)
MOST_ASKED = 5
"""So often an address is asked to confirm; then it is left alone for as long as it takes to forget it."""
FORGET_PENDING_AFTER = timedelta(days=7)
QUARANTINE_AFTER = timedelta(days=5)
PURGE_AFTER = timedelta(days=30)
MOST_PENDING = 5_000
"""Addresses of one page that wait to be confirmed; one more, and the oldest is forgotten."""

MAX_TITLE = 120
MAX_TEXT = 2_000
MAX_SERVICES = 200
MAX_ADDRESS = 254
_ADDRESS = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    r"(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+"
)


class Page(NamedTuple):
    """A tenant's page as its readers know it, and whether there is one."""

    tenant_id: int
    slug: str
    enabled: bool
    title: str
    description: str
    feed_id: str
    updated_at: datetime


class Terms(NamedTuple):
    """What may be set of a page; an empty title: the tenant's name."""

    enabled: bool
    title: str
    description: str


class PublicService(NamedTuple):
    slug: str
    name: str
    description: str
    group: str
    status: ServiceStatus
    data_state: DataState


class Affected(NamedTuple):
    """A service that everybody may see; `impact` None: of a window."""

    slug: str
    name: str
    impact: ServiceStatus | None


class PublicUpdate(NamedTuple):
    id: int
    status: str
    message: str
    created_at: datetime


class PublicIncident(NamedTuple):
    id: int
    title: str
    description: str
    severity: Severity
    status: str
    services: Sequence[Affected]
    updates: Sequence[PublicUpdate]
    started_at: datetime
    resolved_at: datetime | None
    created_at: datetime

    @property
    def changed_at(self) -> datetime:
        """When something that everybody may read was said last."""
        said = [one.created_at for one in self.updates]
        return max([self.created_at, *said, *([self.resolved_at] if self.resolved_at else [])])


class PublicWindow(NamedTuple):
    id: int
    title: str
    description: str
    status: str
    services: Sequence[Affected]
    scheduled_start: datetime
    scheduled_end: datetime
    actual_start: datetime | None
    actual_end: datetime | None
    created_at: datetime

    @property
    def changed_at(self) -> datetime:
        return max(one for one in (self.created_at, self.actual_start, self.actual_end) if one is not None)


class Wishes(NamedTuple):
    """What a subscriber wants to hear of; no services: all of them."""

    services: Sequence[int]
    events: Sequence[EventKind]

    def want(self, kind: EventKind, services: Iterable[int]) -> bool:
        return kind in self.events and (not self.services or bool(set(self.services) & set(services)))


def overall(services: Iterable[PublicService], incidents: Iterable[PublicIncident]) -> ServiceStatus:
    """The worst of the services; an incident that names none of them counts by its severity."""
    of_services = [one.status for one in services]
    return worst([*of_services, *(IMPACT[one.severity] for one in incidents if not one.services)])


def digest_of_incident(one: PublicIncident) -> str:
    """Other than the last time: there is something to tell. A better word in the title is none."""
    said = [str(update.id) for update in one.updates]
    touched = sorted(f"{service.slug}={service.impact}" for service in one.services)
    return _digest([one.status, one.severity, *said, "", *touched])


def digest_of_window(one: PublicWindow) -> str:
    times = [one.scheduled_start.isoformat(), one.scheduled_end.isoformat()]
    return _digest([one.status, *times, *sorted(service.slug for service in one.services)])


def may_be_asked(asked_at: datetime, asked: int, now: datetime) -> bool:
    """Whether another mail may go to an address that has not confirmed."""
    waited = now - asked_at
    return waited >= (ASK_AGAIN_AFTER if asked < MOST_ASKED else FORGET_PENDING_AFTER)


def gives_up(failing_since: datetime | None, now: datetime) -> bool:
    return failing_since is not None and now - failing_since >= QUARANTINE_AFTER


def masked(email: str) -> str:
    """Enough to recognise one's own address."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}…@{domain[:1]}…{domain[domain.rfind('.') :] if '.' in domain else ''}"


def check_address(text: str) -> str:
    """Of the plain kind: other spellings would reach somebody in whose name nobody is counted."""
    address = text.strip().lower()
    if len(address) > MAX_ADDRESS or not _ADDRESS.fullmatch(address):
        raise ValueError(f"email: {text[:MAX_ADDRESS]!r}; expected an address such as ana@example.com")
    return address


def check_title(text: str) -> str:
    title = text.strip()
    if len(title) > MAX_TITLE or (title and not title.isprintable()):
        raise ValueError(f"title: {text[:MAX_TITLE]!r}; expected at most {MAX_TITLE} printable characters")
    return title


def check_description(text: str) -> str:
    if len(text) > MAX_TEXT or not all(one.isprintable() or one in "\r\n\t" for one in text):
        raise ValueError(
            f"description: {text[:MAX_TITLE]!r}; expected at most {MAX_TEXT} printable characters and line breaks"
        )
    return text.strip()


def check_events(words: Sequence[str]) -> tuple[EventKind, ...]:
    """Each once; all of them where none is given."""
    unknown = [word for word in words if word not in EVENT_KINDS]
    if unknown:
        raise ValueError(f"events: {unknown[0][:MAX_TITLE]!r}; expected some of {', '.join(EVENT_KINDS)}")
    return tuple(kind for kind in EVENT_KINDS if kind in words) or EVENT_KINDS


def check_services(slugs: Sequence[str], known: Mapping[str, int]) -> tuple[int, ...]:
    """Ids of public services; none for all."""
    if len(slugs) > MAX_SERVICES:
        raise ValueError(f"services: {len(slugs)}; expected at most {MAX_SERVICES} slugs")
    unknown = [slug for slug in slugs if slug not in known]
    if unknown:
        raise ValueError(f"services: {unknown[0][:MAX_TITLE]!r}; expected slugs of services of this page")
    return tuple(sorted({known[slug] for slug in slugs}))


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
