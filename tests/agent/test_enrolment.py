import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.enrolment import EnrolmentRefusedError, Wanted, enrol, spki_sha256, wait_until_active
from agent.identity import load_enrolment, load_identity
from agent.link import Link, LinkDownError
from common.errors import ConfigurationError
from tests.agent.collectors import Collector, Tls, make_tls, new_token, serving


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def collector(tls: Tls) -> AsyncIterator[Collector]:
    async with serving(Collector(), tls=tls) as running:
        yield running


@pytest.fixture
async def plain() -> AsyncIterator[Collector]:
    async with serving(Collector()) as running:
        yield running


def wanted(collector: Collector, token: str | None = None, *, tls: Tls | None = None, **rest: Any) -> Wanted:
    values: dict[str, Any] = {"url": collector.url, "token": token, "name": "db-host-1", **rest}
    if tls is not None:
        values["ca_pin"] = "sha256:" + spki_sha256(tls.ca)
    return Wanted(**values)


async def test_the_right_pin_enrols_and_the_pinned_ca_alone_is_trusted(
    tmp_path: Path, collector: Collector, tls: Tls
) -> None:
    done = await enrol(tmp_path, wanted(collector, new_token(collector), tls=tls))
    assert (done.enrolment.state, done.enrolment.agent) == ("active", "agt_1")
    assert stat.S_IMODE((tmp_path / "agent.key").stat().st_mode) == 0o600
    async with Link(load_identity(tmp_path)) as link:
        reply = await link.request("GET", "/agent/v1/assignment", deadline_s=5)
    assert reply.status == 200


async def test_a_wrong_pin_is_refused_before_the_token_is_sent(tmp_path: Path, collector: Collector) -> None:
    token = new_token(collector)
    with pytest.raises(EnrolmentRefusedError, match="The token was not sent"):
        await enrol(tmp_path, wanted(collector, token, ca_pin="sha256:" + "0" * 64))
    assert collector.tokens == {token}
    assert collector.agents == {}
    assert load_enrolment(tmp_path) is None


