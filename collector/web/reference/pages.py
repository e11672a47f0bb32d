"""The reference of each family, made once when it is first asked for, beside the loop that serves requests."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup, escape

from collector.web.reference import operations, snippets
from collector.web.reference.families import BY_NAME, About
from collector.web.reference.operations import Operation
from collector.web.rendering import environment

BASE = "https://collector.invalid"
"""Stands for the address under which a reader has found the collector."""

LANGUAGES = (("curl", "curl"), ("python", "Python"), ("javascript", "JavaScript"))

_CODE = re.compile(r"`([^`]+)`")

Document = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation, and what a page says of it."""

    operation: Operation
    html: str


@dataclass(frozen=True, slots=True)
class Section:
    """The operations of one resource."""

    title: str
    entries: Sequence[Entry]

    @property
    def anchor(self) -> str:
        return self.title.lower().replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Reference:
    """All of a family."""

    about: About
    sections: Sequence[Section]

    @property
    def size(self) -> int:
        return sum(len(one.entries) for one in self.sections)


class References:
    """By the name of the family."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = documents
        self._made = cache(self._make)

    async def of(self, name: str) -> Reference | None:
        """Half a second the first time, in a thread; then at once."""
        if name not in BY_NAME or name not in self._documents:
            return None
        return await asyncio.to_thread(self._made, name)

    def _make(self, name: str) -> Reference:
        return made(BY_NAME[name], json.loads(self._documents[name]()))


def made(about: About, document: Mapping[str, object]) -> Reference:
    found = operations.by_tag(operations.read(document))
    return Reference(about, [Section(title, [_entry(about, one) for one in rows]) for title, rows in found.items()])


def narrowed(reference: Reference, text: str) -> Reference:
    """What a reader looks for: every word of it somewhere in the operation."""
    words = text.lower().split()
    sections = [
        Section(one.title, [entry for entry in one.entries if entry.operation.has(words)]) for one in reference.sections
    ]
    return Reference(reference.about, [one for one in sections if one.entries])


def ticked(text: str) -> Markup:
    """Words between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def _entry(about: About, operation: Operation) -> Entry:
    html = environment.get_template("docs/operation.html").render(
        one=operation,
        snippets=snippets.of(operation, BASE, secret=about.needs_key(operation.path)),
        target=snippets.target_of(operation),
        languages=LANGUAGES,
        ticked=ticked,
    )
    return Entry(operation, html)
