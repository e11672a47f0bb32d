"""`If-Match`: a change is made only to what whoever asks for it has read."""

from collections.abc import Callable

from starlette.requests import Request

from collector.api.answer import etag_of
from collector.api.status import envelope
from collector.api.status.envelope import Item

HEADER = "If-Match"


def if_match(request: Request) -> Callable[[Item], None]:
    """Raises a conflict unless an item as it is shown now has one of the tags, where there are any."""
    given = ",".join(request.headers.getlist(HEADER))
    tags = {tag.strip().encode() for tag in given.split(",")} if given else set()

    def agree(item: Item) -> None:
        if tags and b"*" not in tags and etag_of(envelope.packed(item)) not in tags:
            raise envelope.conflict(f"{HEADER}: {given[:80]!r}; it has changed since, read it again")

    return agree
