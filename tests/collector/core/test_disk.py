"""How full the database is: what counts as too much, and what takes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core import disk, room
from collector.core.database import Database
from collector.core.room import State, Terms, Volume
from collector.core.settings import Settings
from common.errors import ConfigurationError
from common.settings import load

GIB = 2**30
SIZES = st.integers(0, 10**15)


@pytest.mark.parametrize(
    ("said", "size"),
    [("50GiB", 50 * GIB), ("1048576", 2**20), ("512 MiB", 2**29), ("2tib", 2**41), ("7B", 7), ("3KiB", 3072)],
)
def test_a_size_is_understood(said: str, size: int) -> None:
    assert room.bytes_of(said) == size


@pytest.mark.parametrize("said", ["", "50 GB", "-1", "1.5GiB", "many", "GiB"])
def test_another_size_is_refused_and_says_what_was_expected(said: str) -> None:
    with pytest.raises(ValueError, match="such as 50GiB"):
        room.bytes_of(said)


def test_a_setting_that_is_no_size_names_the_field(tmp_path: object) -> None:
    del tmp_path
    with pytest.raises(ConfigurationError, match=r"disk_budget.*50 GB.*such as 50GiB"):
        load(Settings, file=None, flags={"disk_budget": "50 GB"})
    assert Settings(disk_budget="50GiB").disk_terms == Terms(budget=50 * GIB)


@pytest.mark.parametrize(
    ("taken", "volume", "terms", "state", "by_reserve"),
    [
        (10 * GIB, Volume(100 * GIB, 80 * GIB), Terms(), "well", True),
        (88 * GIB, Volume(100 * GIB, 12 * GIB), Terms(), "near", True),  # 95 of 100 may be taken
        (96 * GIB, Volume(100 * GIB, 4 * GIB), Terms(), "over", True),
        (8 * GIB, Volume(10 * GIB, 2 * GIB), Terms(), "well", True),  # 1 GiB is to be left
        (8 * GIB, Volume(10 * GIB, GIB + 1), Terms(), "near", True),
        (8 * GIB, Volume(10 * GIB, 2 * GIB), Terms(reserve=3 * GIB), "over", True),
        (45 * GIB, Volume(1000 * GIB, 900 * GIB), Terms(budget=50 * GIB), "near", False),
        (51 * GIB, None, Terms(budget=50 * GIB), "over", False),
        (51 * GIB, None, Terms(), "well", True),
    ],
)
def test_how_full_it_is(taken: int, volume: Volume | None, terms: Terms, state: State, *, by_reserve: bool) -> None:
    fill = room.judged(taken, volume, terms)
    assert fill.state == state
    assert fill.limit is None or fill.by_reserve == by_reserve


def test_nothing_is_forgotten_for_the_sake_of_others_who_filled_the_volume() -> None:
    small = room.judged(2**20, Volume(100 * GIB, GIB), Terms())
    assert (small.state, small.can_shrink) == ("over", False)
    large = room.judged(60 * GIB, Volume(100 * GIB, GIB), Terms())
    assert (large.state, large.can_shrink) == ("over", True)


@given(SIZES, SIZES, SIZES, SIZES)
def test_a_larger_budget_never_makes_it_fuller(taken: int, free: int, budget: int, more: int) -> None:
    volume = Volume(max(free, 1), free)
    narrow = room.judged(taken, volume, Terms(budget, 0))
    wide = room.judged(taken, volume, Terms(budget + more, 0))
    assert wide.share <= narrow.share
    assert narrow.excess <= taken + free or narrow.state == "over"


async def test_what_takes_how_much_is_known_by_table(database: Database) -> None:
    found = await database.read(disk.by_table, heavy=True)
    assert {"tenant", "metric_point", "ticket"} <= set(found)
    assert not [name for name in found if name.startswith("metric_point_")]
    fill = await database.read(disk.measure, Terms(budget=GIB), heavy=True)
    assert 0 < sum(found.values()) <= fill.taken * 1.5
    assert fill.state == "well"
