"""Signing in at a provider, in a browser that goes there and back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from collector.web.provider import BACK
from tests.collector.accounts import someone
from tests.standins.oidc.running import CLIENT, SECRET, Issuer, Person, running
from tests.web.conftest import Site, opened

ANA = "ana@example.com"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running([Person(ANA)]) as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, issuer: Issuer) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "client-secret").write_text(SECRET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIELDPOST_OIDC_ISSUER", issuer.issuer)
        patch.setenv("FIELDPOST_OIDC_CLIENT_ID", CLIENT)
        patch.setenv("FIELDPOST_OIDC_CLIENT_SECRET_FILE", str(folder / "client-secret"))
        patch.setenv("FIELDPOST_OIDC_NAME", "Example ID")
        made = Site(folder, sqlite_template)
        made.start()
    issuer.begin([made.url + BACK])
    yield made
    made.stop()


def test_somebody_signs_in_at_the_provider(chromium: Browser, site: Site, tenant: int) -> None:
    site.run(lambda db: someone(db, tenant, "dba", email=ANA))
    with opened(chromium, site, "wide") as tab:
        page = tab.open("/ui/sign-in?next=/ui/account")
        tab.check("sign-in-provider")
        page.get_by_role("link", name="Sign in with Example ID").click()
        page.get_by_label("Email").fill(ANA)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/ui/account")
        page.get_by_text("single sign-on", exact=True).wait_for()


def test_who_cancels_there_is_told_so_here(chromium: Browser, site: Site, tenant: int) -> None:
    assert tenant
    with opened(chromium, site, "narrow") as tab:
        page = tab.open("/ui/sign-in")
        page.get_by_role("link", name="Sign in with Example ID").click()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("Example ID refused: access_denied.").wait_for()
        tab.shot("sign-in-provider-refused")
