"""What a collector of an earlier version kept is there after the upgrade, and its agents go on where they were."""

from collections.abc import Iterator
from typing import Any

import httpx

from collector.edge import Edge
from common.wire import Ack, decode
from tests.collector.accounts import client_of
from tests.collector.builders import AgentHere
from tests.versions import recorded
from tests.versions.conftest import Dump
from tests.versions.record import ANSWERS
from tests.versions.recorded import Batch

LATER = 1_000_000
OF_THE_MOMENT = {
    "timestamp",
    "requestId",
    "last_active_at",
    "last_used_at",
    "data_state",
    "stale_since",
    "current_status",
    "status_since",
    "reasons",
}
"""What depends on when it is read, or on who read before."""
BEGUN_SINCE = {"maintenance": {"status", "actual_start", "actual_end"}}
"""Likewise, in one list alone: work that was to come then is over by now."""


async def test_lists_are_as_they_were(upgraded_app: Edge, dump: Dump) -> None:
    told = recorded.answers(*dump)
    async with client_of(upgraded_app) as client:
        logged_on = await client.post("/tuner/v1/api/auth/login", json=told["session"])
        session = logged_on.json()["data"]["accessToken"]
        for name, before in told["answers"].items():
            by, path = ANSWERS[name]
            bearer = session if by == "session" else told[by]
            headers = {"Authorization": f"Bearer {bearer}"}
            answer = await client.get(path.format(account=told["account"]), headers=headers)
            assert answer.status_code == 200, answer.text
            assert list(missing(before, answer.json(), name)) == []


def missing(before: Any, now: Any, at: str) -> Iterator[str]:
    """Where something that was said before is not said any more; what is said in addition is fine."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key, value in before.items():
            if key in OF_THE_MOMENT | BEGUN_SINCE.get(at.partition(".")[0], set()):
                continue
            yield from missing(value, now[key], f"{at}.{key}") if key in now else [f"{at}.{key} is gone"]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from missing(one, other, f"{at}[{number}]")
    elif before != now:
        yield f"{at}: {before!r} became {now!r}"


async def test_agents_that_repeat_what_was_stored_then_are_told_so_and_go_on(upgraded_app: Edge, dump: Dump) -> None:
    async with client_of(upgraded_app) as client:
        for speaker in recorded.corpus(*dump).speakers:
            agent = AgentHere(0, speaker.id, speaker.key)
            for batch in speaker.batches:
                answer = await agent.send(client, batch.body, batch.signature)
                assert answer.status_code == 200, answer.text
                ack = decode(answer.content, Ack)
                assert (ack.new, ack.dup, ack.rejected) == (0, batch.about["count"], ())
                assert (ack := await _continued(client, agent, batch)).new == batch.about["count"], ack


async def _continued(client: httpx.AsyncClient, agent: AgentHere, batch: Batch) -> Ack:
    """The same once more, as if it had happened again: records that nobody has seen yet."""
    later = batch.renumbered(LATER)
    answer = await agent.send(client, later.body, agent.key.sign(later.header.encode()))
    assert answer.status_code == 200, answer.text
    return decode(answer.content, Ack)
