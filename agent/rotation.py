"""A new key in two phases: durable here, offered under the old one, the agent's with its first use.

At every moment at least one key works. Until the collector has the candidate, the old one does; from then on the
candidate does, for its first request makes it the agent's. So after a crash the candidate is tried first, and the old
key only when the collector does not know the candidate.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import msgspec

from agent.control import Channel, ControlError, Handler
from agent.disk import DiskThread
from agent.identity import (
    candidate_key,
    current_key,
    drop_candidate,
    key_made_at,
    promote_candidate,
    waiting_candidate,
)
from agent.jobs import JobFailedError, JobRefusedError, Work
from agent.link import Link, LinkDownError, Method, Reply
from agent.problems import Problems
from agent.waiting import wait_for
from common import logs, wire
from common.clock import Now, utc_now
from common.identity import PrivateKey
from common.wire import Job, KeyOffer, KeyReply

log = logs.get("agent.key")

KEYS_PATH = "/agent/v1/keys"
PROBE_PATH = "/agent/v1/assignment"
COMMAND = "key.rotate"
DEADLINE_S = 20.0
LOOK_EVERY_S = 3600.0
RETRY_S = 60.0
_TOPIC = "key"


class RotationFailedError(Exception):
    """The key is the one it was, or will turn out to be changed; the message says which and why."""


class Changed(msgspec.Struct, frozen=True):
    """What came of a change of keys."""

    before: str
    after: str

    def line(self) -> str:
        return f"key {self.before[:12]} is replaced by {self.after[:12]}"


class Rotation:
    """Changes the key of one agent, one change at a time. `max_age`: None, or when that is done by itself."""

    def __init__(
        self,
        state_dir: Path,
        link: Link,
        disk: DiskThread,
        *,
        problems: Problems,
        max_age: timedelta | None = None,
        carried: bool = False,
        now: Now = utc_now,
    ) -> None:
        self._state_dir = state_dir
        self._link = link
        self._disk = disk
        self._problems = problems
        self._max_age = max_age
        self._carried = carried
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        link.on_key = self._hear

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What commands on the same host may ask for."""
        return {COMMAND: self._command}

    def resume(self) -> None:
        """Before the first request: sign by the candidate that an unfinished change has left."""
        candidate = None if self._carried else waiting_candidate(self._state_dir)
        if candidate is not None:
            self._link.try_key(candidate)

    async def run(self) -> None:
        """Finish what was begun; change a key that is old enough. Ends when cancelled."""
        while True:
            unfinished = await self._disk(waiting_candidate, self._state_dir) is not None
            if unfinished and not await self._by_itself():
                await asyncio.sleep(RETRY_S)
                continue
            await wait_for(self._wake, LOOK_EVERY_S)  # first: a clone is told by then that it is one
            if await self._disk(self._is_old) and not self._link.parked:
                await self._by_itself()

    async def rotate(self) -> Changed:
        """Change the key now; `RotationFailedError` or `LinkDownError` when that did not come to an end."""
        if self._carried:
            raise RotationFailedError("records are carried: a new key comes with `fieldpost-agent enroll --request`")
        async with self._one_at_a_time:
            return await self._rotate()

    async def _rotate(self) -> Changed:
        before = await self._disk(current_key, self._state_dir)
        candidate = await self._disk(candidate_key, self._state_dir)
        if self._link.on_trial:  # a crash has left it, before or after it was offered
            await self._prove()
        if not self._uses(candidate):
            await self._offer(candidate)
            self._link.try_key(candidate)
            await self._prove()
        if not self._uses(candidate):
            raise RotationFailedError("the collector does not know the new key any more; the old one stays")
        await self._disk(promote_candidate, self._state_dir)
        self._problems.over(_TOPIC)
        done = Changed(before.key_id, candidate.key_id)
        log.info("key changed", before=done.before, after=done.after)
        return done

    def job(self, job: Job) -> Work:
        """What a job of the collector is to do."""
        if job.target not in ("", self._link.identity.agent):
            raise JobRefusedError(f"target `{job.target}`; expected this agent, {self._link.identity.agent}")
        return self._as_job

    # --- the steps ---

    async def _offer(self, candidate: PrivateKey) -> None:
        agent, text = self._link.identity.agent, candidate.public.text
        body = wire.encode(KeyOffer(text, candidate.sign(f"{agent} {text}".encode())))
        reply = await self._ask("POST", KEYS_PATH, body)
        if reply.status != HTTPStatus.OK:
            await self._not_taken(reply)
        try:
            wire.decode(reply.body, KeyReply)
        except wire.WireError as error:
            raise RotationFailedError(f"the answer to the offer of a key cannot be read: {error.detail}") from None

    async def _ask(self, method: Method, path: str, body: bytes | None = None) -> Reply:
        """One request, and another one where our clock was the trouble: its answer has told the time."""
        headers = {"Content-Type": "application/json"} if body is not None else None
        reply = await self._link.request(method, path, deadline_s=DEADLINE_S, body=body, headers=headers)
        if reply.error is None or reply.error.code != "clock_skew":
            return reply
        return await self._link.request(method, path, deadline_s=DEADLINE_S, body=body, headers=headers)

    async def _not_taken(self, reply: Reply) -> None:
        """A candidate that will never be taken goes away, so that the next time begins with another one."""
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.BAD_REQUEST):
            await self._disk(drop_candidate, self._state_dir)
        if reply.status == HTTPStatus.NOT_FOUND:
            raise RotationFailedError("the collector is of an older release, which knows no change of keys")
        raise RotationFailedError(f"the collector does not take the new key: {reply.why()}")

    async def _prove(self) -> None:
        """Use the key that is on trial; the link falls back to the one before when the collector does not know it."""
        reply = await self._ask("GET", PROBE_PATH)
        if self._link.on_trial:
            raise RotationFailedError(f"the collector has the new key and does not answer for it yet: {reply.why()}")

    def _uses(self, candidate: PrivateKey) -> bool:
        return self._link.identity.key.key_id == candidate.key_id

    def _hear(self, taken: bool) -> None:  # noqa: FBT001 - the link calls it
        self._wake.set()
        log.info("the new key is taken" if taken else "the collector does not know the new key; the old one is used")

    # --- who asks ---

    async def _by_itself(self) -> bool:
        try:
            await self.rotate()
        except (RotationFailedError, LinkDownError, OSError) as error:
            self._problems.report(_TOPIC, f"the key could not be changed: {error}")
            return False
        return True

    async def _as_job(self) -> str:
        try:
            return (await self.rotate()).line()
        except (RotationFailedError, LinkDownError, OSError) as error:
            self._wake.set()  # what is left of it is finished soon
            raise JobFailedError(str(error)) from None

    async def _command(self, _channel: Channel, _request: msgspec.Raw) -> Changed:
        try:
            return await self.rotate()
        except (RotationFailedError, LinkDownError, OSError) as error:
            self._wake.set()
            raise ControlError(str(error)) from None

    def _is_old(self) -> bool:
        return self._max_age is not None and self._now() - key_made_at(self._state_dir) >= self._max_age
