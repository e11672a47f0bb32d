"""What the collector wants of this agent: fetched by long poll, kept on disk, in force until a better one comes.

A document that cannot be used is refused and reported, and the one before stays in force.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import msgspec

from agent.assigned import FILE_NAME, parse
from agent.backoff import BackOff
from agent.disk import DiskThread
from agent.link import Link, LinkDownError, Reply
from agent.problems import Problems
from common import logs, wire
from common.identity import write_private
from common.wire import Assignment

log = logs.get("agent.assignment")

PATH = "/agent/v1/assignment"
WAIT_S = 50
DEADLINE_S = WAIT_S + 20.0
_TOPIC = "assignment"
_LINK_TOPIC = "assignment poll"
_FILE_TOPIC = "assignment file"
_SHUT_OUT = ("revoked", "identity_conflict")
NOTHING_WANTED = Assignment(version="")


class Assignments:
    """Holds the assignment in force. `on_change` gets every new one; `on_reached` hears of every answer at all."""

    def __init__(
        self,
        link: Link,
        state_dir: Path,
        disk: DiskThread,
        *,
        problems: Problems,
        on_change: Callable[[Assignment], None] = lambda _: None,
        on_reached: Callable[[], None] = lambda: None,
    ) -> None:
        self._link = link
        self._path = state_dir / FILE_NAME
        self._disk = disk
        self._problems = problems
        self._on_change = on_change
        self._on_reached = on_reached
        self._back_off = BackOff()
        self.current = self._last_good()
        self.kept = self.current.version
        """What a restart would begin with: what this agent may say that it applies."""
        self._seen = self.current.version if self.current.collector_key else ""  # ask for all of it once
        self._unkept: bytes | None = None

    async def run(self) -> None:
        """Poll for ever; ends when cancelled."""
        while True:
            delay = await self.step()
            await asyncio.sleep(delay)

    async def step(self) -> float:
        """One long poll; seconds to wait before the next."""
        headers = {"If-None-Match": f'"{self._seen}"'} if self._seen else None
        try:
            reply = await self._link.request(
                "GET", PATH, query=f"?wait={WAIT_S}", deadline_s=DEADLINE_S, headers=headers
            )
        except LinkDownError as error:
            return self._put_off(str(error), code="down")
        self._on_reached()
        if reply.status == HTTPStatus.OK:
            await self._take(reply)
        elif reply.status != HTTPStatus.NOT_MODIFIED:
            await self._shut_out(reply)
            return self._put_off(reply.why(), code=str(reply.status), retry_after=reply.retry_after)
        await self._keep()
        self._problems.over(_LINK_TOPIC)
        self._back_off.reset()
        return 0.0

    async def _take(self, reply: Reply) -> None:
        """Use the document, or say why not; either way this version is not fetched again."""
        self._seen = reply.etag
        try:
            assignment = parse(reply.body, etag=reply.etag)
        except wire.WireError as error:
            self._problems.report(_TOPIC, f"version `{reply.etag}` is refused: {error.detail}", code=reply.etag)
            return
        self._problems.over(_TOPIC)
        self._seen = assignment.version
        if assignment != self.current:
            await self._apply(assignment, reply.body)

    async def carried(self, assignment: Assignment) -> str:
        """Use a document that somebody carried here; why it is not in force for good, "" when it is."""
        document = wire.encode(assignment)
        try:
            parse(document, etag="")
        except wire.WireError as error:
            self._problems.report(_TOPIC, f"version `{assignment.version}` is refused: {error.detail}")
            return error.detail
        self._problems.over(_TOPIC)
        self._seen = assignment.version
        if assignment != self.current:
            await self._apply(assignment, document)
        else:
            await self._keep()
        return "" if self._unkept is None else "it cannot be kept on disk"

    async def _apply(self, assignment: Assignment, document: bytes) -> None:
        self._unkept = document
        await self._keep(assignment.version)
        self.current = assignment
        log.info("assignment applied", version=assignment.version, jobs=len(assignment.jobs))
        self._on_change(assignment)

    async def _keep(self, version: str | None = None) -> None:
        """Put what is in force on the disk, also when it did not take it the first time."""
        if self._unkept is None:
            return
        try:
            await self._disk(write_private, self._path, self._unkept)
        except OSError as error:
            self._problems.report(_FILE_TOPIC, f"the assignment cannot be kept on disk: {error.strerror}")
            return
        self._unkept = None
        self.kept = self.current.version if version is None else version
        self._problems.over(_FILE_TOPIC)

    async def _shut_out(self, reply: Reply) -> None:
        """An agent that is revoked, or parked as a clone, acts in no AWS account any more: others may do so by now.

        What is left has a version of its own, so that a parked one that is accepted is told everything again.
        """
        if reply.error is None or reply.error.code not in _SHUT_OUT or not self.current.accounts:
            return
        version = f"{self.current.version}.shut"
        left = msgspec.structs.replace(self.current, version=version, accounts=(), schedules=(), overrides=(), jobs=())
        await self._apply(left, wire.encode(left))
        self._seen = version

    def _last_good(self) -> Assignment:
        try:
            return parse(self._path.read_bytes(), etag="")
        except FileNotFoundError:
            return NOTHING_WANTED
        except (OSError, wire.WireError) as error:
            self._problems.report(_TOPIC, f"{self._path} cannot be used: {error}")
            return NOTHING_WANTED

    def _put_off(self, text: str, *, code: str, retry_after: float | None = None) -> float:
        self._problems.report(_LINK_TOPIC, text, code=code)
        return self._back_off.next(retry_after)
