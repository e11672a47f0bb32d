"""Webhooks and channels on their pages: made, tested, changed, and what was delivered."""

import re
from urllib.parse import quote

import pytest

from collector.core.database import Database
from collector.domain.activity import store as activity
from collector.domain.webhooks import outbox, store
from collector.domain.webhooks.outbox import Addressed, Event
from collector.domain.webhooks.store import Listed
from collector.web.pages.webhooks import pretty
from common.clock import utc_now
from tests.collector.web.visiting import Visiting, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
LIST = "/ui/settings/webhooks"
HOOK = {"kind": "webhook", "name": "ServiceNow", "url": "https://hooks.example.com/s3cr3t", "events": "alert.triggered"}


async def made(owner: Visiting, database: Database, **changes: str) -> Listed:
    answer = await owner.send(LIST, HOOK | changes)
    assert answer.status_code == 200, answer.text
    found = await database.read(store.find, owner.tenant, changes.get("name", HOOK["name"]))
    assert found is not None
    return found


async def test_a_webhook_is_made_with_its_secret_shown_once_and_a_test_on_its_way(database: Database) -> None:
    async with visiting(database) as owner:
        assert "Nothing is told to anybody yet." in await owner.page(LIST)
        assert "alert.triggered" in await owner.page(f"{LIST}/new?kind=webhook")
        answer = await owner.send(LIST, HOOK | {"test": "true"})
        [secret] = set(re.findall(r"whsec_[\w+/=]+", answer.text))
        assert answer.headers["cache-control"] == "no-store"
        found = await database.read(store.find, owner.tenant, "ServiceNow")
        assert found is not None
        page = await owner.page(f"{LIST}/{found.id}")
        assert secret not in page
        assert "webhook.test" in page
        entries = await database.read(activity.page, owner.tenant, activity.Filter(), 0, 50)
        assert secret not in repr(entries)
        again = await owner.send(f"{LIST}/{found.id}/secret")
        assert re.search(r"whsec_", again.text)
        assert secret not in again.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (HOOK | {"url": "http://hooks.example.com/x"}, "https"),
        (HOOK | {"url": "https://10.0.0.1/x"}, "10.0.0.1"),
        (HOOK | {"events": "moon.rises"}, "expected some of"),
        (HOOK | {"name": ""}, "missing; expected a value"),
        ({"kind": "email", "name": "ops", "to": "nobody"}, "expected an address such as"),
        ({"kind": "email", "name": "ops"}, "missing; expected a value"),
        ({"kind": "syslog", "name": "siem", "host": "siem.example.com", "port": "99"}, "99"),
        ({"kind": "pigeon", "name": "x"}, "Some fields cannot be used"),
    ],
)
async def test_a_receiver_that_cannot_be_is_said_by_field(database: Database, form: dict[str, str], said: str) -> None:
    async with visiting(database) as owner:
        answer = await owner.send(LIST, form)
        assert answer.status_code == 422
        assert said in answer.text
        assert form["name"] in answer.text
        assert await database.read(store.endpoints, owner.tenant, ("webhook", "email", "syslog")) == []


async def test_channels_are_made_and_a_name_is_given_once(database: Database) -> None:
    async with visiting(database) as owner:
        mail = {"kind": "email", "name": "on call", "to": "ana@example.com\r\nben@example.com"}
        assert "smtp_host" in await owner.page(f"{LIST}/new?kind=email")
        assert (await owner.send(LIST, mail)).status_code == 303
        assert (
            await owner.send(LIST, {"kind": "syslog", "name": "siem", "host": "siem.example.com"})
        ).status_code == 303
        page = await owner.page(LIST)
        assert "ana@example.com, ben@example.com" in page
        assert "siem.example.com:6514 (tls)" in page
        again = await owner.send(LIST, mail)
        assert (again.status_code, "exists already" in again.text) == (422, True)


