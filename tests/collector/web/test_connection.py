"""One connection: why its score is what it is, findings, values, runs; muting, acknowledging, having it run."""

import re
from collections.abc import AsyncIterator

import pytest

from collector.core.database import Database
from collector.domain.fleet import inspecting
from common.clock import utc_now
from tests.collector import accounts
from tests.collector.web import databases
from tests.collector.web.databases import Estate
from tests.collector.web.visiting import Visiting, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])


@pytest.fixture
async def estate(database: Database) -> Estate:
    return await databases.estate(database, (await accounts.account(database)).tenant)


@pytest.fixture
async def owner(database: Database, estate: Estate) -> AsyncIterator[Visiting]:
    async with visiting(database, tenant=estate.tenant) as made:
        yield made


async def test_the_overview_explains_the_score_so_that_it_adds_up(owner: Visiting, estate: Estate) -> None:
    text = await owner.page(f"/ui/connections/{estate.bad}")
    assert "Why 47" in text
    assert "While BACKUP_AGE is critical" in text
    taken = [float(number.replace("\u2212", "-")) for number in re.findall(r'"num">([\u2212+][\d.]+)</td>', text)]
    left = re.findall(r'"num">(\d+\.\d\d)</td>', text)[-1]
    assert len(taken) == 3
    assert round(100 + sum(taken), 2) == float(left)
    assert "19.22.0.0.0" in text
    assert "Tablespace is filling up" in text


async def test_a_connection_that_never_ran_says_what_happens_next(owner: Visiting, estate: Estate) -> None:
    text = await owner.page(f"/ui/connections/{estate.never}")
    assert "has not been checked yet" in text
    assert "Never run" in text
    for tab, words in (("findings", "No check has run"), ("metrics", "No values"), ("runs", "No run is kept")):
        assert words in await owner.page(f"/ui/connections/{estate.never}/{tab}")


async def test_findings_come_with_evidence_levels_and_what_mends_them(owner: Visiting, estate: Estate) -> None:
    text = await owner.page(f"/ui/connections/{estate.bad}/findings")
    assert text.index("No recent full backup") < text.index("Redo logs switch too often"), "the worst first"
    assert "<strong>96.4 %</strong> against warning at 85 %, critical at 95 %" in text
    assert "levels of this connection" in text
    assert "ALTER TABLESPACE &#34;USERS&#34; ADD DATAFILE" in text
    assert "PDB1.USERS" in text
    assert databases.GRANT in text
    assert "Needs the diagnostics pack" in text
    assert re.search(r'href="/ui/tickets/\d+"', text)
    assert "1 check without a finding" in text or "2 checks without a finding" in text


async def test_a_finding_is_muted_for_a_while_and_counts_again(
    owner: Visiting, estate: Estate, database: Database
) -> None:
    path = f"/ui/connections/{estate.bad}/findings"
    answer = await owner.send(f"{path}/BACKUP_AGE/mute", {"reason": "tape robot is being replaced", "span": "7d"})
    assert answer.headers["location"] == f"{path}#BACKUP_AGE"
    text = await owner.page(path)
    assert "1 muted finding" in text
    assert f"Muted by {owner.email}" in text
    (check,) = await database.read(inspecting.checks, estate.tenant, estate.bad, utc_now(), "BACKUP_AGE")
    assert check.mute is not None
    assert check.mute.expires_at is not None
    assert 6 <= (check.mute.expires_at - utc_now()).days <= 7
    assert "with everything counted the score would be 47" in await owner.page(f"/ui/connections/{estate.bad}")
    await owner.send(f"{path}/BACKUP_AGE/unmute")
    assert "muted finding" not in await owner.page(path)


async def test_a_mute_ends_when_it_is_told_to(owner: Visiting, estate: Estate, database: Database) -> None:
    path = f"/ui/connections/{estate.bad}/findings/BACKUP_AGE/mute"
    assert (await owner.send(path, {"reason": "known", "until": "2199-01-01T04:30"})).status_code == 303
    (check,) = await database.read(inspecting.checks, estate.tenant, estate.bad, utc_now(), "BACKUP_AGE")
    assert check.mute is not None
    assert f"{check.mute.expires_at}" == "2199-01-01 04:30:00+00:00"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"reason": "known", "until": "2001-01-01T00:00"}, "expected a time in the future"),
        ({"reason": "known", "until": "soon"}, "expected a time in the future"),
        ({"reason": "", "span": "1d"}, "missing; expected a value"),
        ({"reason": "a" * 501}, "1 to 500 printable characters"),
        ({"reason": "known", "span": "aeon"}, "Some fields cannot be used"),
    ],
)
async def test_a_mute_that_makes_no_sense_is_shown_again(
    owner: Visiting, estate: Estate, form: dict[str, str], words: str
) -> None:
    answer = await owner.send(f"/ui/connections/{estate.bad}/findings/BACKUP_AGE/mute", form)
    assert answer.status_code == 422
    assert words in answer.text
    assert form["reason"] in answer.text


