from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.assigned import FILE_NAME, parse
from agent.assignment import Assignments
from agent.disk import DiskThread
from agent.link import Link
from agent.problems import Problems
from common import wire
from common.wire import Assignment, CheckSetting
from common.wire_aws import Account
from tests.agent.collectors import Collector, serving

SETTING = CheckSetting("TABLESPACE_USED_PCT", "tenant", warning=80.0, critical=90.0)


@dataclass
class Setup:
    collector: Collector
    link: Link
    state: Path
    disk: DiskThread
    problems: Problems = field(default_factory=Problems)
    changes: list[str] = field(default_factory=list)

    def make(self) -> Assignments:
        return Assignments(
            self.link, self.state, self.disk, problems=self.problems, on_change=lambda a: self.changes.append(a.version)
        )


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[Setup]:
    with closing(DiskThread()) as disk:
        async with serving(Collector()) as collector, Link(collector.add_agent()) as link:
            yield Setup(collector, link, tmp_path, disk)


async def test_a_new_assignment_is_applied_and_survives_a_restart(setup: Setup) -> None:
    setup.collector.assignment = Assignment("v1", checks=(SETTING,))
    assignments = setup.make()
    assert assignments.current.version == ""
    assert await assignments.step() == 0
    assert assignments.current.checks == (SETTING,)
    assert setup.changes == ["v1"]
    assert setup.make().current == assignments.current


async def test_a_change_comes_while_the_poll_waits(setup: Setup) -> None:
    assignments = setup.make()
    await assignments.step()
    setup.collector.assignment = Assignment("v2")
    setup.collector.changed.set()
    await assignments.step()
    assert assignments.current.version == "v2"


async def test_nothing_new_changes_nothing(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    assignments = setup.make()
    await assignments.step()
    monkeypatch.setattr("agent.assignment.WAIT_S", 0)
    before = (setup.state / FILE_NAME).stat().st_mtime_ns
    assert await assignments.step() == 0
    assert setup.changes == ["v1"]
    assert (setup.state / FILE_NAME).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"{", "truncated"),
        (b'{"version": "v2", "checks": [{"check": "X", "origin": "moon"}]}', "checks"),
        (b'{"version": "v2", "checks": [{"check": "X", "origin": "tag"}]}', "expected a tag"),
        (b'{"version": "v2", "checks": [{"check": "X", "origin": "connection"}]}', "expected a connection"),
        (b'{"version": "v2", "heartbeat_s": 0}', "heartbeat_s"),
        (b'{"version": "v3"}', "version: `v3`; expected its ETag `v2`"),
        (b"<html>login here</html>", "malformed"),
    ],
)
async def test_a_bad_assignment_is_refused_and_reported_and_the_old_one_stays(
    setup: Setup, document: bytes, reason: str
) -> None:
    setup.collector.assignment = Assignment("v1", checks=(SETTING,))
    assignments = setup.make()
    await assignments.step()
    setup.collector.assignment = Assignment("v2")
    setup.collector.raw_assignment = document
    await assignments.step()
    assert assignments.current.version == "v1"
    assert setup.changes == ["v1"]
    problem = setup.problems.texts()[0]
    assert "version `v2` is refused" in problem
    assert reason in problem
    requests = setup.collector.assignment_requests
    setup.collector.raw_assignment, setup.collector.assignment = None, Assignment("v4")
    await assignments.step()
    assert assignments.current.version == "v4"
    assert setup.problems.texts() == ()
    assert setup.collector.assignment_requests == requests + 1


async def test_without_a_collector_the_last_good_one_stays_in_force(setup: Setup) -> None:
    setup.collector.assignment = Assignment("v1", checks=(SETTING,))
    await setup.make().step()
    object.__setattr__(setup.link.identity, "url", "http://127.0.0.1:1")
    assignments = setup.make()
    assert await assignments.step() > 0
    assert assignments.current.checks == (SETTING,)
    assert "assignment poll" in setup.problems.texts()[0]


async def test_a_damaged_file_is_reported_and_replaced(setup: Setup) -> None:
    (setup.state / FILE_NAME).write_bytes(b"\0\0\0")
    assignments = setup.make()
    assert "cannot be used" in setup.problems.texts()[0]
    await assignments.step()
    assert setup.make().current.version == "v1"


def full(_path: Path, _content: bytes) -> None:
    raise OSError(28, "No space left on device")


async def test_a_disk_that_does_not_take_it_does_not_keep_it_from_being_applied(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.assignment.write_private", full)
    assignments = setup.make()
    await assignments.step()
    assert assignments.current.version == "v1"
    assert "No space left" in setup.problems.texts()[0]


async def test_only_what_is_on_the_disk_is_confirmed_to_the_collector(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignments = setup.make()
    await assignments.step()
    with monkeypatch.context() as patch:
        patch.setattr("agent.assignment.write_private", full)
        setup.collector.assignment = Assignment("v2")
        await assignments.step()
    assert (assignments.current.version, assignments.kept, setup.make().kept) == ("v2", "v1", "v1")
    monkeypatch.setattr("agent.assignment.WAIT_S", 0)
    await assignments.step()
    assert (assignments.kept, setup.make().current.version) == ("v2", "v2")
    assert setup.problems.texts() == ()


async def test_a_parked_machine_leaves_aws_alone_until_it_is_accepted(setup: Setup) -> None:
    account = Account("123456789012", "Production", "arn:aws:iam::123456789012:role/x", "ext", ("us-east-1",))
    setup.collector.assignment = Assignment("v1", checks=(SETTING,), accounts=(account,))
    setup.link.new_instance("i2")
    assignments = setup.make()
    await assignments.step()
    setup.collector.parked.add("i2")
    assert await assignments.step() > 0
    assert assignments.current.accounts == ()
    restarted = setup.make()
    assert restarted.current.accounts == ()
    setup.collector.parked.clear()
    for each in (assignments, restarted):
        assert await each.step() == 0
        assert list(each.current.accounts) == [account]


async def test_a_revoked_agent_leaves_aws_alone_and_goes_on_with_its_checks(setup: Setup) -> None:
    account = Account("123456789012", "Production", "arn:aws:iam::123456789012:role/x", "ext", ("us-east-1",))
    setup.collector.assignment = Assignment("v1", checks=(SETTING,), accounts=(account,))
    assignments = setup.make()
    await assignments.step()
    setup.collector.agents.clear()
    assert await assignments.step() > 0
    assert list(assignments.current.accounts) == [account]
    setup.collector.revoked.add(setup.link.identity.agent)
    assert await assignments.step() > 0
    assert list(assignments.current.accounts) == []
    assert assignments.current.checks == (SETTING,)
    assert setup.make().current.accounts == ()
    assert setup.changes == ["v1", "v1.shut"]


def test_fields_of_a_newer_collector_are_ignored() -> None:
    document = wire.encode({"version": "v9", "power": [{"schedule": 1}]})
    assert parse(document, etag="v9").version == "v9"
