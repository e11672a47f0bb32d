"""Enrolment by file, and enrolment that is cut short: whatever step is the last, the next try gets on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import enrolment as enrolment_module
from agent import identity as identity_module
from agent.admission import read_reply, take_reply, write_request
from agent.enrolment import EnrolmentRefusedError, Wanted, enrol, state_at_collector
from agent.host_id import is_parked, note_parked
from agent.identity import (
    Enrolment,
    candidate_key,
    load_enrolment,
    load_identity,
    save_enrolment,
    waiting_candidate,
)
from common import admission
from common.admission import Reply
from common.errors import ConfigurationError
from common.identity import PrivateKey
from tests.agent.collectors import Collector, new_token, serving

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
COLLECTOR = PrivateKey.generate()


class KilledError(BaseException):
    """The process ends here."""


def killed(*_: object, **__: object) -> None:
    raise KilledError


def reply_to(request: Path, **changes: object) -> Path:
    asked, key = admission.read_request(request.read_bytes())
    values: dict[str, object] = {
        "key_id": key.key_id,
        "agent": "agt_1",
        "tenant": "acme",
        "name": asked.name,
        "collector_key": COLLECTOR.public.text,
        "made_at": NOW,
        **changes,
    }
    file = request.with_suffix(".reply")
    file.write_bytes(admission.reply_file(Reply(**values), COLLECTOR))  # type: ignore[arg-type]  # its own fields
    return file


class TestByFile:
    def test_a_host_becomes_an_agent_by_two_files(self, tmp_path: Path) -> None:
        state, request = tmp_path / "state", tmp_path / "db-1.request"
        key_id = write_request(state, request, name="db-1")
        assert write_request(state, request, name="db-1") == key_id, "asking twice is asking once"
        done = take_reply(state, read_reply(reply_to(request)))
        assert (done.enrolment.agent, done.enrolment.url, done.again) == ("agt_1", "", False)
        known = load_enrolment(state)
        assert known
        assert known.collector_key == COLLECTOR.public.text
        assert load_identity(state).key.key_id == key_id

    def test_a_reply_to_another_host_is_refused(self, tmp_path: Path) -> None:
        write_request(tmp_path / "one", tmp_path / "one.request", name="one")
        write_request(tmp_path / "two", tmp_path / "two.request", name="two")
        with pytest.raises(EnrolmentRefusedError, match="not this host's"):
            take_reply(tmp_path / "two", read_reply(reply_to(tmp_path / "one.request")))
        assert load_enrolment(tmp_path / "two") is None

    def test_a_new_key_takes_its_place_with_the_reply_and_not_before(self, tmp_path: Path) -> None:
        state, request = tmp_path / "state", tmp_path / "db-1.request"
        first = write_request(state, request, name="db-1")
        take_reply(state, read_reply(reply_to(request)))
        candidate_key(state)
        second = write_request(state, request, name="db-1", new_key=True)
        assert load_identity(state).key.key_id == first
        note_parked(state, "i1")
        take_reply(state, read_reply(reply_to(request, again=True)))
        assert load_identity(state).key.key_id == second
        assert waiting_candidate(state) is None, "it would replace a key that is not ours any more"
        assert not is_parked(state)

    @pytest.mark.parametrize("content", [b"", b"{}", b"x" * 70_000])
    def test_what_is_no_reply_is_named_as_such(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(EnrolmentRefusedError, match="reply: "):
            read_reply(tmp_path / "file")
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_reply(tmp_path / "none")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with serving(Collector()) as running:
        yield running


class TestCutShort:
    """A process that is killed between any two steps; the next one is given the same token and the same command."""

    STEPS = ("_trade", "save_enrolment", "settle", "hardlink_to", "replace", "sync_folder")

    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("new_key", [False, True], ids=["first", "new key"])
    async def test_the_same_command_again_ends_as_the_same_agent(
        self, tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch, step: str, *, new_key: bool
    ) -> None:
        if new_key:
            await enrol(tmp_path, Wanted(url=collector.url, token=new_token(collector), name="db-1"))
        wanted = Wanted(url=collector.url, token=new_token(collector), name="db-1", new_key=new_key)
        with monkeypatch.context() as patched:
            self._kill_at(patched, step)
            with pytest.raises(KilledError):
                await enrol(tmp_path, wanted)
        done = await enrol(tmp_path, wanted)
        assert len(collector.agents) == (2 if new_key else 1), "one token, one agent"
        assert done.enrolment.agent == f"agt_{len(collector.agents)}"
        reply, _ = await state_at_collector(tmp_path, done.enrolment)
        assert reply.status == 200
        assert load_identity(tmp_path).key.key_id == collector.agents[done.enrolment.agent].key_id

    @pytest.mark.parametrize("step", STEPS)
    async def test_until_a_new_key_counts_the_old_one_works(
        self, tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        """Nobody runs the command again: the daemon starts with what is there."""
        await enrol(tmp_path, Wanted(url=collector.url, token=new_token(collector), name="db-1"))
        wanted = Wanted(url=collector.url, token=new_token(collector), name="db-1", new_key=True)
        with monkeypatch.context() as patched:
            self._kill_at(patched, step)
            with pytest.raises(KilledError):
                await enrol(tmp_path, wanted)
        known = load_enrolment(tmp_path)
        assert known
        identity = load_identity(tmp_path)
        assert collector.agents[known.agent].key_id == identity.key.key_id

    @staticmethod
    def _kill_at(patched: pytest.MonkeyPatch, step: str) -> None:
        """At the first time of this step after the token was traded; before that nothing can be left half done."""
        if step in {"_trade", "save_enrolment"}:
            patched.setattr(enrolment_module, step, killed)
            return

        def saved(state_dir: Path, enrolment: Enrolment) -> None:
            save_enrolment(state_dir, enrolment)
            if step == "settle" or not (state_dir / "agent.key.enrolling").exists():
                raise KilledError  # a first enrolment ends here
            patched.setattr(identity_module if step == "sync_folder" else Path, step, killed)

        patched.setattr(enrolment_module, "save_enrolment", saved)
