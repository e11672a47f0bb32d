"""Members of a tenant on their pages: who may see and change whom, and secrets that are shown once."""

import re
from pathlib import Path

import pyotp
import pytest

from collector.core.database import Database
from collector.core.vault import Vault
from collector.domain.access import browsers, factors, people, sessions
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.tenants import store as tenants
from common.clock import utc_now
from tests.collector import accounts
from tests.collector.web.visiting import Visiting, cookie_of, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
LIST = "/ui/settings/members"


async def test_the_settings_begin_with_the_members(database: Database) -> None:
    async with visiting(database) as owner:
        answer = await owner.client.get("/ui/settings")
        assert (answer.status_code, answer.headers["location"]) == (303, LIST)
        assert owner.email in await owner.page(LIST)


async def test_members_are_found_by_name_and_role_and_paged(database: Database) -> None:
    async with visiting(database) as owner:
        for number in range(60):
            await accounts.someone(database, owner.tenant, "viewer", email=f"v{number:02}@example.com")
        first = await owner.page(LIST)
        assert "61 members" in first
        assert "v59@example.com" not in first
        assert "v59@example.com" in await owner.page(f"{LIST}?page=2")
        found = await owner.page(f"{LIST}?q=V59")
        assert "v59@example.com" in found
        assert "v58@example.com" not in found
        assert "No member fits." in await owner.page(f"{LIST}?role=dba")


async def test_an_invitation_is_shown_once_and_nowhere_else(database: Database) -> None:
    async with visiting(database) as owner:
        made = await owner.send(f"{LIST}/invite", {"email": "Ben@Example.com", "role": "dba"})
        assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
        [secret] = set(re.findall(r"fpi_\w+", made.text))
        assert secret not in await owner.page(LIST)
        assert "ben@example.com" in await owner.page(LIST)
        entries = await database.read(activity.page, owner.tenant, activity.Filter(), 0, 50)
        assert secret not in repr(entries)
        assert "invitation_created" in repr(entries)
        [known] = await database.read(people.invitations, owner.tenant, utc_now())
        gone = await owner.send(f"{LIST}/invitations/{known.id}/withdraw")
        assert gone.status_code == 303
        assert await database.read(people.invitations, owner.tenant, utc_now()) == []
        assert (await owner.send(f"{LIST}/invitations/{known.id}/withdraw")).status_code == 404


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": "", "role": "dba"}, "missing; expected a value"),
        ({"email": "nobody", "role": "dba"}, "expected an address such as ana@example.com"),
        ({"email": "a@example.com", "role": "king"}, "Input should be"),
        ({"email": "a@example.com", "crown": "yes"}, "Some fields cannot be used"),
    ],
)
async def test_an_invitation_that_cannot_be_is_said_by_field(
    database: Database, form: dict[str, str], said: str
) -> None:
    async with visiting(database) as owner:
        answer = await owner.send(f"{LIST}/invite", form)
        assert answer.status_code == 422
        assert said in answer.text
        assert form["email"] in answer.text


async def test_somebody_who_is_a_member_is_not_invited(database: Database) -> None:
    async with visiting(database) as owner:
        answer = await owner.send(f"{LIST}/invite", {"email": owner.email})
        assert answer.status_code == 422
        assert "has a member with that address already" in answer.text


async def test_a_member_is_changed_and_removed(database: Database) -> None:
    async with visiting(database) as owner:
        ben = await accounts.someone(database, owner.tenant, "viewer")
        form = {"name": "Ben", "role": "dba", "status": "suspended"}
        assert (await owner.send(f"{LIST}/{ben.id}", form)).headers["location"] == f"{LIST}/{ben.id}"
        found = await database.read(people.find, owner.tenant, ben.id)
        assert (found.name, found.role, found.status) == ("Ben", "dba", "suspended")
        assert "suspended" in await owner.page(f"{LIST}/{ben.id}")
        wrong = await owner.send(f"{LIST}/{ben.id}", {**form, "name": "B\x07n"})
        assert (wrong.status_code, "printable characters" in wrong.text) == (422, True)
        assert (await owner.send(f"{LIST}/{ben.id}/remove")).status_code == 303
        assert await owner.page(f"{LIST}/{ben.id}", status=404)


async def test_the_last_owner_stays_and_the_page_says_why(database: Database) -> None:
    async with visiting(database) as owner:
        [me] = await database.read(tenants.members, owner.tenant)
        for answer in (
            await owner.send(f"{LIST}/{me.id}/remove"),
            await owner.send(f"{LIST}/{me.id}", {"name": me.name, "role": "viewer", "status": "active"}),
        ):
            assert answer.status_code == 422
            assert "is the last owner" in answer.text


async def test_an_administrator_does_not_touch_owners(database: Database) -> None:
    async with visiting(database, role="admin") as admin:
        boss = await accounts.someone(database, admin.tenant, "owner")
        page = await admin.page(f"{LIST}/{boss.id}")
        assert "Remove this member" not in page
        form = {"name": "X", "role": "viewer", "status": "active"}
        assert (await admin.send(f"{LIST}/{boss.id}", form)).status_code == 403
        assert (await admin.send(f"{LIST}/{boss.id}/remove")).status_code == 403
        assert (await admin.send(f"{LIST}/invite", {"email": "x@example.com", "role": "owner"})).status_code == 403