async def test_a_webhook_is_changed_paused_resumed_and_removed(database: Database) -> None:
    async with visiting(database) as owner:
        found = await made(owner, database)
        url = f"{LIST}/{found.id}"
        form: dict[str, str | list[str]] = {
            "url": "https://new.example.com/x",
            "events": ["alert.triggered", "alert.resolved"],
        }
        assert (await owner.send(url, form)).status_code == 303
        assert "new.example.com/x" in await owner.page(url)
        wrong = await owner.send(url, {"url": "https://127.0.0.1/", "events": []})
        assert (wrong.status_code, "127.0.0.1" in wrong.text) == (422, True)
        assert (await owner.send(f"{url}/pause")).status_code == 303
        refused = await owner.send(f"{url}/test")
        assert (refused.status_code, "is paused; resume it first" in refused.text) == (422, True)
        assert (await owner.send(f"{url}/resume")).status_code == 303
        assert (await owner.send(f"{url}/explode")).status_code == 404
        assert (await owner.send(f"{url}/remove")).headers["location"] == LIST
        await owner.page(url, status=404)


async def _events(database: Database, tenant: int, found: Listed, count: int) -> None:
    now = utc_now()
    events = [Addressed(Event("alert.triggered", {"n": n}, now), [found.id]) for n in range(count)]
    await database.write(outbox.address, tenant, events)


async def test_the_log_is_filtered_and_goes_back_page_by_page(database: Database) -> None:
    async with visiting(database) as owner:
        found = await made(owner, database)
        url = f"{LIST}/{found.id}"
        await _events(database, owner.tenant, found, 120)
        first = await owner.page(url)
        numbers = [int(one) for one in re.findall(r"/deliveries/(\d+)\"", first)]
        assert numbers == sorted(numbers, reverse=True)
        assert len(numbers) == 50
        second = await owner.page(f"{url}?before={numbers[-1]}")
        assert str(numbers[-1] - 1) in second
        assert "No delivery fits." in await owner.page(f"{url}?state=dead")
        assert "No delivery fits." in await owner.page(f"{url}?event=alert.resolved")
        assert "alert.triggered" in await owner.page(f"{url}?event=alert.triggered&state=pending&before=nonsense")


async def test_a_delivery_shows_what_is_sent_and_is_sent_again(database: Database) -> None:
    async with visiting(database) as owner:
        found = await made(owner, database)
        await _events(database, owner.tenant, found, 1)
        [row] = await database.read(store.deliveries, owner.tenant, found.id)
        url = f"{LIST}/{found.id}/deliveries/{row.seq}"
        page = await owner.page(url)
        assert "&#34;n&#34;: 0" in page
        assert "It was not tried yet." in page
        assert (await owner.send(f"{url}/replay")).headers["location"] == url
        assert (await owner.send(f"{LIST}/{found.id}/replay")).status_code == 303
        await owner.page(f"{LIST}/{found.id}/deliveries/{row.seq + 1}", status=404)
        assert (await owner.send(f"{LIST}/{found.id}/deliveries/{row.seq + 1}/replay")).status_code == 404


async def test_those_who_only_read_see_the_host_and_no_button(database: Database) -> None:
    async with visiting(database) as owner, visiting(database, tenant=owner.tenant, role="dba") as dba:
        found = await made(owner, database)
        page = await dba.page(LIST) + await dba.page(f"{LIST}/{found.id}")
        assert "https://hooks.example.com/…" in page
        assert "s3cr3t" not in page
        assert "Send a test" not in page
        await dba.page(f"{LIST}/new", status=403)
        for action in ("", "/secret", "/pause", "/remove", "/test", "/replay", "/deliveries/1/replay"):
            assert (await dba.send(f"{LIST}/{found.id}{action}", {"url": "https://new.example.com"})).status_code == 403
        assert (await dba.send(LIST, HOOK)).status_code == 403


async def test_another_tenants_are_not_there_nor_is_one_found_by_name(database: Database) -> None:
    async with visiting(database) as owner, visiting(database) as stranger:
        found = await made(owner, database)
        await owner.page(f"{LIST}/{quote(found.name)}", status=404)
        await stranger.page(f"{LIST}/{found.id}", status=404)
        for action in ("/secret", "/pause", "/remove", "/test", "/replay", "/deliveries/1/replay"):
            assert (await stranger.send(f"{LIST}/{found.id}{action}")).status_code == 404
        assert (await database.read(store.find, owner.tenant, found.id)) == found


def test_a_body_that_is_no_json_is_shown_as_it_is(store_name: str) -> None:
    del store_name
    assert pretty('{"a":"ü"}') == '{\n  "a": "ü"\n}'
    assert pretty("CEF:0|x") == "CEF:0|x"
