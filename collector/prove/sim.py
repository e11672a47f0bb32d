"""A simulated agent: it notes down durably what it has to say, says it until it is acknowledged, and counts.

Beside its journal on disk it keeps nothing, so it can be killed at any moment, like the real one.
"""

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp

from common import ids, wire
from common.clock import utc_now
from common.identity import Origin, PrivateKey, write_private
from common.wire import Ack, ConnectionInfo, EnrolReply, EnrolRequest, Inventory, Kind, LinkError, Outcome, Run, Stream

BATCHES = "/agent/v1/batches"
CONNECTIONS = 5
_WAIT_S = 10
_CHECK = "DB_CONNECT"


class RefusedError(Exception):
    """The collector will not take what this agent sends, whatever often it is sent."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an agent is; kept in its folder."""

    agent: str
    key: PrivateKey
    epoch: str

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.key.save(folder / "key.pem")
        write_private(folder / "identity.json", json.dumps({"agent": self.agent, "epoch": self.epoch}).encode())

    @classmethod
    def load(cls, folder: Path) -> "Identity":
        said = json.loads((folder / "identity.json").read_text())
        return cls(said["agent"], PrivateKey.load(folder / "key.pem"), said["epoch"])


@dataclass(slots=True)
class Journal:
    """What an agent has said, by number, and which of it was acknowledged. Durable before it counts."""

    folder: Path
    lines: dict[int, bytes] = field(default_factory=dict)
    acked: set[int] = field(default_factory=set)

    @classmethod
    def open(cls, folder: Path) -> "Journal":
        """As the last process left it; half a line at its end was never said."""
        journal = cls(folder)
        for line in _whole_lines(folder / "said"):
            journal.lines[wire.parse_record(line).seq] = line
        for line in _whole_lines(folder / "acked"):
            first, last = map(int, line.split())
            journal.acked.update(range(first, last + 1))
        return journal

    def say(self, count: int) -> list[int]:
        """So many more records: runs, and before them the inventory."""
        first = len(self.lines) + 1
        made = {seq: self._record(seq) for seq in range(first, first + count)}
        _append(self.folder / "said", b"".join(line + b"\n" for line in made.values()))
        self.lines.update(made)
        return list(made)

    def note(self, ranges: Iterable[tuple[int, int]]) -> None:
        """These are safe, the collector says."""
        found = [(first, last) for first, last in ranges]
        _append(self.folder / "acked", b"".join(b"%d %d\n" % one for one in found))
        for first, last in found:
            self.acked.update(range(first, last + 1))

    @property
    def pending(self) -> list[int]:
        return sorted(set(self.lines) - self.acked)

    def runs(self, seqs: Iterable[int]) -> list[str]:
        """The names of the runs among these numbers, as the store has them."""
        return [self.run_name(seq) for seq in seqs if seq > 1]

    def run_name(self, seq: int) -> str:
        return f"{self.folder.name}-{seq:08d}"

    def _record(self, seq: int) -> bytes:
        now = utc_now()
        if seq == 1:
            return wire.record_line(seq, Kind.INVENTORY, now, _inventory())
        return wire.record_line(seq, Kind.RUN, now, _run(self.run_name(seq), seq, now))


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records on their way, signed."""

    seqs: tuple[int, ...]
    header: bytes
    body: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the collector said to a batch; `status` 0: nothing that can be read came back."""

    status: int
    ack: Ack | None = None
    error: LinkError | None = None

    @property
    def code(self) -> str:
        return self.error.code if self.error else ""


@dataclass(slots=True)
class Manners:
    """How an agent sends. `size`: records a batch at most, cut anew each time by chance; `lanes`: batches at once."""

    size: int = 100
    lanes: int = 2
    recut: bool = True