async def test_a_viewer_sees_who_there_is_and_changes_nothing(database: Database) -> None:
    async with visiting(database, role="viewer") as viewer:
        boss = await accounts.someone(database, viewer.tenant, "owner")
        listed = await viewer.page(LIST)
        assert boss.email in listed
        assert "Invite somebody" not in listed
        assert "API keys" not in listed
        page = await viewer.page(f"{LIST}/{boss.id}")
        assert "signed in" not in page
        for url in (f"{LIST}/invite", f"{LIST}/{boss.id}", f"{LIST}/{boss.id}/remove"):
            assert (await viewer.send(url, {"email": "x@example.com"})).status_code == 403


async def _browser(database: Database, visitor: Visiting) -> str:
    found = await database.read(browsers.sessions, visitor.tenant, utc_now())
    return next(one.id for one in found if one.email == visitor.email)


async def test_sessions_of_browsers_are_listed_and_ended(database: Database) -> None:
    async with visiting(database) as owner:
        ben = await accounts.someone(database, owner.tenant, "viewer")
        await cookie_of(database, owner.tenant, ben.email)
        page = await owner.page(f"{LIST}/{ben.id}")
        assert "192.0.2.1" in page
        found = await database.read(browsers.sessions, owner.tenant, utc_now())
        session = next(one.id for one in found if one.member_id == ben.id)
        assert (await owner.send(f"{LIST}/{ben.id}/browsers/{session}/end")).status_code == 303
        assert (await owner.send(f"{LIST}/{ben.id}/browsers/{session}/end")).status_code == 404
        assert session not in await owner.page(f"{LIST}/{ben.id}")


async def test_programs_that_logged_in_are_listed_and_ended(database: Database) -> None:
    async with visiting(database) as owner:
        [me] = await database.read(tenants.members, owner.tenant)
        someone = accounts.Someone(owner.tenant, "", me.id, me.email)
        await someone.log_on(owner.client)
        [session] = await database.read(sessions.sessions, owner.tenant, utc_now())
        assert "Last refreshed" in await owner.page(f"{LIST}/{me.id}")
        assert (await owner.send(f"{LIST}/{me.id}/programs/{session.id}/end")).status_code == 303
        assert await database.read(sessions.sessions, owner.tenant, utc_now()) == []


async def test_nobody_ends_sessions_of_others_without_the_right_to(database: Database) -> None:
    async with visiting(database, role="dba") as dba, visiting(database, tenant=dba.tenant, role="viewer") as other:
        theirs = await _browser(database, other)
        [member] = [one for one in await database.read(tenants.members, dba.tenant) if one.email == other.email]
        assert (await dba.send(f"{LIST}/{member.id}/browsers/{theirs}/end")).status_code == 404
        own = await _browser(database, dba)
        [me] = [one for one in await database.read(tenants.members, dba.tenant) if one.email == dba.email]
        assert (await dba.send(f"{LIST}/{me.id}/browsers/{own}/end")).status_code == 303
        assert (await dba.client.get(LIST)).headers["location"].startswith("/ui/sign-in")


async def test_another_tenants_member_is_not_there(database: Database) -> None:
    async with visiting(database) as owner, visiting(database) as stranger:
        [me] = await database.read(tenants.members, owner.tenant)
        await stranger.page(f"{LIST}/{me.id}", status=404)
        form = {"name": "X", "role": "viewer", "status": "active"}
        for action in ("", "/remove", f"/browsers/{await _browser(database, owner)}/end"):
            assert (await stranger.send(f"{LIST}/{me.id}{action}", form)).status_code == 404


async def with_second_factor(database: Database, tenant: int, folder: Path) -> accounts.Someone:
    ben, vault = await accounts.someone(database, tenant, "dba"), Vault.of_file(folder / "vault.key")
    now = utc_now()
    secret = await database.write(factors.begin, ben.email, vault, now)
    await database.write(factors.confirm, ben.email, pyotp.TOTP(secret).at(now), vault, Act(ben.email, now))
    return ben


async def test_a_lost_second_factor_is_reset_by_who_may(database: Database, tmp_path: Path) -> None:
    async with visiting(database) as owner:
        ben = await with_second_factor(database, owner.tenant, tmp_path)
        assert "Reset the second factor" in await owner.page(f"{LIST}/{ben.id}")
        url = f"{LIST}/{ben.id}/reset-second-factor"
        async with visiting(database, tenant=owner.tenant, role="dba") as dba:
            assert (await dba.send(url)).status_code == 403
        assert (await owner.send(url)).status_code == 303
        assert await database.read(factors.on_among, [ben.email]) == frozenset()
        again = await owner.send(url)
        assert (again.status_code, "has no second factor" in again.text) == (422, True)
