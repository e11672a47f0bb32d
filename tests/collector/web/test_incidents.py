"""Incidents as pages: what is open, what it can become, and that nobody's words are lost."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.incidents import changes, opening, store
from collector.domain.incidents.rules import Change, Shown, Wanted
from common.clock import utc_now
from tests.collector.services.making import add_service
from tests.collector.web.visiting import Visiting, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])

NOW = utc_now().replace(microsecond=0)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Here:
    db: Database
    ana: Visiting
    service: int
    number: int

    @property
    def at(self) -> str:
        return f"/ui/incidents/{self.number}"

    async def known(self, number: int | None = None) -> Shown:
        found = await self.db.read(store.find, self.ana.tenant, number or self.number)
        assert found is not None
        return found

    async def change(self, **wanted: object) -> None:
        made = Change(**wanted)  # type: ignore[arg-type]  # keyword arguments of one dataclass
        await self.db.write(changes.change, self.ana.tenant, self.number, made, Act("ben@example.com", utc_now()))


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Here]:
    async with visiting(database) as ana:
        service = await add_service(database, ana.tenant, NOW - 40 * HOUR, name="Payments")
        wanted = Wanted(
            title="Cards <fail>",
            description="First look",
            severity="partial_outage",
            visibility="public",
            services={service: None},
            started_at=NOW - HOUR,
        )
        made = await database.write(changes.create, ana.tenant, wanted, Act("ana@example.com", NOW - HOUR))
        yield Here(database, ana, service, made.incident.id)


def hidden(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


async def form_of(here: Here, **changed: str) -> Mapping[str, str | list[str]]:
    """The edit form as a browser would send it."""
    page = await here.ana.page(f"{here.at}/edit")
    one = (await here.known()).incident
    given: dict[str, str | list[str]] = {
        "title": one.title,
        "description": one.description,
        "severity": one.severity,
        "visibility": one.visibility,
        "service": [str(here.service)],
        f"impact-{here.service}": "",
        "seen": hidden(page, "seen"),
    }
    return {**given, **changed}


async def test_the_list_says_what_is_open_and_what_was(here: Here) -> None:
    page = await here.ana.page("/ui/incidents")
    assert "Cards &lt;fail&gt;" in page
    assert "Open (1)" in page
    assert "Payments" in page
    assert "No incident matches" in await here.ana.page("/ui/incidents?severity=critical")
    assert "No incident is resolved yet" in await here.ana.page("/ui/incidents?show=resolved")
    await here.change(status="resolved")
    assert "Nothing is going on." in await here.ana.page("/ui/incidents")
    assert "lasted 1 h" in await here.ana.page("/ui/incidents?show=resolved&severity=partial_outage")
    assert "Cards" in await here.ana.page("/ui/incidents?show=all")
    await here.ana.page("/ui/incidents?show=some", status=400)
    await here.ana.page("/ui/incidents?severity=bad", status=400)


async def test_the_worst_of_what_is_open_comes_first(here: Here) -> None:
    for title, severity in (("Small", "informational"), ("Big", "critical")):
        form = {"title": title, "severity": severity}
        assert (await here.ana.send("/ui/incidents/new", form)).status_code == 303
    page = await here.ana.page("/ui/incidents")
    assert page.index(">Big<") < page.index("Cards") < page.index(">Small<")


async def test_only_what_the_state_machine_allows_is_offered(here: Here) -> None:
    page = await here.ana.page(here.at)
    assert re.findall(r'name="status" value="(\w+)"', page) == ["identified", "monitoring", "resolved"]
    await here.change(status="resolved")
    page = await here.ana.page(here.at)
    assert re.findall(r'name="status" value="(\w+)"', page) == ["investigating"]
    assert "Post update" not in page


async def test_an_update_is_posted_and_moves_it(here: Here) -> None:
    note = {"message": "A switch is\r\nbroken", "was": "investigating", "is_public": "on"}
    assert (await here.ana.send(f"{here.at}/updates", note)).headers["location"] == here.at
    quiet = {"message": "", "was": "investigating", "status": "identified"}
    assert (await here.ana.send(f"{here.at}/updates", quiet)).status_code == 303
    known = await here.known()
    assert [(one.status, one.message, one.is_public) for one in known.updates[1:]] == [
        ("investigating", "A switch is\nbroken", True),
        ("identified", "", False),
    ]
    page = await here.ana.page(here.at)
    assert "A switch is<br>broken" in page
    assert page.index("broken") < page.index("First look", page.index("What was told"))


async def test_nothing_said_and_nothing_moved_is_asked_for_again(here: Here) -> None:
    again = await here.ana.send(f"{here.at}/updates", {"message": " ", "was": "investigating"})
    assert again.status_code == 422
    assert "expected something to say" in again.text


async def test_who_moves_what_somebody_else_has_moved_is_told_so(here: Here) -> None:
    await here.change(status="monitoring", message="rebooted")
    note = {"message": "my words", "was": "investigating", "status": "resolved"}
    again = await here.ana.send(f"{here.at}/updates", note)
    assert again.status_code == 422
    assert "it is monitoring, no longer investigating" in again.text
    assert "my words</textarea>" in again.text
    assert 'name="was" value="monitoring"' in again.text


async def test_an_incident_is_reported_once_however_often_its_form_is_sent(here: Here) -> None:
    form: dict[str, str | list[str]] = {
        "title": "Slow",
        "severity": "degraded",
        "visibility": "internal",
        "started_at": f"{NOW - HOUR:%Y-%m-%dT%H:%M}",
        "zone": "UTC",
        "service": [str(here.service)],
        f"impact-{here.service}": "major_outage",
        "form_id": "form_x",
    }
    first, second = [await here.ana.send("/ui/incidents/new", form) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    known = await here.known(int(first.headers["location"].rpartition("/")[2]))
    assert (known.incident.title, known.incident.visibility) == ("Slow", "internal")
    assert known.incident.started_at == (NOW - HOUR).replace(second=0)
    assert [(one.impact, one.by_hand) for one in known.services] == [("major_outage", True)]
    assert len(await here.db.read(store.active, here.ana.tenant)) == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"title": ""}, "1 to 200 printable characters"),
        ({"started_at": "2001-01-01T00:00"}, "at most 90 days ago"),
        ({"started_at": "yesterday"}, "a date and a time"),
        ({"started_at": "2026-01-01T00:00", "zone": "Mars/Base"}, "an IANA time zone"),
        ({"service": "999999"}, "ids of services"),
        ({"severity": "awful"}, "Input should be"),
    ],
)
async def test_what_cannot_be_used_is_said_beside_its_field(here: Here, changed: dict[str, str], said: str) -> None:
    wrong = await here.ana.send("/ui/incidents/new", {"title": "Kept", "description": "Kept too", **changed})
    assert wrong.status_code == 422
    assert said in wrong.text
    assert "Kept too</textarea>" in wrong.text


async def test_an_incident_is_edited(here: Here) -> None:
    form = await form_of(here, title="Cards", severity="major_outage", root_cause="A fuse")
    assert (await here.ana.send(f"{here.at}/edit", form)).headers["location"] == here.at
    known = await here.known()
    assert (known.incident.title, known.incident.severity, known.incident.root_cause) == (
        "Cards",
        "major_outage",
        "A fuse",
    )
    assert [one.impact for one in known.services] == ["major_outage"]


async def test_who_is_overtaken_sees_both_versions_and_may_still_save(here: Here) -> None:
    form = await form_of(here, title="Mine")
    await here.change(fields={"title": "Theirs"})
    again = await here.ana.send(f"{here.at}/edit", form)
    assert again.status_code == 422
    assert "Somebody else changed it" in again.text
    assert '<td data-label="Yours">Mine</td>' in again.text
    assert '<td data-label="Stored">Theirs</td>' in again.text
    assert 'value="Mine"' in again.text
    assert (await here.known()).incident.title == "Theirs"
    saved = await here.ana.send(f"{here.at}/edit", {**form, "seen": hidden(again.text, "seen")})
    assert saved.status_code == 303
    assert (await here.known()).incident.title == "Mine"


async def test_a_note_of_somebody_else_is_no_conflict(here: Here) -> None:
    form = await form_of(here, title="Mine")
    await here.change(message="still looking")
    assert (await here.ana.send(f"{here.at}/edit", form)).status_code == 303


async def test_of_what_is_over_only_cause_and_report_are_written(here: Here) -> None:
    await here.change(status="resolved")
    page = await here.ana.page(f"{here.at}/edit")
    assert 'name="title"' not in page
    form = {"root_cause": "A fuse", "postmortem": "Buy fuses", "seen": hidden(page, "seen")}
    assert (await here.ana.send(f"{here.at}/edit", form)).status_code == 303
    assert (await here.known()).incident.postmortem == "Buy fuses"


async def test_rules_are_added_and_removed_by_who_may(here: Here) -> None:
    at = "/ui/incidents/rules"
    assert "only people open incidents" in await here.ana.page(at)
    assert (await here.ana.send(at, {"tag": "prod", "visibility": "public"})).headers["location"] == at
    twice = await here.ana.send(at, {"tag": "prod"})
    assert twice.status_code == 422
    assert "there is a rule for this tag" in twice.text
    (rule,) = await here.db.read(opening.all_rules, here.ana.tenant)
    assert "everybody, where the service is public too" in await here.ana.page(at)
    async with visiting(here.db, tenant=here.ana.tenant, role="dba") as dan:
        assert "Remove" not in (await dan.page(at)).replace('hidden-text">Remove', "")
        assert (await dan.send(at, {"tag": "x"})).status_code == 403
    async with visiting(here.db) as eve:
        assert (await eve.send(f"{at}/{rule.id}/remove")).status_code == 404
    assert (await here.ana.send(f"{at}/{rule.id}/remove")).status_code == 303
    assert await here.db.read(opening.all_rules, here.ana.tenant) == []


async def test_roles_and_tenants_see_and_do_what_they_may(here: Here) -> None:
    note = {"message": "x", "was": "investigating"}
    async with visiting(here.db, tenant=here.ana.tenant, role="viewer") as vic:
        page = await vic.page(here.at)
        assert "Post update" not in page
        assert "/edit" not in page
        assert (await vic.send(f"{here.at}/updates", note)).status_code == 403
        assert (await vic.send("/ui/incidents/new", {"title": "x"})).status_code == 403
        await vic.page("/ui/incidents/new", status=403)
    async with visiting(here.db) as eve:
        await eve.page(here.at, status=404)
        await eve.page(f"{here.at}/edit", status=404)
        assert (await eve.send(f"{here.at}/updates", note)).status_code == 404
        assert (await eve.send(f"{here.at}/edit", {"title": "x"})).status_code == 404
        assert "Cards" not in await eve.page("/ui/incidents?show=all")
