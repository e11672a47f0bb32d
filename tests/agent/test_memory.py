"""What the agent's process does not keep in memory."""

import subprocess
import sys
import weakref

import psutil
import pytest

from agent import memory


class Circle:
    """As a session of the driver."""

    me: "Circle"


def test_the_process_of_the_daemon_loads_nothing_for_consoles() -> None:
    heavy = "{'pygments', 'rich.console', 'greenlet._greenlet', 'typer', 'pydantic', 'boto3'}"
    code = f"import sys, agent.__main__; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_what_refers_to_itself_is_collected_before() -> None:
    one = Circle()
    one.me = one
    gone = weakref.ref(one)
    del one
    memory.give_back()
    assert gone() is None


def test_what_was_freed_between_what_is_used_goes_back_to_the_system() -> None:
    made = [bytes(3000) for _ in range(30_000)]
    kept = made[::50]  # the end of the heap is in use
    before = psutil.Process().memory_info().rss
    del made
    assert memory.give_back()
    assert before - psutil.Process().memory_info().rss > 40 * 2**20, len(kept)


def test_a_library_without_the_call_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_malloc_trim", None)
    assert not memory.give_back()


def test_nothing_is_looked_for_until_there_is_more_than_was_left() -> None:
    sizes = iter([50, 30, 30.5, 33, 32, 32.9])
    grown = memory.Grown(lambda: int(next(sizes) * memory.GROWN))
    assert [grown.give_back() for _ in range(4)] == [True, False, True, False]