async def test_a_finding_is_acknowledged_with_a_note_and_taken_back(owner: Visiting, estate: Estate) -> None:
    path = f"/ui/connections/{estate.bad}/findings"
    await owner.send(f"{path}/TABLESPACE_USED_PCT/acknowledge", {"reason": "<b>disk ordered</b>"})
    text = await owner.page(path)
    assert f"Acknowledged by {owner.email}" in text
    assert "&lt;b&gt;disk ordered&lt;/b&gt;" in text
    await owner.send(f"{path}/TABLESPACE_USED_PCT/unacknowledge")
    assert "disk ordered" not in await owner.page(path)
    assert (await owner.send(f"{path}/TABLESPACE_USED_PCT/unacknowledge")).status_code == 404
    assert (await owner.send(f"{path}/NO_SUCH/acknowledge", {"reason": "x"})).status_code == 404


async def test_values_are_drawn_with_a_table_beside_each(owner: Visiting, estate: Estate, database: Database) -> None:
    await databases.remember(database, estate.tenant, estate.bad)
    await databases.troubled(database, estate.tenant, estate.bad)
    for days in (7, 30, 90):
        text = await owner.page(f"/ui/connections/{estate.bad}/metrics?days={days}")
        assert "<svg" in text
        assert "after a gap" in text
        assert "Patch to 19.23" in text
        assert "Slow month-end reports" in text
    text = await owner.page(f"/ui/connections/{estate.bad}/metrics?category=tablespace")
    assert 'id="m-tablespace_used_pct"' in text
    assert 'id="m-sessions_used"' not in text
    assert "expected one of 7, 30, 90" in await owner.page(f"/ui/connections/{estate.bad}/metrics?days=8", status=400)


async def test_runs_are_listed_newest_first(owner: Visiting, estate: Estate) -> None:
    text = await owner.page(f"/ui/connections/{estate.bad}/runs")
    assert text.count("<tr>") == 6
    assert "2 critical" in text
    assert "On schedule" in text


async def test_all_checks_are_asked_for_once(owner: Visiting, estate: Estate) -> None:
    path = f"/ui/connections/{estate.bad}"
    assert "Run now" in await owner.page(path)
    assert (await owner.send(f"{path}/run")).status_code == 303
    text = await owner.page(path)
    assert "waiting for the agent" in text
    assert "Run now" not in text


async def test_a_region_that_renews_itself_is_sent_alone(owner: Visiting, estate: Estate) -> None:
    for tab in ("", "/metrics", "/runs", "/findings"):
        text = await owner.page(f"/ui/connections/{estate.bad}{tab}?part=state")
        assert "<html" not in text
        assert "PROD" in text
        await owner.page(f"/ui/connections/{estate.bad}{tab}?part=findings")


async def test_a_viewer_reads_and_changes_nothing(database: Database, estate: Estate) -> None:
    async with visiting(database, tenant=estate.tenant, role="viewer") as viewer:
        path = f"/ui/connections/{estate.bad}"
        for view in ("", "/findings"):
            assert "<form" not in (await viewer.page(path + view)).partition("<main")[2]
        for change in ("run", "findings/BACKUP_AGE/mute", "findings/BACKUP_AGE/acknowledge"):
            assert (await viewer.send(f"{path}/{change}", {"reason": "x"})).status_code == 403


async def test_another_tenants_connection_is_not_there(database: Database, estate: Estate) -> None:
    async with visiting(database) as stranger:
        for page in ("", "/findings", "/metrics", "/runs"):
            await stranger.page(f"/ui/connections/{estate.bad}{page}", status=404)
        for change in ("run", "findings/BACKUP_AGE/mute"):
            answer = await stranger.send(f"/ui/connections/{estate.bad}/{change}", {"reason": "x"})
            assert answer.status_code == 404
        await stranger.page("/ui/connections/0", status=404)
