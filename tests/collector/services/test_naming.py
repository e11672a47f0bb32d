"""Slugs are plain, short and free; what people write about services is checked field by field."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.domain.services import naming
from tests.collector.builders import T0


@given(names=st.lists(st.text(max_size=90), max_size=40))
def test_every_name_gets_a_slug_that_nobody_else_has(names: list[str]) -> None:
    taken: set[str] = set()
    for name in names:
        slug = naming.slug_of(name, taken)
        assert naming.check_slug(slug) == slug
        assert slug not in taken
        taken.add(slug)


@given(name=st.from_regex(r"[a-z0-9]{1,20}(-[a-z0-9]{1,10}){0,3}", fullmatch=True), number=st.integers(1, 10**18))
def test_a_slug_is_its_own_and_one_that_was_given_up_is_none(name: str, number: int) -> None:
    assert naming.slug_of(name) == name
    with pytest.raises(ValueError, match="slug: "):
        naming.check_slug(naming.released(name, number))


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Main API", "main-api"),
        ("Zahlung Österreich", "zahlung-osterreich"),
        ("日本", "service"),
        ("--", "service"),
        ("A" * 80, "a" * 60),
        ("PROD_DB.01", "prod-db-01"),
    ],
)
def test_a_name_becomes_a_slug_of_plain_letters(name: str, slug: str) -> None:
    assert naming.slug_of(name) == slug


@pytest.mark.parametrize("text", ["", "Main", "a--b", "-a", "a-", "a b", "ä", "a" * 61, "a~1"])
def test_what_is_no_slug_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"slug: .*; expected 1 to 60 lower-case"):
        naming.check_slug(text)


def test_lines_and_texts_are_printable_and_short() -> None:
    assert naming.check_line("name", "  Main API ") == "Main API"
    assert naming.check_line("group", " ", empty=True) == ""
    assert naming.check_text("description", "one\n\ttwo") == "one\n\ttwo"
    for bad in ("", " ", "a\nb", "a" * 121):
        with pytest.raises(ValueError, match="name: "):
            naming.check_line("name", bad)
    for bad in ("\x00", "a" * 2001):
        with pytest.raises(ValueError, match="description: "):
            naming.check_text("description", bad)


def test_tags_and_parts_are_taken_once_in_their_order() -> None:
    assert naming.check_tags(["b", "a", "b"]) == ["b", "a"]
    assert naming.check_parts([3, 1, 3]) == [3, 1]
    assert naming.together(["mine", "eu"], ["pci", "eu"]) == ["pci", "eu", "mine"]
    for bad in (["x" * 65], [""], [" a"], ["a\n"], [str(n) for n in range(51)]):
        with pytest.raises(ValueError, match="tags: "):
            naming.check_tags(bad)
    for wrong in ([0], [2**63], list(range(1, 202))):
        with pytest.raises(ValueError, match="parts: "):
            naming.check_parts(wrong)


def test_a_service_counts_from_the_past_and_a_pin_ends_within_a_day() -> None:
    day = timedelta(days=1)
    assert naming.check_since(T0, T0) == T0
    assert naming.check_until(T0 + day, T0) == T0 + day
    first = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
    for bad in (T0 + timedelta(seconds=1), T0.replace(tzinfo=None), first):
        with pytest.raises(ValueError, match="since: "):
            naming.check_since(bad, T0)
    bads: list[datetime] = [T0, T0 + day + timedelta(seconds=1), (T0 + day / 2).replace(tzinfo=None)]
    for bad in bads:
        with pytest.raises(ValueError, match="until: "):
            naming.check_until(bad, T0)
