"""Pure: what both programs answer to `schedule preview`."""

from datetime import UTC, datetime, timedelta

import msgspec

from common.clock import iso
from common.schedule_document import WindowError, parse
from common.windows import edges

_FIRST = datetime(1970, 1, 10, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)
_LONGEST = timedelta(days=3660)


class PreviewError(ValueError):
    """What was asked for cannot be answered; the message names the option, the value and what was expected."""


def instant(option: str, text: str) -> datetime:
    """ISO 8601; UTC where it names no offset."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PreviewError(f"{option}: `{text}`; expected ISO 8601 like 2026-03-08T00:00:00Z") from None
    if not _FIRST <= moment <= _LAST:
        raise PreviewError(f"{option}: `{text}`; expected an instant from {iso(_FIRST)} to {iso(_LAST)}")
    return moment


def preview(document: bytes, start: datetime, end: datetime) -> list[dict[str, str]]:
    """Every edge of a schedule from `start` on and before `end`, as it is printed."""
    if end <= start:
        raise PreviewError(f"--to: `{iso(end)}`; expected an instant after --from, {iso(start)}")
    if end - start > _LONGEST:
        raise PreviewError(f"--to: `{iso(end)}`; expected at most {_LONGEST.days} days after --from")
    try:
        window = parse(msgspec.json.decode(document))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PreviewError(f"--file: not JSON ({error}); expected the `schedule` object of the API") from None
    except WindowError as error:
        raise PreviewError(f"--file: {error}") from None
    return [{"at": iso(edge.at), "action": edge.action} for edge in edges(window, start, end)]