@dataclass(slots=True)
class Agent:
    """One simulated agent; `url` may be a proxy's. What it counts: batches, answers by status, new, dup."""

    folder: Path
    url: str
    identity: Identity
    web: aiohttp.ClientSession
    chance: random.Random
    manners: Manners = field(default_factory=Manners)
    stream: Stream = "live"
    counts: Counter[str] = field(default_factory=Counter)
    journal: Journal = field(init=False)
    instance: str = field(default_factory=lambda: ids.random_text(16))

    def __post_init__(self) -> None:
        self.journal = Journal.open(self.folder)

    @property
    def name(self) -> str:
        return self.folder.name

    def say(self, count: int) -> list[int]:
        return self.journal.say(count)

    async def deliver(self, *, within_s: float) -> None:
        """Send until everything is acknowledged; `TimeoutError` where that takes too long."""
        async with asyncio.timeout(within_s):
            while pending := self.journal.pending:
                await self.send(pending)

    async def send(self, seqs: Sequence[int]) -> None:
        """One attempt at these records, in batches, some at once; what was acknowledged is noted."""
        waiting = list(self.cut(seqs))
        while waiting:
            now, waiting = waiting[: self.manners.lanes], waiting[self.manners.lanes :]
            answers = await asyncio.gather(*(self.post(self.batch(part)) for part in now))
            if any(answer.ack is None for answer in answers):
                await asyncio.sleep(self.chance.uniform(0.01, 0.1))

    def cut(self, seqs: Sequence[int]) -> list[tuple[int, ...]]:
        """Records as batches of any size up to `size`."""
        parts, at = [], 0
        while at < len(seqs):
            size = self.chance.randint(1, self.manners.size) if self.manners.recut else self.manners.size
            parts.append(tuple(seqs[at : at + size]))
            at += size
        return parts

    def batch(self, seqs: Sequence[int], *, sent_at: datetime | None = None) -> Batch:
        """Records as they travel."""
        header, body = wire.pack(
            [self.journal.lines[seq] for seq in seqs],
            agent=self.identity.agent,
            epoch=self.identity.epoch,
            stream=self.stream,
            seqs=seqs,
            boot="boot",
            sent_at=sent_at or utc_now(),
            instance=self.instance,
            host=self.name,
        )
        return Batch(tuple(seqs), header, body, self.identity.key.sign(header))

    async def post(self, batch: Batch) -> Answer:
        """Send it once and note the ack. `RefusedError` where no repetition would help."""
        answer = await self.offer(batch)
        self.counts["batches"] += 1
        self.counts[f"status_{answer.status}"] += 1
        if answer.ack is not None:
            self.counts["new"] += answer.ack.new
            self.counts["dup"] += answer.ack.dup
            self.counts["rejected"] += len(answer.ack.rejected)
            self.journal.note(answer.ack.acked)
        elif answer.status and answer.status < 500 and answer.status not in {408, 425, 429}:  # noqa: PLR2004 - HTTP's
            raise RefusedError(answer.status, answer.code)
        return answer

    async def offer(
        self,
        batch: Batch,
        *,
        at: datetime | None = None,
        key: PrivateKey | None = None,
        signature: str | None = None,
        agent: str | None = None,
    ) -> Answer:
        """Send it once and note nothing; the rest is for those who pretend to be somebody or somewhen else."""
        bearer = (key or self.identity.key).request_token(
            agent=agent or self.identity.agent,
            method="POST",
            path=BATCHES,
            now=at or utc_now(),
            origin=Origin(self.instance, self.name, "boot"),
        )
        headers = {
            "Authorization": f"Bearer {bearer}",
            "Content-Type": wire.CONTENT_TYPE,
            "Content-Encoding": "gzip",
            wire.SIGNATURE_HEADER: signature or batch.signature,
        }
        try:
            async with self.web.post(f"{self.url}{BATCHES}", data=batch.body, headers=headers) as reply:
                return _understood(reply.status, await reply.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Answer(0)


@asynccontextmanager
async def enrolled(
    folder: Path, url: str, token: str, *, chance: random.Random, manners: Manners | None = None, via: str = ""
) -> AsyncIterator[Agent]:
    """A new agent, or the one that this folder belongs to. `via`: through what it speaks once it is enrolled."""
    async with session() as web:
        if not (folder / "identity.json").exists():
            await enrol(folder, url, token, web=web)
        yield Agent(folder, via or url, Identity.load(folder), web, chance, manners or Manners())


async def enrol(folder: Path, url: str, token: str, *, web: aiohttp.ClientSession) -> EnrolReply:
    """Make a key, trade the token for an agent id, and keep both in this folder."""
    key = PrivateKey.generate()
    request = _request(folder.name, key, token)
    async with web.post(f"{url}/agent/v1/enroll", data=wire.encode(request)) as reply:
        content = await reply.read()
        if reply.status != 200:  # noqa: PLR2004 - HTTP's
            raise RefusedError(reply.status, wire.decode(content, LinkError).code)
    said = wire.decode(content, EnrolReply)
    Identity(said.agent, key, ids.random_text(16)).save(folder)
    return said


def _request(name: str, key: PrivateKey, token: str) -> EnrolRequest:
    return EnrolRequest(
        token=token,
        public_key=key.public.text,
        proof=key.sign(token.encode()),
        name=name,
        hostname=f"{name}.invalid",
        version="0.0.0",
        client_time=utc_now(),
        host=name,
    )


@asynccontextmanager
async def session(*, source: str = "", wait_s: float = _WAIT_S) -> AsyncIterator[aiohttp.ClientSession]:
    """How agents speak HTTP here. `source`: the loopback address that they come from."""
    connector = aiohttp.TCPConnector(limit=0, local_addr=(source, 0) if source else None)
    timeout = aiohttp.ClientTimeout(total=wait_s)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as web:
        yield web


def _understood(status: int, content: bytes) -> Answer:
    """Half an answer is none."""
    try:
        if status == 200:  # noqa: PLR2004 - HTTP's
            return Answer(status, ack=wire.decode(content, Ack))
        return Answer(status, error=wire.decode(content, LinkError))
    except wire.WireError:
        return Answer(0 if status == 200 else status)  # noqa: PLR2004 - likewise


def _inventory() -> Inventory:
    return Inventory(
        tuple(
            ConnectionInfo(
                key=f"db{number}", name=f"db{number}", type="direct", host="127.0.0.1", port=1521, tier="prod"
            )
            for number in range(CONNECTIONS)
        )
    )


def _run(name: str, seq: int, now: datetime) -> Run:
    outcome = Outcome(
        check=_CHECK,
        category="availability",
        status="ok",
        severity="info",
        line="connected",
        value=float(seq % 97),
        unit="ms",
        interval_s=300,
    )
    return Run(name, f"db{seq % CONNECTIONS}", now - timedelta(seconds=1), now, "schedule", (outcome,))


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _whole_lines(path: Path) -> list[bytes]:
    """The lines of a file that is cut behind the last one that has an end."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return whole.splitlines()
