"""The manual of the status family: its scopes, limits and keys are those of the code."""

import re
from pathlib import Path

from collector.api.status.auth import ANONYMOUS_PER_MINUTE, DOCUMENT
from collector.api.status.params import MAX_LIMIT
from collector.core.settings import Settings
from collector.domain.access.rules import SCOPES
from common import tokens

PAGE = (Path(__file__).parents[2] / "docs" / "api-status.md").read_text()


def test_every_scope_is_described() -> None:
    assert tuple(re.findall(r"^\| `([a-z]+:[a-z]+)` \|", PAGE, re.MULTILINE)) == SCOPES


def test_the_figures_are_those_of_the_code() -> None:
    limit: int = Settings.model_fields["status_requests_per_minute"].default
    assert f"{limit} requests a minute" in PAGE
    assert f"{ANONYMOUS_PER_MINUTE} a\nminute" in PAGE
    assert f"over the maximum ({MAX_LIMIT})" in PAGE
    assert f"`GET {DOCUMENT}`" in PAGE


def test_the_pattern_for_scanners_finds_every_token() -> None:
    (pattern,) = re.findall(r"`(ops_\[.*?\}?)`", PAGE)
    assert all(re.fullmatch(pattern, tokens.mint(tokens.STATUS_TOKEN)) for _ in range(20))
