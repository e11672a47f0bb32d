"""Pure: what has to change for a file to hold."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from collector.domain.configuration.document import SECTIONS, Document, Entry

Verb = Literal["add", "change", "remove"]


class Step(NamedTuple):
    """One change; `section` and `title` say of what."""

    verb: Verb
    section: str
    title: str


def plan(present: Document, wanted: Document, *, prune: bool) -> Sequence[Step]:
    """The steps, in an order in which each is possible: what rules tell is made before them and removed after them.

    Without `prune`, what the file does not name stays as it is.
    """
    made: list[Step] = []
    removed: list[Step] = []
    for section in SECTIONS:
        before, after = _by_title(present, section), _by_title(wanted, section)
        for title, entry in after.items():
            if title not in before:
                made.append(Step("add", section, title))
            elif before[title] != entry:
                made.append(Step("change", section, title))
        removed += [Step("remove", section, title) for title in before if prune and title not in after]
    return [*made, *reversed(removed)]


def entry_of(document: Document, step: Step) -> Entry:
    return _by_title(document, step.section)[step.title]


def _by_title(document: Document, section: str) -> dict[str, Entry]:
    entries: tuple[Entry, ...] = getattr(document, section)
    return {entry.title: entry for entry in entries}
