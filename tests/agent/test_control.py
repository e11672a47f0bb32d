"""The socket of a running agent: for its owner alone, and every conversation ends in an answer or a reason."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
import pytest

from agent.control import Channel, ControlError, Conversation, Handler, NobodyThereError, ask, listening
from agent.sole import sole_user


async def double(channel: Channel, request: msgspec.Raw) -> int:
    number = msgspec.json.decode(request, type=int)
    if number < 0:
        raise ControlError("number: expected one that is not negative")
    del channel
    return 2 * number


async def send(channel: Channel, _request: msgspec.Raw) -> str:
    for piece in (b"one", b"two" * 100_000):
        await channel.send(piece)
    await channel.answer("that was all")
    assert await channel.read(bool)
    return "well kept"


async def take(channel: Channel, request: msgspec.Raw) -> int:
    content = await channel.receive(msgspec.json.decode(request, type=int))
    return len(content)


HANDLERS: Mapping[str, Handler] = {"double": double, "send": send, "take": take}


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[Path]:
    deep = tmp_path / ("folder-" * 12) / "state"  # longer than an address may be
    deep.mkdir(parents=True)
    async with listening(deep, HANDLERS):
        yield deep


async def test_a_question_is_answered(state: Path) -> None:
    assert await asyncio.to_thread(ask, state, "double", 21, int) == 42


async def test_a_refusal_comes_with_its_reason(state: Path) -> None:
    with pytest.raises(ControlError, match="not negative"):
        await asyncio.to_thread(ask, state, "double", -1, int)


async def test_a_command_that_the_agent_does_not_know_is_refused(state: Path) -> None:
    with pytest.raises(ControlError, match="of another version"):
        await asyncio.to_thread(ask, state, "halve", 1, int)


async def test_bytes_go_both_ways(state: Path) -> None:
    def converse() -> tuple[int, str, str]:
        size = 0
        with Conversation.opened(state, "send", None, seconds=5) as agent:
            while (heard := agent.heard()).content:
                size += len(heard.content)
            said = msgspec.json.decode(heard.answer, type=str)
            agent.say(value=True)
            return size, said, agent.answer(str)

    def give() -> int:
        with Conversation.opened(state, "take", 70_000, seconds=5) as agent:
            agent.send(bytes(70_000))
            return agent.answer(int)

    assert await asyncio.to_thread(converse) == (300_003, "that was all", "well kept")
    assert await asyncio.to_thread(give) == 70_000


async def test_the_socket_is_its_owners_alone_and_goes_with_the_agent(tmp_path: Path) -> None:
    async with listening(tmp_path, HANDLERS):
        assert stat.S_IMODE((tmp_path / "control.sock").stat().st_mode) == 0o600
    assert not (tmp_path / "control.sock").exists()
    with pytest.raises(NobodyThereError):
        await asyncio.to_thread(ask, tmp_path, "double", 1, int)


async def test_an_agent_that_holds_its_folder_and_does_not_listen_yet_is_waited_for(tmp_path: Path) -> None:
    with sole_user(tmp_path):
        asked = asyncio.create_task(asyncio.to_thread(ask, tmp_path, "double", 3, int))
        await asyncio.sleep(0.5)
        assert not asked.done()
        async with listening(tmp_path, HANDLERS):
            assert await asked == 6


async def test_one_that_has_held_its_folder_for_long_and_does_not_listen_is_not_waited_for(tmp_path: Path) -> None:
    with sole_user(tmp_path):
        long_ago = (tmp_path / "agent.lock").stat().st_mtime - 60
        os.utime(tmp_path / "agent.lock", (long_ago, long_ago))
        asked = asyncio.create_task(asyncio.to_thread(ask, tmp_path, "double", 3, int))
        with pytest.raises(NobodyThereError):
            await asyncio.wait_for(asked, 10)


async def test_what_an_agent_that_was_killed_left_behind_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("left")
    async with listening(tmp_path, HANDLERS):
        assert await asyncio.to_thread(ask, tmp_path, "double", 2, int) == 4


async def test_nonsense_and_silence_end_one_conversation_and_no_other(state: Path) -> None:
    def mutter() -> None:
        with Conversation.opened(state, "take", 10, seconds=5) as agent:
            agent.send(b"short")

    await asyncio.to_thread(mutter)
    with pytest.raises(ControlError):
        await asyncio.to_thread(ask, state, "double", "no number", int)
    assert await asyncio.to_thread(ask, state, "double", 3, int) == 6
