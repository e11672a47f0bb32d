"""Whom an agent trusts when the collector's CA is followed by another one."""

from datetime import UTC, datetime
from pathlib import Path

from agent.authorities import Authorities, merged, pins
from agent.enrolment import Wanted, enrol
from agent.identity import KEY_FILE, Enrolment, load_enrolment, save_enrolment
from agent.link import Link
from agent.problems import Problems
from collector.core import certificates
from common.identity import PrivateKey
from tests.agent.collectors import Collector, make_tls, serving

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)


def authority(folder: Path, name: str) -> str:
    return certificates.ensure(folder / name, ("localhost",), NOW).ca.read_text()


def test_the_next_authority_is_trusted_beside_the_one_in_use(tmp_path: Path) -> None:
    one, two = authority(tmp_path, "1"), authority(tmp_path, "2")
    assert merged(one, "", one + two) == one + two
    assert merged(one + two, one + two, two) == two


def test_an_authority_that_the_operator_named_stays(tmp_path: Path) -> None:
    own, one, two = (authority(tmp_path, name) for name in "o12")
    learnt = merged(own + one, "", one)
    assert learnt is not None
    assert set(pins(learnt)) == set(pins(own + one))
    moved = merged(learnt, one, one + two)
    assert moved is not None
    assert set(pins(moved)) == set(pins(own + one + two))
    dropped = merged(moved, one + two, two)
    assert dropped is not None
    assert set(pins(dropped)) == set(pins(own + two))


def test_a_collector_behind_a_proxy_with_other_authorities_changes_nothing(tmp_path: Path) -> None:
    assert merged(authority(tmp_path, "proxy"), "", authority(tmp_path, "collector")) is None


def enrolled(folder: Path, collector: Collector, trusted: str) -> Link:
    identity = collector.add_agent(trusted)
    save_enrolment(folder, Enrolment(identity.agent, "t", "n", collector.url, "active", trusted))
    return Link(identity)


async def test_what_is_announced_is_on_disk_before_it_is_used_and_asked_for_once(tmp_path: Path) -> None:
    tls = make_tls(tmp_path)
    following = authority(tmp_path, "next")
    async with serving(Collector(), tls=tls) as collector:
        ours = tls.ca_pem.decode()
        collector.ca_pem = (ours + following).encode()
        async with enrolled(tmp_path, collector, ours) as link:
            follows = Authorities(link, tmp_path, problems=Problems())
            assert follows.trusts() == pins(ours)
            link.ca_mark = "another"
            assert await follows.follow()
            assert follows.trusts() == pins(ours + following)
        kept = load_enrolment(tmp_path)
        assert kept is not None
        assert (kept.ca_pem, kept.announced) == (ours + following, ours + following)


async def test_nothing_is_learnt_over_a_line_that_is_not_proven(tmp_path: Path) -> None:
    tls = make_tls(tmp_path)
    other = authority(tmp_path, "other")
    async with serving(Collector(), tls=tls) as collector, enrolled(tmp_path, collector, other) as link:
        link.ca_mark = "another"
        assert not await Authorities(link, tmp_path, problems=Problems()).follow()
    kept = load_enrolment(tmp_path)
    assert kept is not None
    assert kept.ca_pem == other


async def test_an_agent_says_what_it_recognises_the_collector_by(tmp_path: Path) -> None:
    for url, said in (("http://127.0.0.1:1", ("none",)), ("https://c.example", ("system",))):
        async with Link(Collector(url=url).add_agent()) as link:
            assert Authorities(link, tmp_path, problems=Problems()).trusts() == said


async def test_an_agent_that_was_cut_off_comes_back_with_a_pin_and_without_a_token(tmp_path: Path) -> None:
    tls = make_tls(tmp_path)
    ours = tls.ca_pem.decode()
    async with serving(Collector(), tls=tls) as collector:
        collector.ca_pem = tls.ca_pem
        identity = collector.add_agent()
        write_key(tmp_path, identity.key)
        cut_off = Enrolment(
            identity.agent, "t", "n", collector.url, "active", authority(tmp_path, "gone"), announced="x"
        )
        save_enrolment(tmp_path, cut_off)
        done = await enrol(tmp_path, Wanted(url=collector.url, token=None, name="n", ca_pin=pins(ours)[0]))
    assert (done.before, done.enrolment.agent, done.enrolment.ca_pem) == (True, identity.agent, ours)
    assert load_enrolment(tmp_path) == done.enrolment


def write_key(folder: Path, key: PrivateKey) -> None:
    key.save(folder / KEY_FILE)
