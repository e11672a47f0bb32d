"""Alert rules on their pages."""

import pytest

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.notifications import changes, store
from collector.domain.notifications.hours import Digest, Hours
from collector.domain.notifications.rules import Terms
from collector.domain.webhooks import changes as webhooks
from collector.domain.webhooks.store import NewEndpoint
from collector.web.pages.rules import Wanted, terms_of
from common.clock import utc_now
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
LIST = "/ui/settings/rules"
FORM = {"name": "on call", "channels": "chn_1", "severities": "critical", "resolved": "true"}


async def channel(database: Database, tenant: int) -> None:
    new = NewEndpoint("chn_1", "email", "Ops <1>", {"to": ["ops@example.com"]})
    await database.write(webhooks.add, tenant, new, Act("tests", utc_now()))


async def test_a_rule_is_made_changed_switched_and_removed(database: Database) -> None:
    async with visiting(database) as owner:
        assert "Add a receiver first." in await owner.page(LIST)
        await channel(database, owner.tenant)
        assert "Ops &lt;1&gt;" in await owner.page(f"{LIST}/new")
        more = {"tags": "prod, , test", "repeat_minutes": "30", "quiet_start": "22:00", "quiet_end": "06:00"}
        assert (await owner.send(LIST, FORM | more)).headers["location"] == LIST
        page = await owner.page(LIST)
        for text in ("critical on connections tagged prod, test", "quiet 22:00 to 06:00 UTC", "again every 30 min"):
            assert text in page
        [rule] = await database.read(store.all_rules, owner.tenant)
        url = f"{LIST}/{rule.id}"
        assert 'value="22:00"' in await owner.page(url)
        assert (await owner.send(url, FORM | {"name": "night"})).status_code == 303
        assert (await owner.send(f"{url}/disable")).status_code == 303
        [rule] = await database.read(store.all_rules, owner.tenant)
        assert (rule.name, rule.enabled, rule.terms.tags) == ("night", False, ())
        assert (await owner.send(f"{url}/remove")).status_code == 303
        await owner.page(url, status=404)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channels": ""}, "expected 1 to 20"),
        ({"channels": "chn_9"}, "of this tenant"),
        ({"severities": ""}, "expected critical, warning or both"),
        ({"repeat_minutes": "1"}, "300 to 604800 seconds"),
        ({"quiet_start": "22:00"}, "expected a time such as 08:30"),
        ({"quiet_start": "22:00", "quiet_end": "06:00", "timezone": "Moon/Sea"}, "IANA time zone"),
        ({"escalate_minutes": "30"}, "expected both or neither"),
        ({"name": ""}, "missing; expected a value"),
    ],
)
async def test_a_rule_that_cannot_be_is_said_by_field(database: Database, change: dict[str, str], said: str) -> None:
    async with visiting(database) as owner:
        await channel(database, owner.tenant)
        answer = await owner.send(LIST, FORM | {"tags": "typed before"} | change)
        assert answer.status_code == 422
        assert said in answer.text
        assert "typed before" in answer.text


def test_what_the_form_does_not_show_of_a_rule_stays(store_name: str) -> None:
    del store_name
    hours, quiet = Hours("08:00", "18:00", "UTC", (1, 2)), Hours("20:00", "21:00", "UTC", (6,))
    before = Terms(channels=("a",), hours=hours, quiet=quiet, digest=Digest("day", "07:00", "Europe/Berlin"))
    form = Wanted(
        name="x", channels=("a",), severities=("critical",), quiet_start="19:00", quiet_end="21:00", digest="day"
    )
    after = terms_of(form, before)
    assert (after.hours, after.digest) == (hours, before.digest)
    assert after.quiet == Hours("19:00", "21:00", "UTC", (6,))


async def test_only_who_may_and_nobody_elses(database: Database) -> None:
    async with visiting(database) as owner, visiting(database) as stranger:
        await channel(database, owner.tenant)
        terms = Terms(channels=("chn_1",))
        rule = await database.write(changes.add, owner.tenant, "r", terms, Act("tests", utc_now()))
        await stranger.page(f"{LIST}/{rule.id}", status=404)
        assert (await stranger.send(f"{LIST}/{rule.id}/remove")).status_code == 404
        async with visiting(database, tenant=owner.tenant, role="dba") as dba:
            assert "Disable" not in await dba.page(LIST)
            await dba.page(f"{LIST}/new", status=403)
            for url in (LIST, f"{LIST}/{rule.id}", f"{LIST}/{rule.id}/remove"):
                assert (await dba.send(url, FORM)).status_code == 403
