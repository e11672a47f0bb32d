"""The agent's side of its child process for AWS: starts it, reads its answers, and ends it when its time is over."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import TypeVar

import msgspec

from agent.aws.messages import Answer, Bounded, Ended, Failed, Request, Scanned, ScanRequest, Verified, VerifyRequest
from common import logs

log = logs.get("agent.aws")
T = TypeVar("T")
_ANSWERS: "msgspec.json.Decoder[Answer]" = msgspec.json.Decoder(Answer)

SCANS = "agent.aws.scan"
_LONGEST_LINE = 64 * 1024 * 1024
_GRACE_S = 15.0
_FRUGAL: Mapping[str, str] = {"MALLOC_ARENA_MAX": "2", "PYTHONDONTWRITEBYTECODE": "1"}
_MISSING = "No module named 'boto"


class AskingError(Exception):
    """Nothing, or not everything, came of a request; one line that says why."""


async def ask(request: Request) -> AsyncGenerator[Answer, None]:
    """The answers as they come, the last of which is `Ended`; `AskingError` when the child cannot go on."""
    async with aclosing(answers_of(SCANS, request, _ANSWERS.decode)) as answers:
        async for message in answers:
            yield message


async def answers_of(module: str, request: Bounded, decode: Callable[[bytes], T]) -> AsyncGenerator[T, None]:
    """What a child process that runs this module answers, line by line; it is ended with the generator."""
    process = await _started(module)
    errors = asyncio.create_task(_read_all(process.stderr))
    try:
        async with aclosing(_answers(process, request, decode)) as answers:
            async for message in answers:
                yield message
    finally:
        await _end(process)
        said = await errors
    if process.returncode:
        raise AskingError(_reason(said, process.returncode))


async def scan_account(
    request: ScanRequest, on_region: Callable[[Scanned], None] = lambda _: None
) -> tuple[list[Scanned], Ended]:
    """All regions of a scan, each told of at once, and what it took; `AskingError` when the account cannot be used."""
    found: list[Scanned] = []
    async with aclosing(ask(request)) as answers:
        async for message in answers:
            if isinstance(message, Scanned):
                found.append(message)
                on_region(message)
            elif isinstance(message, Failed):
                raise AskingError(message.reason)
            elif isinstance(message, Ended):
                return found, message
    raise AskingError("the scan ended without a last word")


async def verify_account(request: VerifyRequest) -> Verified:
    """What is to be said of an account; `AskingError` when not even that can be found out."""
    async with aclosing(ask(request)) as answers:
        async for message in answers:
            if isinstance(message, Verified):
                return message
            if isinstance(message, Failed):
                raise AskingError(message.reason)
    raise AskingError("the verification ended without a last word")


async def _started(module: str) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **_FRUGAL},
            limit=_LONGEST_LINE,
        )
    except OSError as error:  # no memory, too many processes
        raise AskingError(f"no child process can be started: {error.strerror}") from None


async def _answers(
    process: asyncio.subprocess.Process, request: Bounded, decode: Callable[[bytes], T]
) -> AsyncGenerator[T, None]:
    if process.stdin is None or process.stdout is None:
        raise AskingError("the child process has no pipes")
    ends = asyncio.get_running_loop().time() + request.deadline_s + _GRACE_S
    process.stdin.write(msgspec.json.encode(request))
    process.stdin.write_eof()
    try:
        while line := await _before(ends, process.stdout.readline()):
            yield decode(line)
        await _before(ends, process.wait())
    except TimeoutError:
        raise AskingError(f"not done within {request.deadline_s:.0f} s") from None
    except msgspec.DecodeError as error:
        raise AskingError(f"the child process said what cannot be read: {error}") from None


async def _before(ends: float, work: Awaitable[T]) -> T:
    async with asyncio.timeout_at(ends):
        return await work


async def _read_all(stream: asyncio.StreamReader | None) -> str:
    return (await stream.read()).decode(errors="replace") if stream else ""


async def _end(process: asyncio.subprocess.Process) -> None:
    """At once. `Process.kill` would take the exit code of a child that has just ended away from who waits for it."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    await process.wait()


def _reason(said: str, code: int) -> str:
    """The last line of what a child wrote before it ended by itself."""
    if _MISSING in said:
        return "boto3 is not installed on the agent's host; install the extra `aws`"
    lines = said.strip().splitlines()
    log.error("child process for AWS ended", code=code, said="\n".join(lines[-20:]))
    return f"the child process ended with code {code}: {lines[-1] if lines else 'without a word'}"
