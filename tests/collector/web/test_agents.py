"""Agents over HTTP: how they are, letting them in and out, and the command that enrols one."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape

import pytest

from collector.core.database import Database
from collector.core.settings import Settings
from collector.domain.agents import clones, instances
from collector.domain.agents.clones import Spoken
from collector.domain.agents.enrolment import enrol
from collector.domain.results import silence
from collector.web import enrolling
from common.clock import utc_now
from common.identity import Origin, PrivateKey
from common.wire import Gap, Inventory, SpoolState
from tests.collector import builders
from tests.collector.web import fleets
from tests.collector.web.visiting import Visiting, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])


async def waiting_agent(db: Database, tenant: int, *, name: str = "new-host") -> str:
    """One that waits for approval."""
    secret = await builders.token(db, tenant, requires_approval=True)
    key = PrivateKey.generate()
    made = await db.write(enrol, builders.enrol_request(secret, key, name=name), key.public, utc_now())
    return made.id


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[Visiting]:
    async with visiting(database) as visitor:
        yield visitor


async def test_the_list_says_how_each_agent_is(database: Database, owner: Visiting) -> None:
    now = utc_now()
    well, full, lost = [await fleets.reporter(database, owner.tenant) for _ in range(3)]
    await waiting_agent(database, owner.tenant)
    spool = SpoolState(records=900, bytes=450 << 20, limit_bytes=512 << 20, oldest_at=now, dropped=0, dead=2)
    await well.report(Inventory((fleets.info(1),)), builders.heartbeat(now), at=now)
    gap = Gap(stream="live", first=1, last=40, reason="spool_full", count=40)
    await full.report(builders.heartbeat(now, spool=spool), gap, at=now)
    await lost.report(builders.heartbeat(now), at=now - timedelta(hours=2))
    await database.write(silence.look(60, now - timedelta(days=1)), now, 50)
    page = await owner.page("/ui/agents")
    for word in ("Pending", "Silent", "Attention", "Healthy"):
        assert f">{word}</span>" in page
    assert page.index(">Pending</span>") < page.index(">Silent</span>") < page.index(">Healthy</span>")
    assert "The spool is 88 % full" in page
    assert len(re.findall(r'<tr id="a-', await owner.page("/ui/agents?status=silent"))) == 1
    one = await owner.page(f"/ui/agents/{full.agent.id}")
    assert "The collector refused 2 of its records." in one
    assert "40 records will never come" in one
    assert "Spool full" in one


async def test_somebody_lets_an_agent_in_and_shuts_it_out(database: Database, owner: Visiting) -> None:
    agent = await waiting_agent(database, owner.tenant)
    assert "Approve" in await owner.page(f"/ui/agents/{agent}")
    assert (await owner.send(f"/ui/agents/{agent}/approve")).status_code == 303
    again = await owner.send(f"/ui/agents/{agent}/approve")
    assert again.status_code == 409
    assert "does not wait for approval" in again.text
    assert (await owner.send(f"/ui/agents/{agent}/revoke")).status_code == 303
    page = await owner.page(f"/ui/agents/{agent}")
    assert "shut out" in page
    assert "Approve" not in page


@pytest.mark.parametrize("role", ["viewer", "dba"])
async def test_who_only_reads_changes_nothing(database: Database, owner: Visiting, role: str) -> None:
    agent = await waiting_agent(database, owner.tenant)
    async with visiting(database, tenant=owner.tenant, role=role) as reader:  # type: ignore[arg-type]  # of the table
        page = await reader.page(f"/ui/agents/{agent}")
        assert "Approve" not in page
        assert "enrol" not in re.sub("Enrolled|enrolled", "", await reader.page("/ui/agents")).lower()
        await reader.page("/ui/agents/enrol", status=403)
        for url in (f"/ui/agents/{agent}/approve", f"/ui/agents/{agent}/revoke", "/ui/agents/enrol"):
            assert (await reader.send(url)).status_code == 403


async def test_another_tenants_agent_does_not_exist(database: Database, owner: Visiting) -> None:
    async with visiting(database) as stranger:
        agent = await waiting_agent(database, stranger.tenant)
        token = await stranger.send("/ui/agents/enrol", {"uses": "1", "hours": "24"})
        assert token.status_code == 200
        (token_id,) = re.findall(r"/ui/agents/tokens/(etk_\w+)/withdraw", await stranger.page("/ui/agents/enrol"))
    await owner.page(f"/ui/agents/{agent}", status=404)
    for url in (f"/ui/agents/{agent}/approve", f"/ui/agents/{agent}/revoke", f"/ui/agents/tokens/{token_id}/withdraw"):
        assert (await owner.send(url)).status_code == 404


async def test_the_command_is_shown_once_and_its_token_enrols_an_agent(database: Database, owner: Visiting) -> None:
    answer = await owner.send("/ui/agents/enrol", {"uses": "2", "hours": "1", "approval": "true"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    text = unescape(answer.text)
    (secret,) = re.findall(r"^fpe_\w+$", text, re.MULTILINE)
    assert "--token-file - <<'TOKEN'" in text
    assert "--wait 900" in text
    assert "2 agents" in text
    key = PrivateKey.generate()
    made = await database.write(enrol, builders.enrol_request(secret, key), key.public, utc_now())
    assert made.state == "pending"
    page = await owner.page("/ui/agents/enrol")
    assert secret not in page
    (token_id,) = re.findall(r"/ui/agents/tokens/(etk_\w+)/withdraw", page)
    assert (await owner.send(f"/ui/agents/tokens/{token_id}/withdraw")).status_code == 303
    assert token_id not in await owner.page("/ui/agents/enrol")


@pytest.mark.parametrize(
    ("form", "told"),
    [({"uses": "0"}, "greater than or equal to 1"), ({"uses": "some"}, "integer"), ({"hours": "9000"}, "less than")],
)
async def test_a_form_that_cannot_be_used_is_shown_again(owner: Visiting, form: dict[str, str], told: str) -> None:
    answer = await owner.send("/ui/agents/enrol", form)
    assert answer.status_code == 422
    assert told in answer.text
    assert f'value="{form.get("uses", "1")}"' in answer.text


async def test_fifty_agents_a_page(database: Database, owner: Visiting) -> None:
    for _ in range(52):
        await builders.agent(database, owner.tenant)
    assert "Page 1 of 2" in await owner.page("/ui/agents")
    assert (await owner.page("/ui/agents?page=2")).count('<tr id="a-') == 2


def test_the_address_is_the_public_one_where_there_is_one(store_name: str) -> None:
    del store_name
    public = Settings(public_host="collector.example.com", port=8443)
    assert enrolling.address(public, "https://10.0.0.5", "").url == "https://collector.example.com:8443"
    assert enrolling.address(Settings(), "https://10.0.0.5:8443/", "").url == "https://10.0.0.5:8443"
    assert enrolling.address(Settings(), "http://10.0.0.5", "").is_refused
    assert not enrolling.address(Settings(), "http://127.0.0.1:8080", "").is_refused


def test_the_command_carries_the_token_outside_of_its_arguments(store_name: str) -> None:
    del store_name
    place = enrolling.Address("https://c.example:8443", "sha256:ab")
    assert enrolling.command(place, "fpe_x", approval=False) == (
        "sudo fieldpost-agent enroll \\\n    --url https://c.example:8443 \\\n    --ca-pin sha256:ab \\\n"
        "    --token-file - <<'TOKEN'\nfpe_x\nTOKEN"
    )


async def test_a_key_is_replaced_and_a_host_enrolled_again_from_the_page(database: Database, owner: Visiting) -> None:
    here = await builders.agent(database, owner.tenant)
    page = await owner.page(f"/ui/agents/{here.id}")
    assert "Replace its key" in page
    assert (await owner.send(f"/ui/agents/{here.id}/rotate")).status_code == 303
    answer = await owner.send(f"/ui/agents/{here.id}/again")
    assert answer.headers["cache-control"] == "no-store"
    assert "--new-key" in answer.text
    assert "its connections and their history stay" in answer.text
    found = re.search(r"fpe_\w+", answer.text)
    assert found
    key = PrivateKey.generate()
    made = await database.write(enrol, builders.enrol_request(found[0], key), key.public, utc_now())
    assert (made.id, made.again) == (here.id, True)
    assert "replaced" in await owner.page(f"/ui/agents/{here.id}")
    await owner.send(f"/ui/agents/{here.id}/revoke")
    for act in ("rotate", "again"):
        assert (await owner.send(f"/ui/agents/{here.id}/{act}")).status_code == 409


async def test_a_parked_machine_is_shown_and_somebody_says_which_one_is_right(
    database: Database, owner: Visiting
) -> None:
    here, now = await builders.agent(database, owner.tenant), utc_now()
    for number, seconds in ((1, 0), (1, 1), (2, 2)):
        origin = Origin(f"i{number}", f"h{number}", "b")
        spoken = Spoken(origin, now, now + timedelta(seconds=seconds))
        await database.write(instances.note, owner.tenant, here.id, spoken, clones.alive_for(60))
    assert "Another machine has its key" in unescape(await owner.page(f"/ui/agents/{here.id}"))
    assert "speak as this agent" in await owner.page(f"/ui/agents/{here.id}")
    wrong = await owner.send(f"/ui/agents/{here.id}/accept", {"instance": "i1"})
    assert wrong.status_code == 409
    assert (await owner.send(f"/ui/agents/{here.id}/accept", {"instance": "i2"})).status_code == 303
    (left,) = await database.read(instances.parked, owner.tenant, here.id)
    assert left.instance == "i1"
