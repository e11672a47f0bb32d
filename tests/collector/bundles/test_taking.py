"""Bundles at the collector: what is stored, what is refused, and what the receipts say."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.core.database import Database
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity.tables import activity_entry
from collector.domain.agents import administration, keys
from collector.domain.agents.tables import agent, agent_instance, bundle_import
from collector.domain.bundles import answering, rules, taking
from collector.domain.results.tables import connection, run
from common import bundle
from common.identity import Origin, PrivateKey
from common.wire import Kind
from tests.collector import builders
from tests.collector.builders import T0, outcome
from tests.collector.bundles.carrying import DAY, KEY, MINUTE, Site


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    (tmp_path / "spool").mkdir()
    made = Site(database, await builders.agent(database), tmp_path / "spool")
    made.say(Kind.INVENTORY, builders.inventory("PROD"))
    yield made
    made.spool.close()


def visits(site: Site, *minutes: int) -> None:
    for minute in minutes:
        site.visit(T0 + minute * MINUTE, outcome("A"))


async def test_a_bundle_is_stored_once_however_often_it_comes(site: Site) -> None:
    visits(site, 1, 2, 3)
    site.say(Kind.HEARTBEAT, builders.heartbeat(bundle_every_s=86_400))
    content = site.export()
    first, _ = await site.bring(content)
    assert (first.new, first.dup, first.rejected) == (5, 0, 0)
    again, _ = await site.bring(content)
    assert (again.new, again.dup) == (0, 5)
    assert (await site.look(content)).again == T0
    assert len(await site.all(run)) == 3
    (came,) = await site.all(bundle_import)
    assert (came.number, came.records) == (1, 5)
    assert (await site.all(agent))[0].bundle_every_s == 86_400
    entry = next(one for one in await site.all(activity_entry) if one.action_type == "bundle_imported")
    assert (entry.properties["number"], entry.properties["by"], entry.properties["new"]) == (1, "cli", 5)


async def test_bundles_come_in_any_order_and_those_that_never_came_are_named(site: Site) -> None:
    contents = []
    for minute in range(1, 5):
        visits(site, minute)
        contents.append(site.export())
    _, outlook = await site.bring(contents[3])
    assert outlook.unseen == (1, 2, 3)
    assert outlook.missing
    _, outlook = await site.bring(contents[1])
    assert outlook.unseen == (1, 3)
    missing = [span for place, span in bundle.spread(outlook.missing) if place.stream == "bulk"]
    assert missing == [(1, 1), (3, 3)]
    for content in (contents[0], contents[2]):
        _, outlook = await site.bring(content)
    assert (outlook.unseen, outlook.missing) == ((), ())
    assert [one.name for one in await site.all(connection)] == ["PROD"]


async def test_a_lost_bundle_is_made_up_for_by_the_overlap_of_the_next(site: Site) -> None:
    visits(site, 1)
    site.export()
    visits(site, 2)
    counts, outlook = await site.bring(site.export(overlap=3))
    assert counts.new == 3
    assert (outlook.unseen, outlook.missing) == ((1,), ())


async def test_a_receipt_covers_every_import_so_far_and_frees_the_spool(site: Site) -> None:
    for minute in (1, 2):
        visits(site, minute)
        await site.bring(site.export())
    receipt, freed = site.apply(await site.receipt())
    assert freed.forgotten == 3
    assert site.spool.state().records == 0
    assert (receipt.newest, receipt.unseen, receipt.missing) == (2, (), ())
    assert receipt.assignment.version.endswith(".60")
    assert receipt.assignment.collector_key == KEY.public.text


async def test_what_the_collector_misses_goes_with_the_bundle_after_the_receipt(site: Site) -> None:
    visits(site, 1)
    await site.bring(site.export())
    visits(site, 2)
    site.export()
    visits(site, 3)
    await site.bring(site.export())
    receipt, _ = site.apply(await site.receipt())
    assert receipt.unseen == (2,)
    assert site.spool.state().records == 1
    counts, outlook = await site.bring(site.export())
    assert (counts.new, outlook.missing) == (1, ())
    assert len(await site.all(run)) == 3


async def test_rejected_records_come_back_with_their_reason(site: Site) -> None:
    site.spool.append("run", T0, {"no": "run"})
    await site.bring(site.export())
    receipt, freed = site.apply(await site.receipt())
    assert freed.buried == 1
    (letter,) = site.spool.dead_letters()
    assert letter.code == "malformed"
    assert receipt.refused[0].rejections[0].seq == letter.seq


async def test_receipts_are_numbered_upwards_whatever_the_clock_says(site: Site) -> None:
    numbers = []
    for days in (0, 1, -3):
        site.clock.at = T0 + days * DAY
        wanted = answering.Wanted(site.here.id, 60, KEY.public.text)
        numbers.append((await site.db.write(answering.receipt, wanted, Act("cli", site.clock.at))).number)
    assert numbers == sorted(set(numbers))


async def test_gaps_are_not_missed_for_ever(site: Site) -> None:
    visits(site, 1, 2)
    site.spool.carry(lambda file: file.number_all(after=T0))
    site.clock.at += 8 * DAY  # older than the spool keeps, and nobody came
    site.visit(site.clock.at, outcome("A"))
    _, outlook = await site.bring(site.export())
    assert outlook.missing == ()


# --- refused -------------------------------------------------------------------------------------------------------


async def refused(site: Site, content: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        await site.bring(content)
    assert await site.all(run) == []
    assert await site.all(bundle_import) == []
    return str(caught.value)


async def test_the_bundle_of_an_agent_that_is_not_known_is_refused(site: Site) -> None:
    visits(site, 1)
    site.here = builders.AgentHere(site.here.tenant, "agt_elsewhere", site.here.key)
    assert "for another collector" in await refused(site, site.export())


async def test_the_bundle_of_a_revoked_agent_is_refused(site: Site) -> None:
    visits(site, 1)
    content = site.export()
    await site.db.write(administration.revoke, site.here.tenant, site.here.id, Act("ana", T0))
    assert "was revoked" in await refused(site, content)
    with pytest.raises(Refusal, match="revoked, expected one that is active"):
        await site.receipt()


async def test_a_bundle_signed_by_a_foreign_key_is_refused(site: Site) -> None:
    visits(site, 1)
    site.here = builders.AgentHere(site.here.tenant, site.here.id, PrivateKey.generate())
    assert "has not registered the key" in await refused(site, site.export())


async def test_a_bundle_signed_by_a_key_that_was_retired_is_refused(site: Site) -> None:
    visits(site, 1)
    content = site.export()
    new = PrivateKey.generate()
    await site.db.write(keys.replace_all, site.here.tenant, site.here.id, new.public, T0)
    assert "was retired" in await refused(site, content)
    site.here = builders.AgentHere(site.here.tenant, site.here.id, new)
    assert (await site.bring(site.export(everything=True)))[0].new == 2


async def test_a_manifest_for_which_somebody_else_has_signed_is_refused(site: Site) -> None:
    visits(site, 1)
    opened = bundle.opened(io.BytesIO(site.export()))
    forged = opened.signed.replace(b'"number":1', b'"number":2')
    made = bundle.of_manifest(forged, opened.signature)
    with pytest.raises(Refusal, match="signature"):
        await site.db.write(lambda conn: taking.welcome(conn, made, heartbeat_s=60, now=T0))


async def test_the_bundle_of_a_parked_machine_is_refused_and_nothing_of_it_is_stored(site: Site) -> None:
    visits(site, 1)
    await site.bring(site.export())
    site.origin = Origin("instance-2", "host-2", "boot-2")
    visits(site, 2)
    welcome = await site.look(site.export())
    assert "two machines" in welcome.refusal
    assert len(await site.all(run)) == 1
    assert [one.parked_at is not None for one in await site.all(agent_instance)] == [False, True]


async def test_a_bundle_of_an_earlier_start_that_comes_later_parks_nobody(site: Site) -> None:
    contents = []
    for number in range(4):
        site.origin = Origin(f"instance-{number // 2}", "host-1", "boot-1")
        visits(site, number)
        site.clock.at += DAY
        contents.append(site.export())
    for index in (3, 0, 2, 1):
        site.clock.at += MINUTE
        await site.bring(contents[index])
    assert [one for one in await site.all(agent_instance) if one.parked_at] == []
    assert len(await site.all(run)) == 4


def test_the_bundles_that_never_came_are_those_below_the_newest() -> None:
    assert rules.unseen([]) == ()
    assert rules.unseen([3, 2, 1]) == ()
    assert rules.unseen([5, 2, 2]) == (1, 3, 4)
    assert rules.unseen([5_000]) == tuple(range(4_000, 5_000))


def test_an_agent_that_began_anew_is_not_held_to_its_earlier_numbers() -> None:
    assert rules.unseen([3, 1, 40, 39]) == (2,)
