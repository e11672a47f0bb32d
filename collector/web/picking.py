"""Choosing services in a form: boxes where there are few; where there are many, those that a search finds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from collector.api.params import MAX_ID
from collector.core.database import Database
from collector.domain.services import store
from collector.domain.services.store import Words
from collector.web.auth import Visitor

FIELD = "service"
"""The name of the boxes."""

FIND = "find"
"""The name of the search, and what the button that asks for it says in `do`."""

SHOWN = 40


class Option(NamedTuple):
    """A service with its box."""

    id: int
    name: str
    slug: str
    chosen: bool
    impact: str = ""


@dataclass(frozen=True, slots=True)
class Picker:
    """What the form shows. `more`: so many were found beside; `searches`: there are too many to show all."""

    options: Sequence[Option]
    find: str
    more: int
    searches: bool


async def picker(db: Database, visitor: Visitor, chosen: Iterable[int], find: str = "") -> Picker:
    return picked(await db.read(store.words, visitor.tenant), set(chosen), find)


def picked(services: Sequence[Words], chosen: set[int], find: str) -> Picker:
    """The chosen ones first; all others where they are few, else those that the search finds."""
    marked = [_option(one, chosen) for one in services if one.id in chosen]
    others = [one for one in services if one.id not in chosen]
    searches = len(services) > SHOWN
    found = [one for one in others if _mentions(one, find.casefold())] if find or not searches else []
    shown = [_option(one, chosen) for one in found[:SHOWN]]
    return Picker([*marked, *shown], find, len(found) - len(shown), searches)


def numbers(pairs: Iterable[tuple[str, str]]) -> list[int]:
    """The boxes that are ticked, each once; what is no number was made by no page of ours, and is left out."""
    given = (value for name, value in pairs if name == FIELD and value.isascii() and value.isdigit())
    return list(dict.fromkeys(number for value in given if 0 < (number := int(value[:20])) <= MAX_ID))


def is_search(pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether the button of the search was pressed, and not that of the form."""
    return ("do", FIND) in pairs


def sought(pairs: Iterable[tuple[str, str]]) -> str:
    return next((value for name, value in pairs if name == FIND), "").strip()


def _option(one: Words, chosen: set[int]) -> Option:
    return Option(one.id, one.name, one.slug, one.id in chosen)


def _mentions(one: Words, text: str) -> bool:
    return any(text in word.casefold() for word in (one.name, one.slug, *one.tags))