async def test_somebody_else_who_shows_the_right_ca_but_another_certificate_gets_no_token(
    tmp_path: Path, collector: Collector, tls: Tls, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The thief copies the public CA certificate; the certificate he serves is not signed by it."""
    async with serving(Collector(), tls=make_tls(tmp_path_factory.mktemp("thief"))) as thief:
        thief.ca_pem = tls.ca_pem
        token = new_token(thief)
        with pytest.raises(LinkDownError, match=r"(?i)certificate"):
            await enrol(tmp_path, wanted(thief, token, tls=tls))
    assert thief.tokens == {token}
    assert collector.agents == {}


async def test_a_ca_file_serves_as_well_as_a_pin(tmp_path: Path, collector: Collector, tls: Tls) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(tls.ca_pem)
    done = await enrol(tmp_path, wanted(collector, new_token(collector), ca_file=ca_file))
    assert done.enrolment.ca_pem == tls.ca_pem.decode()


async def test_without_pin_and_file_only_what_the_system_trusts_is_trusted(
    tmp_path: Path, collector: Collector
) -> None:
    with pytest.raises(LinkDownError, match=r"(?i)certificate"):
        await enrol(tmp_path, wanted(collector, new_token(collector)))


async def test_enrolling_again_changes_nothing_and_needs_no_token(tmp_path: Path, plain: Collector) -> None:
    await enrol(tmp_path, wanted(plain, new_token(plain)))
    key = (tmp_path / "agent.key").read_bytes()
    again = await enrol(tmp_path, wanted(plain))
    assert again.before
    assert again.enrolment.agent == "agt_1"
    assert (tmp_path / "agent.key").read_bytes() == key


async def test_an_answer_that_got_lost_is_made_good_by_trying_again_with_the_same_token(
    tmp_path: Path, plain: Collector
) -> None:
    token = new_token(plain)
    await enrol(tmp_path, wanted(plain, token))
    (tmp_path / "identity.json").unlink()  # as if the process had died before it could note the answer
    again = await enrol(tmp_path, wanted(plain, token))
    assert again.enrolment.agent == "agt_1"
    assert len(plain.agents) == 1


async def test_an_agent_that_has_to_be_approved_waits_and_then_is_active(tmp_path: Path, plain: Collector) -> None:
    plain.require_approval = True
    token = new_token(plain)
    done = await enrol(tmp_path, wanted(plain, token))
    assert done.enrolment.state == "pending"
    assert (await enrol(tmp_path, wanted(plain, token))).enrolment.state == "pending", "asking again is safe"
    still = await wait_until_active(tmp_path, done.enrolment, deadline_s=0.05, every_s=0.02)
    assert still.state == "pending"
    plain.pending.clear()
    active = await wait_until_active(tmp_path, done.enrolment, deadline_s=5, every_s=0.02)
    assert active.state == "active"
    assert load_enrolment(tmp_path) == active


async def test_a_new_key_is_made_only_when_asked_for_and_the_old_one_is_kept(tmp_path: Path, plain: Collector) -> None:
    await enrol(tmp_path, wanted(plain, new_token(plain)))
    old = (tmp_path / "agent.key").read_bytes()
    await enrol(tmp_path, wanted(plain, new_token(plain), new_key=True))
    assert (tmp_path / "agent.key").read_bytes() != old
    aside = [path for path in os.listdir(tmp_path) if path.startswith("agent.key.")]  # noqa: PTH208
    assert [(tmp_path / path).read_bytes() for path in aside] == [old]


async def test_a_new_key_that_the_collector_refuses_leaves_the_old_one_in_use(tmp_path: Path, plain: Collector) -> None:
    await enrol(tmp_path, wanted(plain, new_token(plain)))
    token = new_token(plain)
    plain.tokens.clear()
    with pytest.raises(EnrolmentRefusedError):
        await enrol(tmp_path, wanted(plain, token, new_key=True))
    async with Link(load_identity(tmp_path)) as link:
        assert (await link.request("GET", "/agent/v1/assignment", deadline_s=5)).status == 200
    plain.tokens.add(token)
    await enrol(tmp_path, wanted(plain, token, new_key=True))
    async with Link(load_identity(tmp_path)) as link:
        assert (await link.request("GET", "/agent/v1/assignment", deadline_s=5)).status == 200


async def test_a_crash_between_the_renames_of_a_new_key_is_made_good(tmp_path: Path, plain: Collector) -> None:
    token = new_token(plain)
    await enrol(tmp_path, wanted(plain, token))
    (tmp_path / "agent.key").rename(tmp_path / "agent.key.candidate")
    assert (await enrol(tmp_path, wanted(plain))).before


async def test_a_used_up_token_is_refused_with_advice(tmp_path: Path, plain: Collector) -> None:
    token = new_token(plain)
    plain.tokens.clear()
    with pytest.raises(EnrolmentRefusedError, match="fieldpost-collector agent token"):
        await enrol(tmp_path, wanted(plain, token))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "http://collector.example.com"}, "url: `http://collector.example.com`; expected https"),
        ({"url": "ftp://x"}, r"url: `ftp://x`; expected https://host\[:port\]"),
        ({"url": "https://user:secret@x"}, "expected https"),
        ({"token": None}, "enrolment token: missing"),
        ({"token": "fpe_short"}, "enrolment token: mistyped or cut off"),
        ({"url": "https://127.0.0.1:9", "ca_pin": "sha256:12"}, "ca-pin: `sha256:12`; expected sha256: and 64 hex"),
        ({"url": "https://127.0.0.1:9", "ca_file": Path("/nonexistent")}, "ca-file: `/nonexistent` cannot be read"),
    ],
)
async def test_what_cannot_be_used_is_named(
    tmp_path: Path, plain: Collector, change: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"url": plain.url, "token": new_token(plain), "name": "x", **change}
    with pytest.raises(ConfigurationError, match=message):
        await enrol(tmp_path, Wanted(**given))


async def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path, plain: Collector) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"state_dir: .* cannot be made"):
        await enrol(tmp_path / "file" / "state", wanted(plain, new_token(plain)))


def test_an_agent_that_is_not_enrolled_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="run `fieldpost-agent enroll"):
        load_identity(tmp_path)


def test_a_damaged_identity_is_named(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"identity\.json: cannot be used"):
        load_identity(tmp_path)
