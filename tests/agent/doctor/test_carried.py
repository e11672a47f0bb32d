"""An agent whose records are carried: nothing is asked of a network, and what is missing for receipts is named."""

from pathlib import Path

import msgspec

from agent.doctor import way
from agent.identity import load_enrolment, save_enrolment
from tests.agent.doctor.grounds import bad, enrol, ground, seen


async def test_an_agent_enrolled_by_file_is_well_where_its_records_are_carried(tmp_path: Path) -> None:
    at = ground(tmp_path, link="carried")
    assert "enroll --request" in bad(await seen(way.LOOKS, at))["enrolment"].mend
    enrol(at, "")
    assert "no receipt can be applied" in bad(await seen(way.LOOKS, at))["enrolment"].detail
    known = load_enrolment(at.state)
    assert known is not None
    save_enrolment(at.state, msgspec.structs.replace(known, collector_key="x"))
    assert bad(await seen(way.LOOKS, at)) == {}


async def test_an_enrolment_by_file_without_an_address_needs_a_setting(tmp_path: Path) -> None:
    at = ground(tmp_path)
    enrol(at, "")
    assert 'link = "carried"' in bad(await seen(way.LOOKS, at))["way-settings"].mend
