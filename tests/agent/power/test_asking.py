"""The child process whole: what comes back from it, and what becomes of it when it does not."""

import asyncio
import os
import sys
from pathlib import Path

import msgspec
import pytest

from agent.aws.messages import Target
from agent.power.asking import AskingError, look, switch
from agent.power.messages import Call, LookRequest, SwitchRequest
from tests.agent.power.conftest import Asking
from tests.standins.aws.launch import Aws

pytestmark = pytest.mark.slow
OFFICE = {"Schedule": "office-hours"}
NOWHERE = Target("111122223333", "arn:aws:iam::111122223333:role/FieldpostSchedule", "fp-secret-of-trust")


def children() -> set[str]:
    """The processes that this one has started."""
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


async def test_a_look_comes_back_from_the_child_as_it_was_made_there(asking: Asking) -> None:
    found = await look(asking(tags=(OFFICE,), types=("RDS", "ASG"), worth=True))
    by_id = {one.resource.id: one for one in found.resources}
    assert set(by_id) == {"office-db-0", "office-primary-0", "office-replica", "office-group"}
    assert by_id["office-db-0"].rate is not None
    assert by_id["office-primary-0"].resource.kind == msgspec.structs.replace(
        by_id["office-primary-0"].resource.kind, replicas=("office-replica",)
    )
    assert found.gaps == {}
    assert abs(found.skew_s) < 60


async def test_why_an_account_cannot_be_used_is_said_in_one_line_without_its_external_id(as_agent: Aws) -> None:
    assert as_agent.accounts
    with pytest.raises(AskingError) as refused:
        await look(LookRequest(NOWHERE, "eu-west-1", ("EC2",), tags=(OFFICE,)))
    assert str(refused.value).endswith("role/FieldpostSchedule: access denied (sts:AssumeRole)")
    assert "fp-secret-of-trust" not in str(refused.value)


async def test_without_credentials_the_reason_names_where_they_could_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AskingError, match="no AWS credentials"):
        await look(LookRequest(NOWHERE, "eu-west-1", ("EC2",), tags=(OFFICE,)))


async def test_a_look_that_would_need_more_memory_than_it_may_take_says_so(asking: Asking) -> None:
    with pytest.raises(AskingError, match=r"12 MiB of memory|ended with code"):
        await look(asking(tags=(OFFICE,), memory_mib=12))


async def test_a_child_that_does_not_come_to_its_end_is_ended(asking: Asking, as_agent: Aws) -> None:
    as_agent.set_faults(latency_ms=20_000)
    before = children()
    with pytest.raises(AskingError, match="not done within"):
        await look(asking(tags=(OFFICE,), deadline_s=-13.0))
    assert children() <= before


async def test_a_look_that_is_called_off_leaves_no_child(asking: Asking, as_agent: Aws) -> None:
    as_agent.set_faults(latency_ms=3000)
    before = children()
    task = asyncio.create_task(look(asking(tags=(OFFICE,))))
    for _ in range(100):
        if children() - before:
            break
        await asyncio.sleep(0.05)
    assert children() - before
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() <= before


async def test_answers_to_calls_come_one_by_one_and_who_stops_listening_ends_the_child(asking: Asking) -> None:
    request = asking()
    calls = tuple(Call(name, "EC2", "STOP", dry_run=True) for name in ("i-0123456789abcdef0", "i-0123456789abcdef1"))
    before = children()
    answers = switch(SwitchRequest(request.target, "eu-west-1", calls))
    first = await anext(answers)
    assert first.resource in {call.resource for call in calls}
    assert first.outcome == "refused"
    await answers.aclose()
    assert children() <= before


async def test_two_looks_at_once_do_not_mix(asking: Asking) -> None:
    one, other = await asyncio.gather(
        look(asking(ids=("office-db-0",), types=("RDS",))), look(asking(ids=("aurora",), types=("RDS",)))
    )
    assert [seen.resource.id for seen in one.resources] == ["office-db-0"]
    assert [seen.resource.id for seen in other.resources] == ["aurora"]


async def test_a_host_that_can_start_no_process_fails_this_look_alone(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(AskingError, match="no child process can be started: No such file or directory"):
        await look(asking(tags=(OFFICE,)))
