"""Whoever is signed in is told that the collector has no room, and whoever could act, that it gets short."""

import re

import pytest

from collector.core.database import Database
from collector.core.room import Shortage
from collector.domain.access.rules import Role
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
NEAR = ["status", "The collector's disk is nearly full."]
FULL = ["alert", "The collector's disk is full."]


@pytest.mark.parametrize(
    ("shortage", "role", "told"),
    [
        ("none", "owner", []),
        ("near", "owner", NEAR),
        ("near", "admin", NEAR),
        ("near", "dba", []),
        ("near", "viewer", []),
        ("refused", "owner", FULL),
        ("refused", "viewer", FULL),
    ],
)
async def test_it_stands_above_the_page(database: Database, shortage: Shortage, role: Role, told: list[str]) -> None:
    async with visiting(database, role=role, shortage=shortage) as visitor:
        page = await visitor.page("/ui/fleet")
        help_ = await visitor.page("/ui/manual/operations")
    found = re.search(r'<p class="flash edge [a-z]+" role="([a-z]+)">.*?<b>([^<]*)</b>', page, re.DOTALL)
    assert (list(found.groups()) if found else []) == told
    assert ("/ui/manual/operations#disk" in page) == bool(told)
    assert 'id="disk"' in help_
