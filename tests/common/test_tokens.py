"""Secrets: a typing error is seen without a query, and what is shown of them gives nothing away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import tokens


@pytest.mark.parametrize("kind", tokens.KINDS)
def test_a_minted_secret_is_well_formed_and_unique(kind: tokens.Kind) -> None:
    made = {tokens.mint(kind) for _ in range(50)}
    assert len(made) == 50
    assert all(tokens.well_formed(kind, text) and text.startswith(kind.prefix) for text in made)


@given(st.sampled_from(tokens.KINDS), st.integers(0, 60), st.sampled_from("0aZ_x"))
def test_one_wrong_character_is_noticed(kind: tokens.Kind, place: int, character: str) -> None:
    text = tokens.mint(kind)
    place = min(place, len(text) - 1)
    changed = text[:place] + character + text[place + 1 :]
    assert tokens.well_formed(kind, changed) == (changed == text)


@pytest.mark.parametrize("text", ["", "tv_api_", "ops_", "tv_api_short", "x" * 4000])
def test_other_texts_are_not_well_formed(text: str) -> None:
    assert not any(tokens.well_formed(kind, text) for kind in tokens.KINDS)


def test_the_displayed_prefix_is_eight_characters_after_the_kinds_own() -> None:
    text = tokens.mint(tokens.STATUS_TOKEN)
    assert tokens.display_prefix(tokens.STATUS_TOKEN, text) == text[4:12]
