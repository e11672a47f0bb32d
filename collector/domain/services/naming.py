"""Pure: what services are called, and what people may write about them."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

MAX_SLUG = 60
MAX_NAME = 120
MAX_TEXT = 2000
MAX_TAG = 64
MAX_TAGS = 50
MAX_PARTS = 200
MAX_ID = 2**63 - 1
LONGEST_PIN = timedelta(hours=24)
GONE = "removed-service"
"""The slug of what is gone: its own may be that of another service by now."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Before anything that is watched could have been: what is near the beginning of all dates is none in every zone."""

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_OTHER = re.compile(r"[^a-z0-9]+", re.ASCII)
_NAMELESS = "service"


def slug_of(name: str, taken: Collection[str] = ()) -> str:
    """A slug for that name which nobody has: `-2` and up where it is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _OTHER.sub("-", plain).strip("-")[:MAX_SLUG].strip("-") or _NAMELESS
    number, free = 1, slug
    while free in taken:
        number += 1
        suffix = f"-{number}"
        free = slug[: MAX_SLUG - len(suffix)].rstrip("-") + suffix
    return free


def released(slug: str, service_id: int) -> str:
    """What is no slug any more, so that others may have it."""
    return f"{slug}~{service_id}"


def shown(slug: str, name: str, removed_at: datetime | None) -> tuple[str, str]:
    """What is told of a service that something of the past names, also when it is gone."""
    return (slug, name) if removed_at is None else (GONE, f"{name} (removed service)")


def check_slug(text: str) -> str:
    if len(text) > MAX_SLUG or not _SLUG.fullmatch(text):
        expected = f"1 to {MAX_SLUG} lower-case letters, digits and single hyphens between them"
        raise ValueError(f"slug: {text[:MAX_SLUG]!r}; expected {expected}")
    return text


def check_line(field: str, text: str, *, empty: bool = False) -> str:
    """One line that people read: trimmed, printable."""
    line = text.strip()
    if len(line) > MAX_NAME or not line.isprintable() or not (line or empty):
        least = "at most" if empty else "1 to"
        raise ValueError(f"{field}: {text[:MAX_NAME]!r}; expected {least} {MAX_NAME} printable characters")
    return line


def check_text(field: str, text: str) -> str:
    """Lines that people read."""
    if len(text) > MAX_TEXT or not all(character.isprintable() or character in "\n\t" for character in text):
        raise ValueError(f"{field}: {text[:MAX_NAME]!r}; expected at most {MAX_TEXT} characters of text")
    return text


def check_tags(tags: Sequence[str]) -> list[str]:
    """Each once, in the order in which they were given."""
    if len(tags) > MAX_TAGS:
        raise ValueError(f"tags: {str(len(tags))!r}; expected at most {MAX_TAGS} of them")
    for tag in tags:
        if not 0 < len(tag) <= MAX_TAG or not tag.isprintable() or tag != tag.strip():
            raise ValueError(f"tags: {tag[:MAX_TAG]!r}; expected 1 to {MAX_TAG} printable characters each")
    return list(dict.fromkeys(tags))


def check_parts(parts: Sequence[int]) -> list[int]:
    """Each once, in the order in which they were given."""
    if len(parts) > MAX_PARTS:
        raise ValueError(f"parts: {str(len(parts))!r}; expected at most {MAX_PARTS} of them")
    if strange := [part for part in parts if not 0 < part <= MAX_ID]:
        raise ValueError(f"parts: {str(strange[0])!r}; expected ids of services")
    return list(dict.fromkeys(parts))


def check_since(since: datetime, now: datetime) -> datetime:
    if since.tzinfo is None or not EARLIEST <= since <= now:
        raise ValueError(
            f"since: {since.isoformat()!r}; expected a time in the past from {EARLIEST.year} on, with its zone"
        )
    return since


def check_until(until: datetime, now: datetime) -> datetime:
    if until.tzinfo is None or not now < until <= now + LONGEST_PIN:
        hours = LONGEST_PIN // timedelta(hours=1)
        raise ValueError(f"until: {until.isoformat()!r}; expected a time in the next {hours} hours, with its zone")
    return until


def together(own: Sequence[str], others: Sequence[str]) -> list[str]:
    """The tags of a service: those of its source, then its own."""
    return list(dict.fromkeys([*others, *own]))
