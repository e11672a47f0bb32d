"""Pure: what keeps a resource as it is for a while, said by the API or by the resource's own tags."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from common.clock import iso
from common.wire_aws import Override

SKIP_TAG = "fieldpost:skip"
_KEEP_TAGS: dict[str, Literal["running", "stopped"]] = {
    "fieldpost:keep-running-until": "running",
    "fieldpost:keep-stopped-until": "stopped",
}
_SPAN = re.compile(r"\+([0-9]{1,4})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Hold:
    """A resource is left as it is; for good without `until`."""

    keep: Literal["running", "stopped", "as_is"]
    until: datetime | None
    origin: str

    def __str__(self) -> str:
        end = f"until {iso(self.until)}" if self.until else "for good"
        return f"kept {self.keep.replace('_', ' ')} {end} ({self.origin})"


@dataclass(frozen=True, slots=True)
class Read:
    """The holds that are or will be over, and what was said and cannot be followed."""

    holds: tuple[Hold, ...]
    ignored: tuple[str, ...] = ()

    def active(self, now: datetime) -> Hold | None:
        """The one that lasts longest, of those that have not ended."""
        lasting = [hold for hold in self.holds if hold.until is None or hold.until > now]
        return max(lasting, key=lambda hold: (hold.until is None, hold.until or now), default=None)

    def expired(self, now: datetime) -> tuple[Hold, ...]:
        return tuple(hold for hold in self.holds if hold.until is not None and hold.until <= now)


def from_api(overrides: Iterable[Override]) -> Read:
    """What the collector passed on for one resource."""
    return Read(tuple(Hold(one.keep, one.until, f"by {one.by}" if one.by else "API") for one in overrides))


def from_tags(tags: Mapping[str, str], *, first_seen: Mapping[str, datetime], zone: ZoneInfo) -> Read:
    """What the tags say. `+4h` counts from when `tag=value` was first seen; a time without offset is one of `zone`."""
    holds, ignored = [], []
    for tag, keep in _KEEP_TAGS.items():
        value = tags.get(tag, "").strip()
        until = _until(value, first_seen.get(f"{tag}={value}"), zone)
        if until is not None:
            holds.append(Hold(keep, until, tag))
        elif value:
            ignored.append(f"{tag}: `{value}`; expected a time like 2026-03-08T20:00:00Z, or +4h")
    skip = tags.get(SKIP_TAG, "").strip().lower()
    if skip == "true":
        holds.append(Hold("as_is", None, SKIP_TAG))
    elif skip not in ("", "false"):
        ignored.append(f"{SKIP_TAG}: `{skip}`; expected true or false")
    return Read(tuple(holds), tuple(ignored))


def together(*reads: Read) -> Read:
    """All holds of one resource."""
    return Read(
        tuple(hold for read in reads for hold in read.holds), tuple(note for read in reads for note in read.ignored)
    )


def _until(value: str, seen: datetime | None, zone: ZoneInfo) -> datetime | None:
    span = _SPAN.fullmatch(value)
    if span:
        return None if seen is None else seen + int(span[1]) * _UNITS[span[2]]
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
