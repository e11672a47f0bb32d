"""The journal of requests: bounded, written in groups, patient with a store that is away."""

import asyncio
from collections.abc import Mapping, Sequence

from collector.api import journal
from collector.api.journal import Journal
from collector.core.problems import StoreUnavailable
from collector.domain.activity.store import Entry
from common.clock import utc_now


class Shelf:
    """Keeps what it is given, or says that it cannot."""

    def __init__(self) -> None:
        self.away = False
        self.groups: list[dict[int, list[Entry]]] = []
        self.tried = asyncio.Event()

    async def keep(self, entries: Mapping[int, Sequence[Entry]]) -> None:
        self.tried.set()
        if self.away:
            raise StoreUnavailable("gone", "no store")
        self.groups.append({tenant: list(each) for tenant, each in entries.items()})

    def kept(self, tenant: int) -> list[object]:
        return [entry.properties.get("n", entry) for group in self.groups for entry in group.get(tenant, [])]


def entry(number: int) -> Entry:
    return Entry("api_request", {"n": number}, utc_now())


async def test_entries_are_written_together_and_in_their_order() -> None:
    shelf = Shelf()
    written = Journal(shelf.keep, every=0.01)
    for number in range(5):
        written.note(1, entry(number))
        written.note(2, entry(number))
    assert shelf.groups == []  # nobody waits for a write
    await asyncio.wait_for(shelf.tried.wait(), 10)
    assert len(shelf.groups) == 1
    assert shelf.kept(1) == shelf.kept(2) == [0, 1, 2, 3, 4]


async def test_many_entries_are_written_some_at_a_time_and_at_once() -> None:
    shelf = Shelf()
    written = Journal(shelf.keep, every=3600)
    for number in range(3 * journal.AT_ONCE):
        written.note(1, entry(number))
    for _ in range(50):
        await asyncio.sleep(0)
    assert [len(group[1]) for group in shelf.groups] == [journal.AT_ONCE] * 3
    assert shelf.kept(1) == list(range(3 * journal.AT_ONCE))


async def test_what_has_piled_up_is_written_in_few_turns_however_much_it_is() -> None:
    shelf = Shelf()
    written = Journal(shelf.keep, every=3600)
    for number in range(journal.MOST_WAITING):
        written.note(1, entry(number))
    await written.settle()
    sizes = [len(group[1]) for group in shelf.groups]
    assert max(sizes) == sizes[0] == journal.MOST_AT_ONCE
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) < journal.MOST_WAITING / journal.AT_ONCE / 3
    assert shelf.kept(1) == list(range(journal.MOST_WAITING))


async def test_a_store_that_is_away_is_not_asked_again_with_every_request() -> None:
    shelf = Shelf()
    shelf.away = True
    written = Journal(shelf.keep, every=3600)
    for number in range(2 * journal.AT_ONCE):
        written.note(1, entry(number))
    await asyncio.wait_for(shelf.tried.wait(), 10)
    shelf.tried.clear()
    for number in range(20):
        written.note(1, entry(number))
        await asyncio.sleep(0)
    assert not shelf.tried.is_set()
    await written.settle()


async def test_what_is_waiting_is_written_when_the_collector_stops() -> None:
    shelf = Shelf()
    written = Journal(shelf.keep, every=3600)
    for number in range(journal.MOST_AT_ONCE + 1):
        written.note(1, entry(number))
    await written.settle()
    assert shelf.kept(1) == list(range(journal.MOST_AT_ONCE + 1))


async def test_a_store_that_is_away_is_waited_for_and_what_had_to_be_dropped_is_counted() -> None:
    shelf = Shelf()
    shelf.away = True
    written = Journal(shelf.keep, every=0.01, most=3)
    for number in range(10):
        written.note(1, entry(number))
    await asyncio.wait_for(shelf.tried.wait(), 10)
    assert shelf.groups == []
    shelf.away = False
    await written.settle()
    *kept, gap = shelf.kept(1)
    assert kept == [0, 1, 2]
    assert isinstance(gap, Entry)
    assert (gap.action_type, gap.properties) == ("api_requests_dropped", {"count": 7, "by": "collector"})
    written.note(1, entry(10))
    await written.settle()
    assert shelf.kept(1)[-1] == 10


async def test_a_store_that_never_comes_back_does_not_keep_the_collector_from_stopping() -> None:
    shelf = Shelf()
    shelf.away = True
    written = Journal(shelf.keep, every=3600)
    written.note(1, entry(1))
    await written.settle()
    shelf.away = False
    await written.settle()
    assert shelf.groups == []
