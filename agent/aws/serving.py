"""What every child process of the agent does: one request on standard input, one line of JSON per answer, and the end.

It lives for one request, under a bound on its memory; credentials never leave it.
"""

import os
import resource
import sys
from collections.abc import Callable

import msgspec

from agent.aws.messages import Bounded, Ended, Failed
from common import logs
from common.clock import utc_now

MIB = 1024 * 1024


def asked() -> bytes:
    """The request as it was written."""
    logs.configure(level="warning", form="logfmt")
    return sys.stdin.buffer.read()


def serve(request: Bounded, answer: Callable[[], int], *, advice: str) -> None:
    """Answer, and end at once: threads that wait for AWS must not keep the process. `answer` gives the calls made."""
    resource.setrlimit(resource.RLIMIT_DATA, (request.memory_mib * MIB, request.memory_mib * MIB))
    try:
        calls = answer()
    except MemoryError:
        calls = 0
        say(Failed(f"it needed more than {request.memory_mib} MiB of memory; {advice}"))
    say(Ended(utc_now(), calls, peak_rss_mib()))
    os._exit(0)


def say(message: msgspec.Struct) -> None:
    """One answer, at once."""
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def peak_rss_mib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
